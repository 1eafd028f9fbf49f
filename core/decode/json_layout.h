// The shape of records: which fields, in which order, written how.  The walk of json.cpp checks a
// record against the shapes of earlier ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/column.h"
#include "core/decode/json_cell.h"
#include "core/json_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace streamflow {

inline constexpr size_t kHeadBytes = 16;
inline constexpr uint32_t kShortNumberMax = 16;

// Whether the token is a well-formed number of at most 16 characters with nothing behind it.  False
// only means: look again, the slow way.
inline bool short_number(const char* text, uint32_t length) {
#if defined(__SSE2__)
  if (length > kShortNumberMax) return false;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i shifted = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>('0' + 128)));
  const auto digits =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmplt_epi8(shifted, _mm_set1_epi8(-128 + 10))));
  const auto dots =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
  uint32_t all = (uint32_t{1} << length) - 1;
  uint32_t point = dots & all;
  uint32_t figures = digits & all;
  const uint32_t minus = text[0] == '-';
  point >>= minus, figures >>= minus, all >>= minus;
  const uint32_t last = (all >> 1) + 1;
  const bool leading_zero = text[minus] == '0' && (figures & 2) != 0;
  return (point | figures) == all && (figures & 1) != 0 && (figures & last) != 0 &&
         (point & (point - 1)) == 0 && !leading_zero;
#else
  return valid_json_number(text, text + length) && !is_json_blank(text[length - 1]);
#endif
}

// What the numbers of a field usually look like: where digits, point and sign stand.  A token of
// the same shape is a well-formed number.
struct NumberShape {
#if defined(__SSE2__)
  // Of each character: the least, and how much above it may be.  Matches nothing at first.
  __m128i least = _mm_set1_epi8(-1), above = _mm_setzero_si128();

  void learn(const char* text, uint32_t length) {
    unsigned char low[16] = {}, more[16];
    std::memset(more, 255, sizeof more);
    const uint32_t sign = text[0] == '-';
    const bool long_integer = sign + 1 < length && text[sign + 1] != '.';
    for (uint32_t i = 0; i < length; ++i) {
      const bool digit = text[i] >= '0' && text[i] <= '9';
      low[i] = digit ? '0' : static_cast<unsigned char>(text[i]);
      more[i] = digit ? 9 : 0;
    }
    if (long_integer) low[sign] = '1', more[sign] = 8;
    least = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
    above = _mm_loadu_si128(reinterpret_cast<const __m128i*>(more));
  }

  bool matches(const char* text) const {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    const __m128i over = _mm_sub_epi8(bytes, least);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(over, above), over)) == 0xFFFF;
  }
#else
  void learn(const char*, uint32_t) {}
  bool matches(const char*) const { return false; }
#endif
};

// A field of a shape: what stands before its value, from the `{` or `,` before its name on.
struct LayoutField {
  std::string text;         // `{"a":`, `, "b": `
  Token* tokens = nullptr;  // a wanted field's, by row
  std::vector<NumberShape> shapes = std::vector<NumberShape>(kShortNumberMax + 1);  // by length
  uint32_t size = 0;                                                                // of text
#if defined(__SSE2__)
  __m128i head{};
  uint32_t mask = 0;
#endif

  LayoutField(std::string text_before, Token* column)
      : text(std::move(text_before)), tokens(column), size(static_cast<uint32_t>(text.size())) {
#if defined(__SSE2__)
    char bytes[kHeadBytes] = {};
    const size_t length = std::min(text.size(), kHeadBytes);
    std::memcpy(bytes, text.data(), length);
    head = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    mask = length == kHeadBytes ? 0xFFFF : (uint32_t{1} << length) - 1;
#endif
  }

  // A number of at most 16 characters of a known shape with nothing behind it.
  bool is_known_number(const char* at, uint32_t length) const {
    return length <= kShortNumberMax && shapes[length].matches(at);
  }
  bool learn_number(const char* at, uint32_t length) {
    if (length > kShortNumberMax || !short_number(at, length)) return false;
    shapes[length].learn(at, length);
    return true;
  }

  // At least `size` characters are left of the block, or 16 of its padding.
  bool matches(const char* at) const {
#if defined(__SSE2__)
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto same = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, head)));
    if ((same & mask) != mask) return false;
    return size <= kHeadBytes ||
           std::memcmp(at + kHeadBytes, text.data() + kHeadBytes, size - kHeadBytes) == 0;
#else
    return std::memcmp(at, text.data(), size) == 0;
#endif
  }
};

struct Layout {
  std::vector<LayoutField> fields;
  std::vector<Token*> missing;  // wanted fields that this shape lacks
  bool has_breaks = false;
};

}  // namespace streamflow
