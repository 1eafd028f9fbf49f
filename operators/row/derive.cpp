#include "operators/row/derive.h"

#include "operators/row/field_entries.h"

namespace streamflow {
namespace {

class Derive final : public Operator {
 public:
  Derive(std::vector<FieldEntry> entries, OnError on_error)
      : entries_(std::move(entries)), on_error_(on_error) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    compute_entries(entries_, on_error_, made, out);
    out.tally().passed += made.count();
    if (!made.empty()) out.emit(std::move(made));
    return batch.count();
  }

 private:
  std::vector<FieldEntry> entries_;
  OnError on_error_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  auto entries = read_entries(context, "derive", context.output);
  if (!entries) return nullptr;
  return std::make_unique<Derive>(std::move(*entries), on_error(context.params));
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
  step.options = {on_error_option(OnError::kNull)};
  step.example = "- derive: {fahrenheit: temperature * 1.8 + 32}";
  step.build = build;
  return step;
}

}  // namespace streamflow
