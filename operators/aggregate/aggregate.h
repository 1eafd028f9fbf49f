// Aggregates: what a window, and later `rolling` and `aggregate`, computes over many values.  One
// object holds the accumulators of one call for all groups of a window, side by side by dense group
// number; a loop over rows is inside the object, so that nothing virtual happens per row.
//
// Rules common to all: null, missing and NaN are skipped by aggregates of a value; an aggregate of
// nothing is null (a count 0); results are of the values, not of their order, to the last bit but
// for sums whose parts cancel almost wholly.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/column.h"
#include "core/schema.h"
#include "core/state_bytes.h"
#include "core/time.h"

namespace streamflow {

// Rows of a batch, in arrival order, each with the group that it belongs to.
struct Contribution {
  std::span<const uint32_t> rows;
  std::span<const uint32_t> groups;  // as long as rows; below the aggregate's size
  const Column* value = nullptr;     // decoded; null: count()
  const Micros* time = nullptr;      // event time by row
  const Column* second = nullptr;    // decoded; of aggregates of two values
};

class Aggregate {
 public:
  virtual ~Aggregate() = default;

  // Groups beyond the present ones start empty.
  virtual void resize(size_t groups) = 0;
  // Rows whose value is of a kind that cannot be aggregated are skipped and appended to `wrong`.
  virtual void add(const Contribution& input, Selection& wrong) = 0;
  // Adds group groups[i] of `other`, which holds later times, to group into[i] of this.
  virtual void merge(std::span<const uint32_t> into, const Aggregate& other,
                     std::span<const uint32_t> groups) = 0;
  // Cell first_row + i becomes the result of group first + i; kError, with a reason, where it has
  // none.
  virtual void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const = 0;
  virtual void reset(uint32_t group) = 0;

  virtual void save(uint32_t group, std::string& out) const = 0;
  virtual void load(uint32_t group, StateReader& in) = 0;  // failures stay in the reader
};

inline constexpr uint32_t kAggregateValuesMax = 1'000'000;

// How a call is made.  `function` is its name; more kinds are more lines in aggregate.cpp.
struct AggregateCallSpec {
  std::string function;
  bool has_value = false;
  Type value_type = Type::kDyn;
  std::vector<Value> constants;  // ddof, q, k, edges
  // Most values that one group of an aggregate that keeps them all may hold: beyond it they are let
  // go and the result is an error.
  uint32_t values_max = kAggregateValuesMax;
};
struct AggregateKind {
  std::string_view name;
  bool counts;      // gives 0, not null, of nothing under `empty: zero`
  bool short_form;  // takes one value: `mean: temperature`
  bool keeps;       // its state grows with the values
  std::string_view help;
  std::unique_ptr<Aggregate> (*make)(const AggregateCallSpec& spec);
  Type (*result)(const AggregateCallSpec& spec);
};
std::span<const AggregateKind> aggregate_kinds();
const AggregateKind* find_aggregate(std::string_view function);  // null: unknown

}  // namespace streamflow
