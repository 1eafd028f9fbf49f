#include "operators/window/pane.h"

#include <algorithm>
#include <bit>

namespace streamflow {

Pane::Pane(const std::vector<CallPlan>& calls) {
  for (const CallPlan& call : calls) aggregates_.push_back(call.make());
}

void Pane::clear() {
  if (ids_.size() * 8 < slots_.size() || !table_.empty()) {
    slots_ = {};
    table_ = {};
    taken_ = 0;
  } else {
    for (const uint32_t id : ids_) {
      if (id != kNone) slots_[id] = 0;
    }
  }
  ids_.clear();
  for (const auto& aggregate : aggregates_) aggregate->resize(0);
  summed = false;
}

void Pane::prepare(size_t capacity) {
  const bool by_id = table_.empty() && !slots_.empty();
  if (by_id && slots_.size() >= capacity) return;
  if (many(capacity) || (by_id && ids_.size() * 16 >= capacity)) return go_by_id(capacity);
  if (table_.empty() || taken_ * 2 >= table_.size()) {
    make_table(std::bit_ceil(std::max<size_t>(16, ids_.size() * 4)));
  }
}

void Pane::go_by_id(size_t capacity) {
  if (slots_.size() < capacity) slots_.resize(capacity);
  for (const Place& place : table_) {
    if (place.id != kNone) slots_[place.id] = place.slot;
  }
  table_ = {};
  taken_ = 0;
}

// A table of what is there.
void Pane::make_table(size_t places) {
  std::vector<Place> found;
  for (const uint32_t id : ids_) {
    if (id == kNone) continue;
    found.push_back({id, table_.empty() ? slots_[id] : table_[place_of(id)].slot});
  }
  slots_ = {};
  table_.assign(places, {});
  taken_ = found.size();
  for (const Place& place : found) table_[place_of(place.id)] = place;
}

void Pane::merge(const Pane& later, size_t capacity, std::vector<uint32_t>& groups) {
  std::vector<uint32_t> ids, from;
  ids.reserve(later.ids_.size());
  from.reserve(later.ids_.size());
  for (uint32_t group = 0; group < later.ids_.size(); ++group) {
    if (later.ids_[group] == kNone) continue;
    ids.push_back(later.ids_[group]);
    from.push_back(group);
  }
  groups.resize(ids.size());
  find_groups(ids, capacity, kNoMark, groups.data(), [](uint32_t, bool) {});
  for (size_t call = 0; call < aggregates_.size(); ++call) {
    aggregates_[call]->merge(groups, *later.aggregates_[call], from);
  }
}

void Pane::remove(uint32_t id) {
  const uint32_t at = group(id);
  if (at == kNone) return;
  if (table_.empty()) {
    slots_[id] = 0;
  } else {
    table_[place_of(id)].slot = 0;
  }
  ids_[at] = kNone;
  for (const auto& aggregate : aggregates_) aggregate->reset(at);
}

void Pane::reset_marks() {
  for (const uint32_t id : ids_) {
    if (id == kNone) continue;
    uint32_t& slot = table_.empty() ? slots_[id] : table_[place_of(id)].slot;
    slot = (slot & kGroupMask) | (kNoMark << kGroupBits);
  }
}

}  // namespace streamflow
