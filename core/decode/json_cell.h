// One JSON value at the token level: what a column needs of a cell that the row walk (json.h) has found
// and checked.  A token is [begin, end) with white space at its end; begin is its first character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/value.h"

namespace streamflow {

struct JsonCell {
  Kind kind = Kind::kMissing;  // kNull kBool kInt kUint kDouble kList kMap
  uint64_t bits = 0;
};

// The value of a scalar that is no string; lists and maps give only their kind.  Integers that fit
// int64 or uint64 keep their exact value, all other numbers are the nearest double ("-0" is -0.0).
// The token must be well-formed.
void decode_json_scalar(const char* begin, const char* end, JsonCell& cell);

// True when the string token has no escapes: `text` is its inside.
bool plain_json_string(const char* begin, const char* end, std::string_view& text);
// The text of a string token with escapes.  A lone surrogate becomes U+FFFD.
void unescape_json_string(const char* begin, const char* end, std::string& out);

// The token without the white space at its end.
std::string_view trim_json(const char* begin, const char* end);

// Whether the text from `begin` is a JSON number that ends exactly at a blank, `,`, `]`, `}` or `end`.
bool valid_json_number(const char* begin, const char* end);
// Whether all escapes in the string token are well-formed.
bool valid_json_escapes(const char* begin, const char* end);

}  // namespace streamflow
