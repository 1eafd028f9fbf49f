// The part of an aggregate that is the same for all: an array of accumulators by group.
#pragma once

#include <vector>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

// A State is default-constructible (empty) and movable and has merge(const State& later),
// save(string&) const and load(StateReader&).
template <class State>
class GroupedAggregate : public Aggregate {
 public:
  void resize(size_t groups) final { states_.resize(groups); }
  void reset(uint32_t group) final { states_[group] = State(); }
  void merge(std::span<const uint32_t> into, const Aggregate& other,
             std::span<const uint32_t> groups) final {
    const auto& from = static_cast<const GroupedAggregate&>(other).states_;
    for (size_t i = 0; i < into.size(); ++i) states_[into[i]].merge(from[groups[i]]);
  }
  void save(uint32_t group, std::string& out) const final { states_[group].save(out); }
  void load(uint32_t group, StateReader& in) final { states_[group].load(in); }

 protected:
  std::vector<State> states_;
};

}  // namespace streamflow
