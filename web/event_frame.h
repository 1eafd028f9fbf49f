// An event as it goes over the wire, made once and shared by all viewers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace streamflow::web {

struct EventFrame {
  std::string name;
  std::string bytes;  // one chunk of the chunked transfer coding
  std::size_t payload_begin = 0;
  std::size_t payload_size = 0;

  // With the chunk framing, or (for HTTP/1.0) without.
  std::string_view wire(bool chunked) const {
    return chunked ? std::string_view(bytes)
                   : std::string_view(bytes).substr(payload_begin, payload_size);
  }
};

using EventFramePtr = std::shared_ptr<const EventFrame>;

// Line breaks in data become further `data:` lines, as the event-stream format asks.
EventFramePtr make_event_frame(std::string_view name, std::string_view data);
EventFramePtr make_comment_frame();

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace streamflow::web
