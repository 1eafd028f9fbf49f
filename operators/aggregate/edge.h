// first(x) and last(x): the value, of any kind, of the earliest or latest record that has one; of
// equal times the first or last to arrive.  32 bytes a group, and a text's bytes.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_first(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_last(const AggregateCallSpec& spec);

}  // namespace streamflow
