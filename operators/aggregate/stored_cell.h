// One cell that outlives its batch: 24 bytes, and the text of those that have one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/column.h"
#include "core/state_bytes.h"

namespace streamflow {

class StoredCell {
 public:
  StoredCell() = default;
  StoredCell(const StoredCell& other) { *this = other; }
  StoredCell(StoredCell&&) = default;
  StoredCell& operator=(const StoredCell& other);
  StoredCell& operator=(StoredCell&&) = default;

  bool empty() const { return kind_ == Kind::kMissing; }
  Kind kind() const { return kind_; }
  uint64_t bits() const { return word_; }
  std::string_view text() const { return text_ ? std::string_view(*text_) : std::string_view(); }

  void set(const Column& column, uint32_t row);
  void set_word(Kind kind, uint64_t bits) {
    kind_ = kind;
    word_ = bits;
  }
  void write(Column& out, uint32_t row) const;  // missing: null

  // The order of values of all kinds that have one: bools, numbers, timestamps, durations, strings,
  // bytes; of equal numbers int, uint, double.
  static bool orderable(Kind kind) { return kind >= Kind::kBool && kind <= Kind::kDuration; }
  int compare(const StoredCell& other) const;
  int compare(const Column& column, uint32_t row) const;

  void save(std::string& out) const;
  void load(StateReader& in);

 private:
  int compare(Kind kind, uint64_t bits, std::string_view text) const;

  Kind kind_ = Kind::kMissing;
  uint64_t word_ = 0;
  std::unique_ptr<std::string> text_;
};

}  // namespace streamflow
