// corr(x, y): Pearson's correlation of the records that have both.  slope(x): of the least-squares
// line of x over event time, per second.  Null for fewer than two records, or where one of the two
// never changes.
//
// Sums of distances from a record of the group and of their products, with twice the bits of a
// double (exact.h): exact in whatever order they came, and mergeable.  104 bytes a group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_corr(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_slope(const AggregateCallSpec& spec);

}  // namespace streamflow
