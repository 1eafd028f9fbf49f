#include "operators/rolling/trail.h"

#include "operators/rolling/slot_trail.h"
#include "operators/rolling/value_trails.h"

namespace streamflow {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view other : names) {
    if (other == name) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<Trail> make_trail(const CallPlan& plan, size_t call, bool forever) {
  const std::string_view name = plan.kind->name;
  if (forever) return std::make_unique<SlotTrail>(plan.make(), call, SlotTrail::Way::kForever);
  if (name == "min") return make_extreme_trail(call, -1);
  if (name == "max") return make_extreme_trail(call, 1);
  if (is_one_of(name, {"median", "quantile"})) return make_quantile_trail(plan, call);
  if (is_one_of(name, {"count_distinct", "mode"})) return make_distinct_trail(plan, call);
  const bool anew = is_one_of(name, {"list", "approx_quantile", "approx_count_distinct"});
  return std::make_unique<SlotTrail>(plan.make(), call,
                                     anew ? SlotTrail::Way::kAnew : SlotTrail::Way::kStacks);
}

std::unique_ptr<Trail> make_count_trail(const CallPlan& plan, size_t call, bool forever) {
  AggregateCallSpec spec;
  spec.function = "count";
  spec.has_value = plan.value != nullptr;
  auto trail =
      std::make_unique<SlotTrail>(find_aggregate("count")->make(spec), call,
                                  forever ? SlotTrail::Way::kForever : SlotTrail::Way::kStacks);
  trail->be_quiet();
  return trail;
}

}  // namespace streamflow
