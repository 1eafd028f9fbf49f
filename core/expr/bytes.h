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

// A string of at most 16 bytes in two words: equal exactly where strings of one length are.
struct Packed {
  uint64_t low = 0, high = 0;
};
inline Packed pack(const char* text, size_t n) {
  Packed out;
  if (n >= 8) {
    std::memcpy(&out.low, text, 8);
    std::memcpy(&out.high, text + n - 8, 8);
  } else if (n >= 4) {
    uint32_t head, tail;
    std::memcpy(&head, text, 4);
    std::memcpy(&tail, text + n - 4, 4);
    out.low = uint64_t{tail} << 32 | head;
  } else if (n > 0) {
    const auto byte = [text](size_t i) { return uint64_t{static_cast<unsigned char>(text[i])}; };
    out.low = byte(0) | byte(n / 2) << 8 | byte(n - 1) << 16;
  }
  return out;
}

}  // namespace streamflow::expr
