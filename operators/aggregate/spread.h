// std(x, ddof) and var(x, ddof); ddof is 1 unless given.  Null when fewer than ddof + 1 values.
//
// Sums of (x - k) and (x - k)^2 with twice the bits of a double (exact.h), k being a value of the
// group: more exact than Welford's recurrence, exactly 0 of equal values, the same in whatever
// order the values came, and mergeable.  56 bytes a group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_std(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_var(const AggregateCallSpec& spec);

}  // namespace streamflow
