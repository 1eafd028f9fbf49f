// min(x) and max(x) of values of any kind that has an order, strings by code point; of mixed kinds
// in the order of keys (numbers before strings…).  24 bytes a group, and a string's text.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_min(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_max(const AggregateCallSpec& spec);

}  // namespace streamflow
