#include "operators/row/drop.h"

#include <algorithm>

#include "operators/expression_option.h"

namespace streamflow {
namespace {

class Drop final : public Operator {
 public:
  explicit Drop(std::vector<std::string> names) : names_(std::move(names)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch kept = slice(batch, begin, batch.count());
    for (const std::string& name : names_) kept.drop(name);
    out.tally().passed += kept.count();
    out.emit(std::move(kept));
    return batch.count();
  }

 private:
  std::vector<std::string> names_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  bool good = true;
  std::vector<std::string> names;
  for (const SpecValue* item : context.params.list("drop")) {
    if (!context.input.open && context.input.find(item->text) == nullptr) {
      report_unknown_field(context, *item);
      good = false;
    }
    context.output.remove(item->text);
    std::erase(context.output.keys, item->text);
    names.push_back(item->text);
  }
  return good ? std::make_unique<Drop>(std::move(names)) : nullptr;
}

}  // namespace

StepDescriptor drop_step() {
  StepDescriptor step;
  step.verb = "drop";
  step.summary = "remove fields";
  step.pandas = "drop(columns=…)";
  step.argument = {"drop", OptionType::kNames, "a field or a list of fields"};
  step.argument.required = true;
  step.example = "- drop: [firmware, battery]";
  step.build = build;
  return step;
}

}  // namespace streamflow
