// How long a connector waits between two tries: from kFirst doubling up to kMost, each wait drawn
// from the upper half of that, so that many clients of one broken peer do not come back in step.
// The draws come from a seed (the client's id), so a test sees the same waits each time.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace streamflow {

class Retry {
 public:
  static constexpr Micros kFirst = 100 * kMicrosPerMilli;
  static constexpr Micros kMost = 1500 * kMicrosPerMilli;

  explicit Retry(uint64_t seed) : random_(seed) {}

  // The wait before the next try; in [bound/2, bound], the bound doubling with each call.
  Micros next();
  // The peer answered and kept the connection: the next wait is short again.
  void reset() { bound_ = kFirst; }

 private:
  uint64_t random_;
  Micros bound_ = kFirst;
};

}  // namespace streamflow
