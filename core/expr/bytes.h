// Equality of short byte strings without a call: keys and prefixes have a dozen bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace streamflow::expr {

template <class Word>
uint64_t difference(const char* a, const char* b) {
  Word x, y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return static_cast<uint64_t>(x ^ y);
}

// One branch where it can: which strings are equal is not predictable.
inline bool same_bytes(const char* a, const char* b, size_t n) {
  if (n >= 8) {
    uint64_t different = difference<uint64_t>(a + n - 8, b + n - 8);
    for (size_t i = 0; i + 8 < n && different == 0; i += 8)
      different = difference<uint64_t>(a + i, b + i);
    return different == 0;
  }
  if (n >= 4) {
    const uint64_t head = difference<uint32_t>(a, b);
    return (head | difference<uint32_t>(a + n - 4, b + n - 4)) == 0;
  }
  for (size_t i = 0; i < n; ++i)
    if (a[i] != b[i]) return false;
  return true;
}

// A string of 1 to 7 bytes and its size in one word.  No branch: which lengths come is not
// predictable.
inline uint64_t pack_short(const char* text, size_t n) {
  static constexpr char kNothing[4] = {};
  const bool wide = n >= 4;
  const char* from = wide ? text : kNothing;
  const size_t tail_at = wide ? n - 4 : 0;
  uint32_t head = 0, tail = 0;
  std::memcpy(&head, from, 4);
  std::memcpy(&tail, from + tail_at, 4);
  const auto byte = [text](size_t i) {
    return uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  };
  // The first, middle and last byte: all of one to three, some of more.
  return head | uint64_t{tail} << (8 * tail_at) | byte(0) | byte(n / 2) | byte(n - 1) |
         uint64_t{n} << 56;
}

}  // namespace streamflow::expr
