#include "operators/aggregate/accumulators.h"

namespace streamflow {

Accumulators::Accumulators(const std::vector<CallPlan>& calls) {
  for (const CallPlan& call : calls) aggregates_.push_back(call.make());
}

uint32_t Accumulators::take() {
  if (free_.empty()) {
    // Groups are made in advance, in growing numbers: one at a time would copy none but call many.
    const size_t more = size_ / 2 + 8;
    for (const auto& aggregate : aggregates_) aggregate->resize(size_ + more);
    for (size_t i = more; i > 0; --i) free_.push_back(static_cast<uint32_t>(size_ + i - 1));
    size_ += more;
  }
  const uint32_t group = free_.back();
  free_.pop_back();
  return group;
}

void Accumulators::give_back(uint32_t group) {
  for (const auto& aggregate : aggregates_) aggregate->reset(group);
  free_.push_back(group);
}

void Accumulators::merge(uint32_t into, uint32_t from) {
  for (const auto& aggregate : aggregates_) aggregate->merge({&into, 1}, *aggregate, {&from, 1});
}

void Accumulators::save(uint32_t group, std::string& out) const {
  for (const auto& aggregate : aggregates_) aggregate->save(group, out);
}

void Accumulators::load(uint32_t group, StateReader& in) {
  for (const auto& aggregate : aggregates_) aggregate->load(group, in);
}

}  // namespace streamflow
