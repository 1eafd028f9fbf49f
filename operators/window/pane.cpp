#include "operators/window/pane.h"

namespace streamflow {

Pane::Pane(const std::vector<CallPlan>& calls) {
  for (const CallPlan& call : calls) aggregates_.push_back(call.make());
}

void Pane::clear() {
  for (const uint32_t id : ids_) {
    if (id != kNone) slots_[id] = 0;
  }
  ids_.clear();
  for (const auto& aggregate : aggregates_) aggregate->resize(0);
}

void Pane::remove(uint32_t id) {
  const uint32_t at = group(id);
  if (at == kNone) return;
  slots_[id] = 0;
  ids_[at] = kNone;
  for (const auto& aggregate : aggregates_) aggregate->reset(at);
}

void Pane::reset_marks() {
  for (const uint32_t id : ids_) {
    if (id != kNone) slots_[id] = (slots_[id] & kGroupMask) | (1u << kGroupBits);
  }
}

}  // namespace streamflow
