#include "core/state_bytes.h"

namespace streamflow {

void save_word(uint64_t word, std::string& out) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(word >> (8 * i));
  out.append(bytes, 8);
}

void save_count(uint64_t count, std::string& out) {
  while (count >= 0x80) {
    out.push_back(static_cast<char>(count | 0x80));
    count >>= 7;
  }
  out.push_back(static_cast<char>(count));
}

void save_text(std::string_view text, std::string& out) {
  save_count(text.size(), out);
  out.append(text);
}

std::string_view StateReader::take(size_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

unsigned char StateReader::byte() {
  const std::string_view taken = take(1);
  return taken.empty() ? 0 : static_cast<unsigned char>(taken[0]);
}

uint64_t StateReader::word() {
  const std::string_view taken = take(8);
  uint64_t word = 0;
  for (size_t i = taken.size(); i-- > 0;) word = word << 8 | static_cast<unsigned char>(taken[i]);
  return word;
}

uint64_t StateReader::count() {
  uint64_t count = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const unsigned char next = byte();
    count |= static_cast<uint64_t>(next & 0x7f) << shift;
    if ((next & 0x80) == 0) return ok_ ? count : 0;
  }
  ok_ = false;
  return 0;
}

std::string_view StateReader::text() { return take(count()); }

}  // namespace streamflow
