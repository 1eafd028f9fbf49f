// The accumulators of all calls of a step, by group; groups are handed out and taken back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "operators/aggregate/calls.h"

namespace streamflow {

class Accumulators {
 public:
  explicit Accumulators(const std::vector<CallPlan>& calls);
  explicit Accumulators(std::unique_ptr<Aggregate> one) { aggregates_.push_back(std::move(one)); }

  uint32_t take();  // an empty group
  void give_back(uint32_t group);
  size_t in_use() const { return size_ - free_.size(); }

  size_t calls() const { return aggregates_.size(); }
  Aggregate& call(size_t i) { return *aggregates_[i]; }
  const Aggregate& call(size_t i) const { return *aggregates_[i]; }
  // Group `from` holds later records than `into`.
  void merge(uint32_t into, uint32_t from);

  void save(uint32_t group, std::string& out) const;
  void load(uint32_t group, StateReader& in);

 private:
  std::vector<std::unique_ptr<Aggregate>> aggregates_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
};

}  // namespace streamflow
