// The bytes of saved state: little-endian words, LEB128 counts, counted texts.  Writers append; the
// reader refuses to pass the end and remembers that it had to.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace streamflow {

void save_word(uint64_t word, std::string& out);    // 8 bytes
void save_count(uint64_t count, std::string& out);  // 1 to 10 bytes
void save_text(std::string_view text, std::string& out);
inline void save_real(double d, std::string& out) { save_word(std::bit_cast<uint64_t>(d), out); }
inline void save_micros(int64_t t, std::string& out) { save_word(static_cast<uint64_t>(t), out); }

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  // Zero or empty after a failure.
  uint64_t word();
  uint64_t count();
  std::string_view text();
  unsigned char byte();
  double real() { return std::bit_cast<double>(word()); }
  int64_t micros() { return static_cast<int64_t>(word()); }
  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }  // what was not read

 private:
  std::string_view take(size_t size);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace streamflow
