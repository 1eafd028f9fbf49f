#include "core/decode/json_check.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "core/decode/json.h"
#include "core/expr/utf8.h"

namespace streamflow {
namespace {

// How the decoder says where in a record something is.
constexpr std::string_view kAtByte = " at byte ";

// Where a string holds what it must not, or begins and never ends; npos: nowhere.
size_t string_fault(std::string_view text) {
  size_t open = std::string_view::npos;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (open == std::string_view::npos) {
      if (c == '"') open = i;
    } else if (c == '\\') {
      ++i;
    } else if (c == '"') {
      open = std::string_view::npos;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return i;
    }
  }
  return open;
}

// The place in `record` that `reason` is about; says it no more in the reason.
size_t place_of(std::string_view record, std::string& reason) {
  if (const size_t at = reason.find(kAtByte); at != std::string::npos) {
    size_t byte = 1;
    const char* const digits = reason.data() + at + kAtByte.size();
    const char* const end = std::from_chars(digits, reason.data() + reason.size(), byte).ptr;
    reason.erase(at, static_cast<size_t>(end - (reason.data() + at)));
    return std::min(byte - 1, record.size());
  }
  if (reason == "not UTF-8") {
    size_t at = 0;
    while (at < record.size()) {
      const expr::CodePoint point = expr::decode_utf8(record, at);
      if (!point.valid) break;
      at += point.length;
    }
    return at;
  }
  if (reason.starts_with("ends early")) {
    const size_t last = record.find_last_not_of(" \t\r\n");
    return last == std::string_view::npos ? 0 : last + 1;
  }
  const size_t fault = string_fault(record);
  return fault == std::string_view::npos ? 0 : fault;
}

class FirstProblem final : public DecoderOutput {
 public:
  explicit FirstProblem(std::string_view whole) : whole_(whole) {}

  void rows(Decoded decoded) override { out.records += decoded.rows; }
  void bad(std::string_view text, std::string_view reason, uint32_t) override {
    // A record of a value that is no object has a block of its own, but is never bad.
    const auto begin = static_cast<size_t>(text.data() - whole_.data());
    if (out.problem && begin >= begin_) return;
    begin_ = begin;
    JsonProblem problem;
    problem.reason = reason;
    const std::string_view before = whole_.substr(0, begin + place_of(text, problem.reason));
    problem.line = 1 + static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'));
    const std::string_view line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
    problem.column = 1 + static_cast<uint64_t>(std::count_if(line.begin(), line.end(), [](char c) {
                       return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                     }));
    problem.sample = text.substr(0, JsonChecker::kSampleBytes);
    out.problem = std::move(problem);
  }

  JsonChecked out;

 private:
  std::string_view whole_;
  size_t begin_ = 0;
};

std::shared_ptr<Block> block_of(std::string_view text) {
  auto block = std::make_shared<Block>(text.size() + 1);
  std::copy(text.begin(), text.end(), block->data.get());
  block->data[text.size()] = '\n';
  block->size = text.size() + 1;
  return block;
}

}  // namespace

std::string JsonProblem::text() const {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + reason;
}

JsonChecker::JsonChecker() : decoder_(make_json_decoder({.arrays = true})) { decoder_->want({}); }

JsonChecked JsonChecker::check_document(std::string_view text) {
  const std::shared_ptr<Block> block = block_of(text);
  FirstProblem output({block->data.get(), text.size()});
  const std::vector<Frame> frames = {{0, static_cast<uint32_t>(text.size())}};
  decoder_->decode(block, &frames, output);
  return std::move(output.out);
}

JsonChecked JsonChecker::check_lines(std::string_view text) {
  const std::shared_ptr<Block> block = block_of(text);
  FirstProblem output({block->data.get(), text.size()});
  decoder_->decode(block, nullptr, output);
  return std::move(output.out);
}

}  // namespace streamflow
