// The accumulators of all keys for one stretch of event time.  A key's id leads to its group here,
// and groups are dense.  Where a pane has records of most keys, its groups are found by id, at 4
// bytes a known key; where it has those of few, by hash, at 16 to 32 bytes a key in it: so that
// many panes of many keys cost what is in them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "operators/window/window_plan.h"

namespace streamflow {

class Pane {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kNoMark = 1;
  static constexpr uint32_t kMarkMax = 255;

  explicit Pane(const std::vector<CallPlan>& calls);

  // Starts anew for another stretch.
  void clear();

  // The group of each id, made where there is none; `capacity` is above all ids.  `touched(id,
  // is_new)` is called once for each id of which no group was found since `mark` (kNoMark to kMarkMax)
  // was last another.
  template <class Touched>
  void find_groups(std::span<const uint32_t> ids, size_t capacity, uint32_t mark, uint32_t* groups,
                   Touched&& touched);

  uint32_t group(uint32_t id) const {
    uint32_t slot = 0;
    if (table_.empty()) {
      if (id < slots_.size()) slot = slots_[id];
    } else if (const Place& place = table_[place_of(id)]; place.id == id) {
      slot = place.slot;
    }
    return slot != 0 ? (slot & kGroupMask) - 1 : kNone;
  }
  // Adds all groups of a later pane.  `groups` is working space.
  void merge(const Pane& later, size_t capacity, std::vector<uint32_t>& groups);
  // Without its group: the id has no records here any more.  The group stays, empty.
  void remove(uint32_t id);
  const std::vector<uint32_t>& ids() const { return ids_; }  // by group; kNone: removed
  Aggregate& aggregate(size_t call) { return *aggregates_[call]; }
  const Aggregate& aggregate(size_t call) const { return *aggregates_[call]; }
  void reset_marks();  // all become kNoMark

  bool summed = false;  // a sum of panes that is kept has this one's groups

 private:
  static constexpr uint32_t kGroupBits = 24;
  static constexpr uint32_t kGroupMask = (1u << kGroupBits) - 1;
  static constexpr size_t kAlwaysById = 64;  // known keys: a table would save nothing

  struct Place {
    uint32_t id = kNone;  // kNone: free
    uint32_t slot = 0;
  };
  // Where the id is, or where it would go.  The table is never full.
  size_t place_of(uint32_t id) const {
    const size_t mask = table_.size() - 1;
    size_t at = (id * 2654435769u >> 7) & mask;
    while (table_[at].id != id && table_[at].id != kNone) at = (at + 1) & mask;
    return at;
  }
  bool many(size_t capacity) const {
    return capacity <= kAlwaysById || ids_.size() * 4 >= capacity;
  }
  // Makes room for all ids, by id, or for one more, by hash.
  void prepare(size_t capacity);
  void go_by_id(size_t capacity);
  void make_table(size_t places);
  template <class Touched>
  uint32_t group_of(uint32_t& slot, uint32_t id, uint32_t marked, Touched& touched);

  // One of them is in use; a slot is 0, or mark and group + 1.
  std::vector<uint32_t> slots_;  // by id
  std::vector<Place> table_;     // by hash, a power of two of places, at most half of them taken
  size_t taken_ = 0;             // of table_
  std::vector<uint32_t> ids_;
  std::vector<std::unique_ptr<Aggregate>> aggregates_;
};

template <class Touched>
void Pane::find_groups(std::span<const uint32_t> ids, size_t capacity, uint32_t mark,
                       uint32_t* groups, Touched&& touched) {
  const uint32_t marked = mark << kGroupBits;
  prepare(capacity);
  size_t i = 0;
  for (; i < ids.size() && !table_.empty(); ++i) {
    Place& place = table_[place_of(ids[i])];
    const bool taken = place.id != kNone;
    place.id = ids[i];
    groups[i] = group_of(place.slot, ids[i], marked, touched);
    if (!taken && ++taken_ * 2 > table_.size()) prepare(capacity);
  }
  for (; i < ids.size(); ++i) {
    groups[i] = group_of(slots_[ids[i]], ids[i], marked, touched);
  }
  for (const auto& aggregate : aggregates_) aggregate->resize(ids_.size());
}

template <class Touched>
uint32_t Pane::group_of(uint32_t& slot, uint32_t id, uint32_t marked, Touched& touched) {
  if ((slot & ~kGroupMask) != marked) {
    const bool is_new = slot == 0;
    if (is_new) {
      ids_.push_back(id);
      slot = static_cast<uint32_t>(ids_.size());
    }
    slot = (slot & kGroupMask) | marked;
    touched(id, is_new);
  }
  return (slot & kGroupMask) - 1;
}

}  // namespace streamflow
