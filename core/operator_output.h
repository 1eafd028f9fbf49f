// What an operator that makes rows of its own gives them.
#pragma once

#include <algorithm>

#include "core/time.h"

namespace streamflow {

// The watermark that a row of time `own_time`, made while the input's watermark is `upto`, carries to
// the next step: it must arrive there before the watermark that made it does, and never below what
// was sent before (`last_forwarded`, which moves along), so that windows chain.
inline Micros made_row_watermark(Micros& last_forwarded, Micros own_time, Micros upto) {
  last_forwarded = std::max(last_forwarded, std::min(own_time, upto));
  return last_forwarded;
}

}  // namespace streamflow
