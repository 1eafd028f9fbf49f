// Holds the process within `--memory-limit`: at nine tenths of it all sources are paused, below eight tenths they
// read on.  What counts is the resident memory that the kernel reports, so nothing is left out of the account.
// What windows and joins hold is not given back by that; their own bounds (max_keys and the like) see to it.
#pragma once

#include <cstddef>
#include <functional>

#include "core/loop.h"

namespace streamflow {

size_t resident_bytes();  // of this process; 0: unknown

class MemoryGuard {
 public:
  static constexpr Micros kEvery = 50 * kMicrosPerMilli;
  static constexpr Micros kTrimEvery = kMicrosPerSecond;

  // `limit` in bytes, 0: none.  `changed(true)` when sources are to be paused, `changed(false)` when not any more.
  MemoryGuard(Loop& loop, size_t limit, std::function<void(bool)> changed);
  void start();

 private:
  void look();

  Loop& loop_;
  const size_t limit_;
  std::function<void(bool)> changed_;
  bool paused_ = false;
  Micros trimmed_ = 0;
};

}  // namespace streamflow
