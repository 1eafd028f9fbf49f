// Sums of panes that follow each other, so that a window of thousands of panes is made of some
// dozens of parts: panes in blocks of 16, those in blocks of 16, and so on (an aggregate tree; cf.
// K. Tangwongsan et al., "General incremental sliding-window aggregation", 2015).  Nothing is ever
// subtracted, and which parts make a window depends on its bounds only, not on what was kept: so
// results are the same to the last bit whenever they are computed.
//
// A block is made when a window first needs it and forgotten when one of its panes changes. Memory:
// at most another 16/15 of the panes per level that saw the same keys, or three times theirs when
// no two panes share a key.  Belongs to its window.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "operators/window/pane.h"
#include "operators/window/window_plan.h"

namespace streamflow {

class PaneSums {
 public:
  using Panes = std::map<Micros, std::unique_ptr<Pane>>;  // by start

  // Both live as long as this.
  PaneSums(const WindowPlan& plan, const Panes& panes);

  // Appends what makes up the time [start, end), the bounds of panes, in order of time.  `capacity`
  // is above all ids.
  void parts(Micros start, Micros end, size_t capacity, std::vector<const Pane*>& out);
  // The pane that starts there changes or goes.
  void forget(Micros start);
  void clear() { levels_.clear(); }

 private:
  static constexpr int kBits = 4;  // log2 of a block's width in blocks of the level below
  static constexpr int kLevelsMax = 4;
  static constexpr int64_t kWorthwhile = 32;  // panes of a window: with fewer there are no blocks

  const Pane* block(int level, int64_t index, size_t capacity);
  void add_panes(Micros start, Micros end, std::vector<const Pane*>& out) const;

  const WindowPlan& plan_;
  const Panes& panes_;
  bool used_ = false;
  std::vector<std::map<int64_t, std::unique_ptr<Pane>>> levels_;  // of 16, 256…, by index
  std::vector<uint32_t> groups_;
};

}  // namespace streamflow
