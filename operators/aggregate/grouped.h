// The part of an aggregate that is the same for all: an array of accumulators by group.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

// A State is copyable and has merge(const State& later), save(string&) const and
// load(StateReader&); `empty` is one of nothing.
template <class State>
class GroupedAggregate : public Aggregate {
 public:
  explicit GroupedAggregate(State empty = State()) : empty_(std::move(empty)) {}
  void resize(size_t groups) final { states_.resize(groups, empty_); }
  void reset(uint32_t group) final { states_[group] = empty_; }
  void merge(std::span<const uint32_t> into, const Aggregate& other,
             std::span<const uint32_t> groups) final {
    const auto& from = static_cast<const GroupedAggregate&>(other).states_;
    for (size_t i = 0; i < into.size(); ++i) states_[into[i]].merge(from[groups[i]]);
  }
  void save(uint32_t group, std::string& out) const final { states_[group].save(out); }
  void load(uint32_t group, StateReader& in) final { states_[group].load(in); }

 protected:
  std::vector<State> states_;

 private:
  const State empty_;
};

// Calls take(position in input, number) for every number that is not NaN; other values but null are
// wrong.
template <class Take>
void for_numbers(const Contribution& input, Selection& wrong, Take&& take) {
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const uint32_t row = input.rows[i];
    const Kind kind = input.value->kind(row);
    if (is_number(kind)) {
      const double x = input.value->number(row);
      if (!std::isnan(x)) take(i, x);
    } else if (kind > Kind::kNull) {
      wrong.push_back(row);
    }
  }
}

// Calls take(position in input, row) for every value that is neither null nor NaN; errors are
// wrong.
template <class Take>
void for_values(const Contribution& input, Selection& wrong, Take&& take) {
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const uint32_t row = input.rows[i];
    const Kind kind = input.value->kind(row);
    if (kind <= Kind::kNull) continue;
    if (kind > Kind::kMap) {
      wrong.push_back(row);
    } else if (kind != Kind::kDouble || !std::isnan(input.value->real(row))) {
      take(i, row);
    }
  }
}

// Row first_row + i becomes what write(state, out, row) makes of group first + i.
template <class State, class Write>
void write_states(const std::vector<State>& states, uint32_t first, size_t count, Column& out,
                  uint32_t first_row, Write&& write) {
  for (size_t i = 0; i < count; ++i) {
    write(states[first + i], out, first_row + static_cast<uint32_t>(i));
  }
}

}  // namespace streamflow
