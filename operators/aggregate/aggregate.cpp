#include "operators/aggregate/aggregate.h"

#include "operators/aggregate/count.h"
#include "operators/aggregate/edge.h"
#include "operators/aggregate/extreme.h"
#include "operators/aggregate/spread.h"
#include "operators/aggregate/sum.h"

namespace streamflow {
namespace {

Type int_result(const AggregateCallSpec&) { return Type::kInt; }
Type number_result(const AggregateCallSpec&) { return Type::kNumber; }
Type value_result(const AggregateCallSpec& spec) {
  switch (spec.value_type) {
    case Type::kInt:
    case Type::kUint:
    case Type::kDouble:
      return Type::kNumber;
    default:
      return spec.value_type;
  }
}

constexpr AggregateKind kKinds[] = {
    {"count", true, true, "number of records; count: [a] those where a is not null", make_count,
     int_result},
    {"sum", true, true, "sum; of integers exact", make_sum, number_result},
    {"mean", false, true, "arithmetic mean", make_mean, number_result},
    {"min", false, true, "least value", make_min, value_result},
    {"max", false, true, "greatest value", make_max, value_result},
    {"first", false, true, "value of the earliest record", make_first, value_result},
    {"last", false, true, "value of the latest record", make_last, value_result},
    {"std", false, true, "standard deviation (ddof 1)", make_std, number_result},
    {"var", false, true, "variance (ddof 1)", make_var, number_result},
};

}  // namespace

std::span<const AggregateKind> aggregate_kinds() { return kKinds; }

const AggregateKind* find_aggregate(std::string_view function) {
  for (const AggregateKind& kind : kKinds) {
    if (kind.name == function) return &kind;
  }
  return nullptr;
}

}  // namespace streamflow
