#include "operators/row/cast.h"

#include "operators/expression_option.h"
#include "operators/row/convert.h"

namespace streamflow {
namespace {

struct FieldCast {
  std::string name;
  Type type;
};

class Cast final : public Operator {
 public:
  Cast(std::vector<FieldCast> casts, OnError on_error)
      : casts_(std::move(casts)), on_error_(on_error) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    for (const FieldCast& cast : casts_) {
      const ColumnPtr column = made.field(cast.name);
      if (!column) continue;  // missing in all records
      column->decode(made.selected.get());
      apply(cast, *column, made, out);
      if (made.empty()) return batch.count();
    }
    out.tally().passed += made.count();
    out.emit(std::move(made));
    return batch.count();
  }

 private:
  // Every cell is made anew, also one that has the type already: what is written for it must not
  // depend on the other rows of its batch.
  void apply(const FieldCast& cast, const Column& column, Batch& batch, Emitter& out) {
    auto result = std::make_shared<Column>(batch.rows);
    auto kept = std::make_shared<Selection>();
    for (size_t i = 0; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const Value value = convert(column.value(row), cast.type);
      if (value.is_error()) {
        if (on_error_ == OnError::kFailRecord) {
          out.fail(batch, row, value.text());
          continue;
        }
        out.cell_error(batch, row, value.text());
        result->set_null(row);
      } else {
        result->set(row, value);
      }
      kept->push_back(row);
    }
    if (kept->size() < batch.count()) batch.selected = std::move(kept);
    batch.set(cast.name, std::move(result));
  }

  std::vector<FieldCast> casts_;
  OnError on_error_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  std::vector<FieldCast> casts;
  bool good = true;
  for (const auto& [name, type] : context.params.entries("cast")) {
    const Type to = cast_type(type->text);
    if (to == Type::kDyn) {
      context.diagnostics.error("E0407", type->span, "'" + type->text + "' is no type to cast to",
                                "int, uint, double, number, string, bool, timestamp or duration");
      good = false;
      continue;
    }
    if (!context.input.open && context.input.find(name->text) == nullptr) {
      report_unknown_field(context, *name);
      good = false;
      continue;
    }
    context.reads.insert(name->text);
    context.output.set(name->text, to);
    casts.push_back({name->text, to});
  }
  if (!good) return nullptr;
  return std::make_unique<Cast>(std::move(casts), on_error(context.params));
}

}  // namespace

StepDescriptor cast_step() {
  StepDescriptor step;
  step.verb = "cast";
  step.summary = "give fields a type";
  step.pandas = "astype";
  step.argument = {"cast", OptionType::kTypes, "fields and their types"};
  step.argument.required = true;
  step.argument.choices = {"int",    "uint", "double",    "number",
                           "string", "bool", "timestamp", "duration"};
  step.options = {on_error_option(OnError::kNull)};
  step.example = "- cast: {temperature: double, count: int}";
  step.build = build;
  return step;
}

}  // namespace streamflow
