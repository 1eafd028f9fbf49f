#include "operators/window/pane_sums.h"

#include <algorithm>

namespace streamflow {

// Aggregates that keep all values would keep them once more at each level, and merging those that
// were merged before is no less work.
PaneSums::PaneSums(const WindowPlan& plan, const Panes& panes) : plan_(plan), panes_(panes) {
  if (plan.grid.is_all() || plan.grid.size() == 0) return;
  used_ = plan.grid.panes() >= kWorthwhile &&
          std::none_of(plan.calls.begin(), plan.calls.end(),
                       [](const CallPlan& call) { return call.kind->keeps; });
}

void PaneSums::add_panes(Micros start, Micros end, std::vector<const Pane*>& out) const {
  for (auto pane = panes_.lower_bound(start); pane != panes_.end() && pane->first < end; ++pane) {
    out.push_back(pane->second.get());
  }
}

void PaneSums::parts(Micros start, Micros end, size_t capacity, std::vector<const Pane*>& out) {
  if (!used_) return add_panes(start, end, out);
  const WindowGrid& grid = plan_.grid;
  int64_t at = grid.index_of(start);
  const int64_t last = grid.index_of(end);
  while (at < last) {
    int level = 0;
    while (level < kLevelsMax && at % (int64_t{1} << (kBits * (level + 1))) == 0 &&
           at + (int64_t{1} << (kBits * (level + 1))) <= last) {
      ++level;
    }
    const int64_t next = at + (int64_t{1} << (kBits * level));
    if (level == 0) {
      add_panes(grid.start_at(at), grid.start_at(next), out);
    } else if (const Pane* sum = block(level, at >> (kBits * level), capacity)) {
      out.push_back(sum);
    }
    at = next;
  }
}

// Null: none of its panes has records.
const Pane* PaneSums::block(int level, int64_t index, size_t capacity) {
  if (levels_.size() < static_cast<size_t>(level)) levels_.resize(static_cast<size_t>(level));
  const auto found = levels_[static_cast<size_t>(level) - 1].find(index);
  if (found != levels_[static_cast<size_t>(level) - 1].end()) return found->second.get();
  const Micros start = plan_.grid.start_at(index << (kBits * level));
  const Micros end = plan_.grid.start_at((index + 1) << (kBits * level));
  const auto first = panes_.lower_bound(start);
  if (first == panes_.end() || first->first >= end) return nullptr;
  auto sum = std::make_unique<Pane>(plan_.calls);
  if (level == 1) {
    for (auto pane = first; pane != panes_.end() && pane->first < end; ++pane) {
      pane->second->summed = true;
      sum->merge(*pane->second, capacity, groups_);
    }
  } else {
    for (int64_t part = index << kBits; part < (index + 1) << kBits; ++part) {
      if (const Pane* below = block(level - 1, part, capacity))
        sum->merge(*below, capacity, groups_);
    }
  }
  return levels_[static_cast<size_t>(level) - 1].emplace(index, std::move(sum)).first->second.get();
}

void PaneSums::forget(Micros start) {
  if (levels_.empty()) return;
  int64_t index = plan_.grid.index_of(start);
  for (auto& blocks : levels_) {
    index >>= kBits;
    blocks.erase(index);
  }
}

}  // namespace streamflow
