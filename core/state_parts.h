// What a step keeps, by partition of the key (keys.h), as it is saved.  A step writes all that are wanted in one
// pass over its keys, each to the text of its partition.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>

#include "core/keys.h"
#include "core/state_bytes.h"

namespace streamflow {

class StateParts {
 public:
  explicit StateParts(const std::bitset<kPartitions>& wanted) : wanted_(wanted) {}
  bool wants(unsigned partition) const { return wanted_[partition]; }
  std::string& operator[](unsigned partition) { return texts_[partition]; }

 private:
  std::bitset<kPartitions> wanted_;
  std::array<std::string, kPartitions> texts_;
};

// Entries of the wanted partitions, whose number is known in the end.
class CountedEntries {
 public:
  explicit CountedEntries(const StateParts& parts) : parts_(parts) {}
  // Where the next entry of the partition goes; null: it is not wanted.
  std::string* next(unsigned partition) {
    if (!parts_.wants(partition)) return nullptr;
    ++counts_[partition];
    return &texts_[partition];
  }
  uint64_t count(unsigned partition) const { return counts_[partition]; }
  void append_to(std::string& out, unsigned partition) {
    save_count(counts_[partition], out);
    out += texts_[partition];
    texts_[partition] = {};
  }

 private:
  const StateParts& parts_;
  std::array<std::string, kPartitions> texts_;
  std::array<uint64_t, kPartitions> counts_{};
};

}  // namespace streamflow
