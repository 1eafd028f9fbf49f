// Where windows of one size lie.
#pragma once

#include <algorithm>
#include <numeric>

#include "core/time.h"

namespace streamflow {

// Windows [start, start + size), starts being `offset` plus multiples of `every`.  Time is cut into
// panes that lie in a window wholly or not at all, so that overlapping windows share their
// accumulators (J. Li et al., "No pane, no gain", 2005).  Tumbling windows are their own panes.
struct WindowGrid {
  Micros size = 0;
  Micros every = 0;
  Micros offset = 0;
  Micros pane = 0;

  WindowGrid() = default;
  WindowGrid(Micros size_us, Micros every_us, Micros offset_us)
      : size(size_us), every(every_us), offset(offset_us), pane(std::gcd(size_us, every_us)) {}

  Micros pane_start(Micros time) const { return floor_to(time, pane, offset); }
  // The end of the last window that starts at or before `time`.  With every > size it may end
  // before.
  Micros last_end(Micros time) const { return floor_to(time, every, offset) + size; }
  // The first window end after `time`.
  Micros next_end(Micros time) const { return floor_to(time - size, every, offset) + size + every; }
  // The first end after `closed` of a window that holds the pane that starts at `start`.
  Micros first_end(Micros start, Micros closed) const { return next_end(std::max(start, closed)); }
};

// Times and sizes within these do not overflow.
inline constexpr Micros kWindowTimeMax = 4'000'000'000'000'000'000;
inline constexpr Micros kWindowSizeMax = 100'000'000'000'000'000;  // 3,168 years
inline constexpr Micros kPanesPerWindowMax = 100'000;

}  // namespace streamflow
