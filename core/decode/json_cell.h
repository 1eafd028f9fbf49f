// One JSON value at the token level: what a column needs of a cell that the row walk (json.h) has found
// and checked.  A token is [begin, end) with white space at its end; begin is its first character.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
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

// Eight bytes of values 0 to 9, the first digit in the lowest byte, as a number.
inline uint64_t eight_digits(uint64_t digits) {
  digits = (digits * 10) + (digits >> 8);
  return (((digits & 0x000000FF000000FF) * 0x000F424000000064) +
          (((digits >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >> 32;
}

// `count` (1 to 8) characters at the start of `bytes`, the rest ignored, as values 0 to 9 behind zeros;
// false: not all are digits.
inline bool digit_values(uint64_t bytes, unsigned count, uint64_t& values) {
  const unsigned shift = 64 - 8 * count;
  values = (bytes << shift) - (0x3030303030303030 << shift);
  return ((values | (values + 0x7676767676767676)) & 0x8080808080808080) == 0;
}

// decode_short_number for tokens that are followed by 16 readable bytes: the usual lengths without a loop,
// whose end would be a branch that nobody can predict.  (Little-endian: eight bytes at a time.)
inline bool decode_padded_number(const char* begin, const char* end, Kind& kind, uint64_t& bits) {
  if constexpr (std::endian::native != std::endian::little)
    return decode_short_number(begin, end, kind, bits);
  const bool negative = *begin == '-';
  const char* const first = begin + negative;
  const auto length = static_cast<unsigned>(end - first);
  if (length == 0 || length > 16) return decode_short_number(begin, end, kind, bits);
  uint64_t bytes;
  std::memcpy(&bytes, first, sizeof bytes);
  uint64_t values = 0;
  if (length > 8) {
    uint64_t rest, rest_values = 0;
    std::memcpy(&rest, first + 8, sizeof rest);
    if (!digit_values(bytes, 8, values) || !digit_values(rest, length - 8, rest_values))
      return decode_short_number(begin, end, kind, bits);
    constexpr uint64_t kScales[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const uint64_t whole = eight_digits(values) * kScales[length - 8] + eight_digits(rest_values);
    if (negative && whole == 0) return decode_short_number(begin, end, kind, bits);
    kind = Kind::kInt;
    bits = negative ? uint64_t{0} - whole : whole;
    return true;
  }
  const uint64_t points = bytes ^ 0x2E2E2E2E2E2E2E2E;
  const uint64_t found = (points - 0x0101010101010101) & ~points & 0x8080808080808080;
  const auto before = static_cast<unsigned>(std::countr_zero(found)) / 8;  // digits before the point
  if (before >= length) {
    if (!digit_values(bytes, length, values)) return decode_short_number(begin, end, kind, bits);
    const uint64_t whole = eight_digits(values);
    if (negative && whole == 0) return decode_short_number(begin, end, kind, bits);
    kind = Kind::kInt;
    bits = negative ? uint64_t{0} - whole : whole;
    return true;
  }
  const uint64_t left = (uint64_t{1} << (8 * before)) - 1;
  if (length < 2 || !digit_values((bytes & left) | ((bytes >> 8) & ~left), length - 1, values))
    return decode_short_number(begin, end, kind, bits);
  const double d =
      static_cast<double>(eight_digits(values)) / kPowersOfTen[length - 1 - before];
  kind = Kind::kDouble;
  bits = std::bit_cast<uint64_t>(negative ? -d : d);
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
