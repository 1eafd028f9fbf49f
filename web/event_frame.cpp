#include "web/event_frame.h"

#include <array>
#include <charconv>

namespace streamflow::web {
namespace {

EventFramePtr make_frame(std::string_view name, const std::string& payload) {
  std::array<char, 16> hex{};
  const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), payload.size(), 16).ptr;
  auto frame = std::make_shared<EventFrame>();
  frame->name = name;
  frame->bytes.reserve(payload.size() + 24);
  frame->bytes.append(hex.data(), end).append("\r\n");
  frame->payload_begin = frame->bytes.size();
  frame->payload_size = payload.size();
  frame->bytes.append(payload).append("\r\n");
  return frame;
}

}  // namespace

EventFramePtr make_event_frame(std::string_view name, std::string_view data) {
  std::string payload;
  payload.reserve(name.size() + data.size() + 24);
  payload.append("event: ").append(name).append("\n");
  while (true) {
    const std::size_t line_break = data.find_first_of("\r\n");
    payload.append("data: ").append(data.substr(0, line_break)).append("\n");
    if (line_break == std::string_view::npos) break;
    const bool pair = data.substr(line_break, 2) == "\r\n";
    data.remove_prefix(line_break + (pair ? 2 : 1));
  }
  payload.append("\n");
  return make_frame(name, payload);
}

EventFramePtr make_comment_frame() { return make_frame({}, ":\n\n"); }

}  // namespace streamflow::web
