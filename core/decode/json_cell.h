// One JSON value at the token level: what a column needs of a cell that the row walk (json.h) has found
// and checked.  A token is [begin, end) with white space at its end; begin is its first character.
#pragma once

#include <bit>
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

// The common case of the above, inline: a number of at most 18 digits without exponent.  False: take the
// long way.  Mantissa and power of ten are exact doubles then, so one division rounds once and correctly
// (W. Clinger, "How to read floating point numbers accurately", 1990).
inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                          1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
inline bool decode_short_number(const char* begin, const char* end, Kind& kind, uint64_t& bits) {
  const char* p = begin;
  const bool negative = *p == '-';
  p += negative;
  const char* const first = p;
  uint64_t mantissa = 0;
  unsigned digit = 0;
  while (p < end && (digit = static_cast<unsigned>(*p) - '0') < 10) mantissa = mantissa * 10 + digit, ++p;
  if (p < end && *p == '.') {
    const char* const point = ++p;
    while (p < end && (digit = static_cast<unsigned>(*p) - '0') < 10) mantissa = mantissa * 10 + digit, ++p;
    const auto decimals = p - point;
    if (p - first > 19 || (p < end && (*p | 0x20) == 'e') || mantissa > (uint64_t{1} << 53)) return false;
    const double d = static_cast<double>(mantissa) / kPowersOfTen[decimals];
    kind = Kind::kDouble;
    bits = std::bit_cast<uint64_t>(negative ? -d : d);
    return true;
  }
  if (p - first > 18 || (p < end && (*p | 0x20) == 'e') || (negative && mantissa == 0)) return false;
  kind = Kind::kInt;
  bits = negative ? uint64_t{0} - mantissa : mantissa;
  return true;
}

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
