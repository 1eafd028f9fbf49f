// Where the bytes of a YAML scalar's value stand in the file.  yaml-cpp gives the scalar's start
// and its value; the presentation between them (quotes, escapes, folds, indentation) is walked
// again here.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace streamflow {

struct ScalarPlace {
  uint32_t end = 0;     // one past the scalar, its closing quote included
  bool closed = true;   // false: a quote that only the end of the file ends (yaml-cpp takes that)
  bool direct = false;  // the value is simply the bytes [begin, end)
  // Else, the file offset of each byte of the value and one past its end.  Where the walk does not
  // give the value (no known case), all bytes point at the whole scalar.
  std::vector<uint32_t> offsets;
};

// `begin`: of the scalar in `file`: its first character, opening quote, or block indicator.
ScalarPlace place_scalar(std::string_view file, uint32_t begin, std::string_view value);

}  // namespace streamflow
