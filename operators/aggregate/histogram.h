// histogram(x, width): how many values lie in each [k*width, (k+1)*width) that has any.
// histogram(x, a, b, c, …): how many lie in [a, b), [b, c)…, the last with its right end (as
// numpy.histogram has it); values outside are not counted.  A list of {start, end, count} in order.
// 16 bytes for each bin that has values, at most AggregateCallSpec::values_max of them a group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_histogram(const AggregateCallSpec& spec);

}  // namespace streamflow
