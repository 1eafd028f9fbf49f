// argmin(x, y) and argmax(x, y): x, of any kind, of the record whose y is least or greatest; of
// equals the earliest by time, then arrival.  Records without y are skipped.  56 bytes a group, and
// the texts.
//
// any(x) and all(x): whether a condition held for one record, or for all of those that had it.  2
// bytes a group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_argmin(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_argmax(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_any(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_all(const AggregateCallSpec& spec);

}  // namespace streamflow
