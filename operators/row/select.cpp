#include "operators/row/select.h"

#include <algorithm>

#include "operators/order/time_order.h"
#include "operators/row/field_entries.h"

namespace streamflow {
namespace {

class Select final : public Operator {
 public:
  Select(std::vector<FieldEntry> entries, OnError on_error, std::unique_ptr<RowState> state)
      : entries_(std::move(entries)), on_error_(on_error), state_(std::move(state)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    compute_entries(entries_, on_error_, made, out, state_.get());
    out.tally().passed += made.count();
    if (made.empty()) return batch.count();
    std::vector<NamedColumn> columns;
    columns.reserve(entries_.size());
    for (const FieldEntry& entry : entries_) {
      const auto column =
          std::find_if(made.columns.begin(), made.columns.end(),
                       [&entry](const NamedColumn& other) { return other.name == entry.name; });
      columns.push_back({entry.name, std::move(column->column), false});
    }
    made.columns = std::move(columns);
    made.origin = nullptr;
    made.dropped = nullptr;
    out.emit(std::move(made));
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
  Schema seen = context.input;
  auto entries = read_entries(context, "select", seen);
  if (!entries) return nullptr;
  Schema& output = context.output;
  output.fields.clear();
  output.open = false;
  for (const FieldEntry& entry : *entries) output.set(entry.name, entry.program->type());
  std::erase_if(output.keys,
                [&output](const std::string& key) { return output.find(key) == nullptr; });
  const auto calls = calls_of(*entries);
  auto state = RowState::build(context, calls);
  if (!state && !calls.empty()) return nullptr;
  auto op =
      std::make_unique<Select>(std::move(*entries), on_error(context.params), std::move(state));
  return calls.empty() ? std::move(op) : in_order(context.params, std::move(op));
}

}  // namespace

StepDescriptor select_step() {
  StepDescriptor step;
  step.verb = "select";
  step.summary = "keep and compute only these fields";
  step.pandas = "df[[…]]";
  step.argument = {"select", OptionType::kExpressions,
                   "field names, or names and the expressions that make them"};
  step.argument.required = true;
  step.options = RowState::options();
  step.options.push_back(on_error_option(OnError::kNull));
  step.example = "- select: [device, {fahrenheit: temperature * 1.8 + 32}]";
  step.build = build;
  return step;
}

}  // namespace streamflow
