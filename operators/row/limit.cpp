#include "operators/row/limit.h"

#include "operators/key_states.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

struct PassedCount {
  uint64_t count = 0;

  bool empty() const { return count == 0; }
  void save(std::string& out) const { save_count(count, out); }
  void load(StateReader& in) { count = in.count(); }
};

class Limit final : public KeyedFilter<PassedCount> {
 public:
  Limit(KeyStates<PassedCount> states, uint64_t most)
      : KeyedFilter(std::move(states)), most_(most) {}

 private:
  bool passes(PassedCount& passed, const Batch&, uint32_t) override {
    return passed.count < most_ && ++passed.count != 0;
  }

  uint64_t most_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  auto states = read_key_states<PassedCount>(context, "");
  if (!states) return nullptr;
  const auto most = static_cast<uint64_t>(context.params.integer("limit"));
  return in_order(context.params, std::make_unique<Limit>(std::move(*states), most));
}

}  // namespace

StepDescriptor limit_step() {
  StepDescriptor step;
  step.verb = "limit";
  step.summary = "the first records, of each key with `by`";
  step.pandas = "head, groupby().head()";
  step.argument = {"limit", OptionType::kInteger, "how many"};
  step.argument.required = true;
  step.argument.least = 0;
  step.options = {KeyColumns::option(), KeyColumns::max_option(), order_option()};
  step.example = "- limit: 1000";
  step.build = build;
  return step;
}

}  // namespace streamflow
