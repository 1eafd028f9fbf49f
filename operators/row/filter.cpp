#include "operators/row/filter.h"

#include "operators/expression_option.h"

namespace streamflow {
namespace {

class Filter final : public Operator {
 public:
  Filter(std::unique_ptr<expr::Program> program, OnError on_error)
      : program_(std::move(program)), on_error_(on_error) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const size_t taken = batch.count() - begin;
    auto passed = std::make_shared<Selection>();
    passed->reserve(taken);
    errors_.clear();
    program_->filter(batch, begin, *passed, errors_);
    for (const expr::RowError& error : errors_) {
      if (on_error_ == OnError::kFailRecord) {
        out.fail(batch, error.row, error.message);
      } else {
        out.cell_error(batch, error.row, error.message);
      }
    }
    const size_t failed = on_error_ == OnError::kFailRecord ? errors_.size() : 0;
    out.tally().passed += passed->size();
    out.tally().filtered += taken - failed - passed->size();
    if (passed->empty()) return batch.count();
    Batch kept = batch;
    if (passed->size() < batch.count()) kept.selected = std::move(passed);
    out.emit(std::move(kept));
    return batch.count();
  }

 private:
  std::unique_ptr<expr::Program> program_;
  OnError on_error_;
  std::vector<expr::RowError> errors_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const SpecValue& value = *context.params.value("filter");
  auto program = compile_condition_option(context, value, context.input);
  if (!program) return nullptr;
  return std::make_unique<Filter>(std::move(program), on_error(context.params));
}

}  // namespace

StepDescriptor filter_step() {
  StepDescriptor step;
  step.verb = "filter";
  step.summary = "keep the records for which an expression is true";
  step.pandas = "query";
  step.argument = {"filter", OptionType::kExpression, "a condition over fields"};
  step.argument.required = true;
  step.options = {on_error_option(OnError::kFailRecord)};
  step.example = "- filter: temperature > 25";
  step.build = build;
  return step;
}

}  // namespace streamflow
