// Well-formed JSON text, rewritten without building anything from it.
#pragma once

#include <string>
#include <string_view>

namespace streamflow {

inline bool is_json_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// At the opening quote of a string of well-formed JSON; returns the place behind the closing one.
inline const char* skip_json_string(const char* p) {
  ++p;
  while (*p != '"') p += *p == '\\' ? 2 : 1;
  return p + 1;
}

// Appends `json` without the white space between its tokens.
void minify_json(std::string_view json, std::string& out);

}  // namespace streamflow
