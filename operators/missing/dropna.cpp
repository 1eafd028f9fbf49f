#include "operators/missing/dropna.h"

#include <algorithm>

#include "operators/field_pairs.h"

namespace streamflow {
namespace {

class DropNa final : public Operator {
 public:
  DropNa(std::vector<std::string> names, bool all) : names_(std::move(names)), all_(all) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    std::vector<ColumnPtr> columns;
    for (const std::string& name : names_) columns.push_back(readable_field(batch, name));
    auto passed = std::make_shared<Selection>();
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const auto absent = [row](const ColumnPtr& column) {
        return column->kind(row) <= Kind::kNull;
      };
      const bool dropped = all_ ? std::all_of(columns.begin(), columns.end(), absent)
                                : std::any_of(columns.begin(), columns.end(), absent);
      if (!dropped) passed->push_back(row);
    }
    out.tally().passed += passed->size();
    out.tally().filtered += batch.count() - begin - passed->size();
    if (passed->empty()) return batch.count();
    Batch kept = batch;
    if (passed->size() < batch.count()) kept.selected = std::move(passed);
    out.emit(std::move(kept));
    return batch.count();
  }

 private:
  std::vector<std::string> names_;
  bool all_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  std::vector<std::string> names;
  bool good = true;
  for (const SpecValue* item : context.params.list("dropna")) {
    good = check_field(context, *item) && good;
    context.reads.insert(item->text);
    names.push_back(item->text);
  }
  if (!good) return nullptr;
  return std::make_unique<DropNa>(std::move(names), context.params.choice("how") == "all");
}

}  // namespace

StepDescriptor dropna_step() {
  StepDescriptor step;
  step.verb = "dropna";
  step.summary = "drop records in which fields are null or missing";
  step.pandas = "dropna";
  step.argument = {"dropna", OptionType::kNames, "a field or a list of fields"};
  step.argument.required = true;
  OptionDescriptor how{"how", OptionType::kChoice, "whether one null is enough, or all must be"};
  how.fallback = "any";
  how.choices = {"any", "all"};
  step.options = {std::move(how)};
  step.example = "- dropna: [temperature, humidity]";
  step.build = build;
  return step;
}

}  // namespace streamflow
