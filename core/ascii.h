// Letters A to Z in small, all else as it is, whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace streamflow {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

}  // namespace streamflow
