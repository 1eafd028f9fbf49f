#include "operators/join/join_records.h"

#include <algorithm>

namespace streamflow {

uint32_t JoinRecords::add(JoinRecord record) {
  record.uses = 1;
  ids_.retain(record.key);
  if (free_.empty()) {
    records_.push_back(std::move(record));
    return size() - 1;
  }
  const uint32_t at = free_.back();
  free_.pop_back();
  records_[at] = std::move(record);
  return at;
}

void JoinRecords::release(uint32_t at) {
  JoinRecord& record = records_[at];
  if (--record.uses != 0) return;
  ids_.release(record.key);
  record = {};
  free_.push_back(at);
}

void JoinRecords::clear() {
  for (const JoinRecord& record : records_)
    if (record.uses != 0) ids_.release(record.key);
  records_.clear();
  free_.clear();
}

namespace {

struct Before {
  const JoinRecords& records;
  bool operator()(uint32_t a, uint32_t b) const {
    const JoinRecord& x = records[a];
    const JoinRecord& y = records[b];
    return x.row.time != y.row.time ? x.row.time < y.row.time : x.order < y.order;
  }
};

}  // namespace

void Timeline::insert(const JoinRecords& records, uint32_t at) {
  const Before before{records};
  if (size() == 0 || before(items_.back(), at)) {
    if (items_.empty()) items_.reserve(1);
    items_.push_back(at);
    return;
  }
  const auto begin = items_.begin() + static_cast<ptrdiff_t>(head_);
  items_.insert(std::upper_bound(begin, items_.end(), at, before), at);
}

void Timeline::remove(const JoinRecords& records, uint32_t at) {
  if (items_[head_] == at) {
    ++head_;
  } else {
    const auto begin = items_.begin() + static_cast<ptrdiff_t>(head_);
    items_.erase(std::lower_bound(begin, items_.end(), at, Before{records}));
  }
  if (head_ * 2 >= items_.size()) {
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

size_t Timeline::first_at(const JoinRecords& records, Micros time) const {
  const auto begin = items_.begin() + static_cast<ptrdiff_t>(head_);
  return static_cast<size_t>(
      std::lower_bound(begin, items_.end(), time,
                       [&](uint32_t at, Micros t) { return records[at].row.time < t; }) -
      begin);
}

size_t Timeline::first_after(const JoinRecords& records, Micros time) const {
  const auto begin = items_.begin() + static_cast<ptrdiff_t>(head_);
  return static_cast<size_t>(
      std::upper_bound(begin, items_.end(), time,
                       [&](Micros t, uint32_t at) { return t < records[at].row.time; }) -
      begin);
}

namespace {

bool later_entry(const TimeHeap::Entry& a, const TimeHeap::Entry& b) {
  return a.time != b.time ? a.time > b.time : a.order > b.order;
}

}  // namespace

void TimeHeap::push(Entry entry) {
  entries_.push_back(entry);
  std::push_heap(entries_.begin(), entries_.end(), later_entry);
}

void TimeHeap::pop() {
  std::pop_heap(entries_.begin(), entries_.end(), later_entry);
  entries_.pop_back();
}

}  // namespace streamflow
