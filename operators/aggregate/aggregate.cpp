#include "operators/aggregate/aggregate.h"

#include "operators/aggregate/approximate.h"
#include "operators/aggregate/choice.h"
#include "operators/aggregate/count.h"
#include "operators/aggregate/distinct.h"
#include "operators/aggregate/edge.h"
#include "operators/aggregate/extreme.h"
#include "operators/aggregate/histogram.h"
#include "operators/aggregate/listing.h"
#include "operators/aggregate/quantile.h"
#include "operators/aggregate/relation.h"
#include "operators/aggregate/spread.h"
#include "operators/aggregate/sum.h"

namespace streamflow {
namespace {

Type int_result(const AggregateCallSpec&) { return Type::kInt; }
Type number_result(const AggregateCallSpec&) { return Type::kNumber; }
Type bool_result(const AggregateCallSpec&) { return Type::kBool; }
Type list_result(const AggregateCallSpec&) { return Type::kList; }
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
    {"count", true, true, false, "number of records; count: [a] those where a is not null",
     make_count, int_result},
    {"sum", true, true, false, "sum; of integers exact", make_sum, number_result},
    {"mean", false, true, false, "arithmetic mean", make_mean, number_result},
    {"min", false, true, false, "least value", make_min, value_result},
    {"max", false, true, false, "greatest value", make_max, value_result},
    {"first", false, true, false, "value of the earliest record", make_first, value_result},
    {"last", false, true, false, "value of the latest record", make_last, value_result},
    {"std", false, true, false, "standard deviation (ddof 1)", make_std, number_result},
    {"var", false, true, false, "variance (ddof 1)", make_var, number_result},
    {"median", false, true, true, "median, exact; keeps all values", make_median, number_result},
    {"quantile", false, false, true, "quantile, exact; keeps all values", make_quantile,
     number_result},
    {"count_distinct", true, true, true, "number of different values, exact; keeps them",
     make_count_distinct, int_result},
    {"top", false, false, false, "the k greatest values", make_top, list_result},
    {"mode", false, false, true, "the k most frequent values; keeps the different ones", make_mode,
     list_result},
    {"list", false, true, true, "all values, by time", make_list, list_result},
    {"histogram", false, false, true, "counts of values by bin", make_histogram, list_result},
    {"corr", false, false, false, "Pearson's correlation", make_corr, number_result},
    {"slope", false, true, false, "slope over event time, per second", make_slope, number_result},
    {"argmin", false, false, false, "a value where another is least", make_argmin, value_result},
    {"argmax", false, false, false, "a value where another is greatest", make_argmax, value_result},
    {"any", false, true, false, "whether it was true for some record", make_any, bool_result},
    {"all", false, true, false, "whether it was true for all records", make_all, bool_result},
    {"approx_quantile", false, false, false, "quantile in fixed memory, within 1 %",
     make_approx_quantile, number_result},
    {"approx_count_distinct", true, true, false,
     "number of different values in fixed memory, standard error 0.81 %",
     make_approx_count_distinct, int_result},
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
