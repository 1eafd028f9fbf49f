// top(x, k): the k greatest values, descending, duplicates kept; of any kind that has an order.  24
// bytes for each of them.  list(x): all values that are not null, by time, then arrival; 32 bytes
// each, at most AggregateCallSpec::values_max a group.  Texts come on top.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_top(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_list(const AggregateCallSpec& spec);

}  // namespace streamflow
