// The accumulators of all keys for one stretch of event time.  A key's id leads to its group here,
// groups are dense, so that a pane costs 4 bytes a known key and the rest for those that have
// records in it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "operators/window/window_plan.h"

namespace streamflow {

class Pane {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kMarkMax = 255;

  explicit Pane(const std::vector<CallPlan>& calls);

  // Starts anew for another stretch.
  void clear();

  // The group of each id, made where there is none; `capacity` is above all ids.  `touched(id,
  // is_new)` is called once for each id of which no group was found since `mark` (1 to kMarkMax)
  // was last another.
  template <class Touched>
  void find_groups(std::span<const uint32_t> ids, size_t capacity, uint32_t mark, uint32_t* groups,
                   Touched&& touched);

  uint32_t group(uint32_t id) const {
    return id < slots_.size() && slots_[id] != 0 ? (slots_[id] & kGroupMask) - 1 : kNone;
  }
  // Without its group: the id has no records here any more.  The group stays, empty.
  void remove(uint32_t id);
  const std::vector<uint32_t>& ids() const { return ids_; }  // by group; kNone: removed
  Aggregate& aggregate(size_t call) { return *aggregates_[call]; }
  const Aggregate& aggregate(size_t call) const { return *aggregates_[call]; }
  void reset_marks();  // all become 1

 private:
  static constexpr uint32_t kGroupBits = 24;
  static constexpr uint32_t kGroupMask = (1u << kGroupBits) - 1;

  std::vector<uint32_t> slots_;  // by id: 0, or mark and group + 1
  std::vector<uint32_t> ids_;
  std::vector<std::unique_ptr<Aggregate>> aggregates_;
};

template <class Touched>
void Pane::find_groups(std::span<const uint32_t> ids, size_t capacity, uint32_t mark,
                       uint32_t* groups, Touched&& touched) {
  if (slots_.size() < capacity) slots_.resize(capacity);
  const uint32_t marked = mark << kGroupBits;
  for (size_t i = 0; i < ids.size(); ++i) {
    uint32_t& slot = slots_[ids[i]];
    if ((slot & ~kGroupMask) != marked) {
      const bool is_new = slot == 0;
      if (is_new) {
        ids_.push_back(ids[i]);
        slot = static_cast<uint32_t>(ids_.size());
      }
      slot = (slot & kGroupMask) | marked;
      touched(ids[i], is_new);
    }
    groups[i] = (slot & kGroupMask) - 1;
  }
  for (const auto& aggregate : aggregates_) aggregate->resize(ids_.size());
}

}  // namespace streamflow
