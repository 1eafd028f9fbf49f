// How often each different value came: keys as core/keys.h encodes them (1, 1u and 1.0 are one) in
// a table with open addressing.  About 48 bytes a different value, and its encoding (a number's is
// 11 bytes); a value can be taken away again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/column.h"
#include "core/state_bytes.h"

namespace streamflow {

class ValueCounts {
 public:
  struct Entry {
    uint64_t hash = 0;
    uint64_t count = 0;            // 0: taken away
    uint32_t begin = 0, size = 0;  // of its encoding
    Kind kind = Kind::kNull;  // of the first: equal numbers keep the least of int, uint, double
  };

  size_t size() const { return present_; }
  // Of an encoding that append_key_cell made.
  void add(std::string_view encoding, Kind kind, uint64_t times = 1);
  void remove(std::string_view encoding);
  void merge(const ValueCounts& other);
  std::string_view encoding(const Entry& entry) const {
    return {bytes_.data() + entry.begin, entry.size};
  }
  // Those that are there, in no order.
  template <class See>
  void each(See&& see) const {
    for (const Entry& entry : entries_) {
      if (entry.count != 0) see(entry);
    }
  }
  Value value(const Entry& entry) const;

  void save(std::string& out) const;
  void load(StateReader& in);

 private:
  size_t find(std::string_view encoding,
              uint64_t hash) const;  // the slot that has it, or a free one
  void rebuild(size_t slots);

  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // entry + 1, 0 free; a power of two of them
  std::string bytes_;
  size_t present_ = 0;
};

}  // namespace streamflow
