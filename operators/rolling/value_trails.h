// The aggregates over the latest records that have a better way than slot_trail.h (see trail.h).
#pragma once

#include <memory>

#include "operators/rolling/trail.h"

namespace streamflow {

std::unique_ptr<Trail> make_extreme_trail(size_t call, int sign);  // -1: min, 1: max
std::unique_ptr<Trail> make_quantile_trail(const CallPlan& plan, size_t call);
std::unique_ptr<Trail> make_distinct_trail(const CallPlan& plan, size_t call);

}  // namespace streamflow
