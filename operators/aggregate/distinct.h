// count_distinct(x) and mode(x, k): different values of any kind, counted exactly.  State as
// value_counts.h says, at most AggregateCallSpec::values_max different values a group.  mode gives
// the k most frequent, of equal frequency the lesser in the order of keys, as a list.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_count_distinct(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_mode(const AggregateCallSpec& spec);

// The k most frequent as a JSON list.
class ValueCounts;
std::string most_frequent(const ValueCounts& counts, uint32_t k);

// k of top(x, k) and mode(x, k).
inline constexpr uint32_t kListedMax = 10'000;
uint32_t listed_of(const AggregateCallSpec& spec);

}  // namespace streamflow
