// Whether a text is good before anything of it is taken, by the very walk that decodes records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/decode/decoder.h"

namespace streamflow {

struct JsonProblem {
  uint64_t line = 1;    // from 1
  uint64_t column = 1;  // from 1, in code points
  std::string reason;
  std::string sample;  // of the record at fault, its first bytes
  // "line 2, column 7: expected ':', found '}'"
  std::string text() const;
};

struct JsonChecked {
  uint64_t records = 0;
  std::optional<JsonProblem> problem;  // the first
};

// Keeps what it learns of the records' shapes, so that checking costs little more than scanning.
// Single-threaded.
class JsonChecker {
 public:
  static constexpr size_t kSampleBytes = 200;

  JsonChecker();
  // One value, or an array of records.
  JsonChecked check_document(std::string_view text);
  // One of those on each line; blank lines count for nothing.
  JsonChecked check_lines(std::string_view text);

 private:
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace streamflow
