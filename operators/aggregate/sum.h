// sum(x) and mean(x).
//
// Sums of integers are exact in 128 bits; a result beyond 64 bits is an error.  Doubles, and all
// that is averaged, are summed with twice their bits (exact.h), so -1e100, 1 and 1e100 make 1.  A
// sum is an int if all values were integers (uint where int64 does not hold it), else a double; a
// mean is a double.  48 and 24 bytes a group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_sum(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_mean(const AggregateCallSpec& spec);

}  // namespace streamflow
