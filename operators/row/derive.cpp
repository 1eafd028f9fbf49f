#include "operators/row/derive.h"

#include "operators/order/time_order.h"
#include "operators/row/field_entries.h"

namespace streamflow {
namespace {

class Derive final : public Operator {
 public:
  Derive(std::vector<FieldEntry> entries, OnError on_error, std::unique_ptr<RowState> state)
      : entries_(std::move(entries)), on_error_(on_error), state_(std::move(state)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    compute_entries(entries_, on_error_, made, out, state_.get());
    out.tally().passed += made.count();
    if (!made.empty()) out.emit(std::move(made));
    return batch.count();
  }
  void save(StateParts& parts) const override {
    if (state_) state_->save(parts);
  }
  Status load(unsigned partition, std::string_view bytes) override {
    return state_ ? state_->load(partition, bytes) : Status();
  }
  std::bitset<kPartitions> take_dirty() override {
    return state_ ? state_->take_dirty() : std::bitset<kPartitions>();
  }

 private:
  std::vector<FieldEntry> entries_;
  OnError on_error_;
  std::unique_ptr<RowState> state_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  auto entries = read_entries(context, "derive", context.output);
  if (!entries) return nullptr;
  const auto calls = calls_of(*entries);
  auto state = RowState::build(context, calls);
  if (!state && !calls.empty()) return nullptr;
  auto op =
      std::make_unique<Derive>(std::move(*entries), on_error(context.params), std::move(state));
  return calls.empty() ? std::move(op) : in_order(context.params, std::move(op));
}

}  // namespace

StepDescriptor derive_step() {
  StepDescriptor step;
  step.verb = "derive";
  step.summary = "add or replace fields";
  step.pandas = "assign";
  step.argument = {"derive", OptionType::kExpressions,
                   "names and the expressions that make them, each seeing those above"};
  step.argument.required = true;
  step.options = RowState::options();
  step.options.push_back(on_error_option(OnError::kNull));
  step.example = "- derive: {fahrenheit: temperature * 1.8 + 32}";
  step.build = build;
  return step;
}

}  // namespace streamflow
