// The records that a join holds, by number.  A record lives as long as somebody uses it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/keys.h"
#include "operators/join/join_plan.h"
#include "core/kept_rows.h"

namespace streamflow {

struct JoinRecord {
  KeptRow row;
  uint64_t order = 0;  // of arrival on its side
  uint32_t key = 0;
  uint32_t uses = 0;
  Side side = Side::kLeft;
  bool null_key = false;  // equals nothing
  bool matched = false;
  bool handled = false;  // its time is below the watermark up to which results were made
  bool held = false;     // may still meet others
};

class JoinRecords {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit JoinRecords(KeyDictionary& ids) : ids_(ids) {}

  uint32_t add(JoinRecord record);  // used once
  JoinRecord& operator[](uint32_t at) { return records_[at]; }
  const JoinRecord& operator[](uint32_t at) const { return records_[at]; }
  void use(uint32_t at) { ++records_[at].uses; }
  void release(uint32_t at);
  void clear();

  uint32_t size() const { return static_cast<uint32_t>(records_.size()); }  // numbers are below it
  bool live(uint32_t at) const { return records_[at].uses != 0; }

 private:
  KeyDictionary& ids_;
  std::vector<JoinRecord> records_;
  std::vector<uint32_t> free_;
};

// Records of one side and key in the order of (time, arrival).
class Timeline {
 public:
  void insert(const JoinRecords& records, uint32_t at);
  void remove(const JoinRecords& records, uint32_t at);
  // Place of the first record at or after `time`, or after it.
  size_t first_at(const JoinRecords& records, Micros time) const;
  size_t first_after(const JoinRecords& records, Micros time) const;
  size_t size() const { return items_.size() - head_; }
  uint32_t operator[](size_t i) const { return items_[head_ + i]; }
  void clear() { items_.clear(), head_ = 0; }

 private:
  std::vector<uint32_t> items_;
  size_t head_ = 0;  // removed from the front
};

// What waits for a time, the earliest on top; of equal times the earlier to arrive.
class TimeHeap {
 public:
  struct Entry {
    Micros time;
    uint64_t order;
    uint32_t record;
  };
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  const Entry& top() const { return entries_.front(); }
  void push(Entry entry);
  void pop();
  void clear() { entries_.clear(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace streamflow
