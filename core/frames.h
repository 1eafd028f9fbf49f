// Numbers and byte strings one after another: how saved state is put together.  Little-endian, 8 bytes a
// number, a length before bytes.  Reading past the end gives zeros and empty bytes, and says so at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/status.h"

namespace streamflow {

class FrameWriter {
 public:
  explicit FrameWriter(std::string& out) : out_(out) {}
  void number(int64_t value) {
    for (int shift = 0; shift < 64; shift += 8)
      out_ += static_cast<char>(static_cast<uint64_t>(value) >> shift);
  }
  void bytes(std::string_view value) {
    number(static_cast<int64_t>(value.size()));
    out_ += value;
  }

 private:
  std::string& out_;
};

class FrameReader {
 public:
  explicit FrameReader(std::string_view in) : in_(in) {}
  int64_t number() {
    if (in_.size() < 8) {
      ok_ = false;
      return 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(in_[static_cast<size_t>(i)])) << (8 * i);
    in_.remove_prefix(8);
    return static_cast<int64_t>(value);
  }
  std::string_view bytes() {
    const auto length = static_cast<uint64_t>(number());
    if (!ok_ || length > in_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view value = in_.substr(0, length);
    in_.remove_prefix(length);
    return value;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  // Good only if everything was there and nothing is left.
  Status finish(const std::string& what) const {
    if (ok_ && in_.empty()) return {};
    return fail(ErrorKind::kIo, what + " is damaged or of another version");
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace streamflow
