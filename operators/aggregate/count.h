// count(): records.  count(x): values that are neither null nor missing nor NaN.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_count(const AggregateCallSpec& spec);

}  // namespace streamflow
