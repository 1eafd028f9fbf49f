#include "operators/row/filter.h"

#include "operators/expression_option.h"
#include "operators/order/time_order.h"
#include "operators/row/row_state.h"

namespace streamflow {
namespace {

class Filter final : public Operator {
 public:
  // `state`: of the condition's row functions; null where there are none.
  Filter(std::unique_ptr<expr::RowProgram> program, OnError on_error,
         std::unique_ptr<RowState> state)
      : program_(std::move(program)), on_error_(on_error), state_(std::move(state)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    if (!state_) {
      filter(batch, batch, begin, out);
    } else {
      Batch part = slice(batch, begin, batch.count());
      state_->take(part, out);
      if (!part.empty()) filter(state_->with_results(part, program_->calls, 0), part, 0, out);
    }
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
  // Passes on the rows of `batch`, from position `begin` on, for which it holds; `read` has what
  // the condition looks at.
  void filter(const Batch& read, const Batch& batch, size_t begin, Emitter& out) {
    const size_t taken = batch.count() - begin;
    auto passed = std::make_shared<Selection>();
    passed->reserve(taken);
    errors_.clear();
    program_->outer->filter(read, begin, *passed, errors_);
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
    if (passed->empty()) return;
    Batch kept = batch;
    if (passed->size() < batch.count()) kept.selected = std::move(passed);
    out.emit(std::move(kept));
  }

  std::unique_ptr<expr::RowProgram> program_;
  OnError on_error_;
  std::unique_ptr<RowState> state_;
  std::vector<expr::RowError> errors_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const SpecValue& value = *context.params.value("filter");
  auto program = compile_row_option(context, value, context.input, true);
  if (!program) return nullptr;
  std::vector<const expr::RowCall*> calls;
  for (const expr::RowCall& call : program->calls) calls.push_back(&call);
  auto state = RowState::build(context, calls);
  if (!state && !calls.empty()) return nullptr;
  auto op =
      std::make_unique<Filter>(std::move(program), on_error(context.params), std::move(state));
  return calls.empty() ? std::move(op) : in_order(context.params, std::move(op));
}

}  // namespace

StepDescriptor filter_step() {
  StepDescriptor step;
  step.verb = "filter";
  step.summary = "keep the records for which an expression is true";
  step.pandas = "query";
  step.argument = {"filter", OptionType::kExpression, "a condition over fields"};
  step.argument.required = true;
  step.options = RowState::options();
  step.options.push_back(on_error_option(OnError::kFailRecord));
  step.example = "- filter: temperature > 25";
  step.build = build;
  return step;
}

}  // namespace streamflow
