#include "operators/row/explode.h"

#include "core/encode.h"
#include "operators/field_pairs.h"
#include "operators/row/spread.h"

namespace streamflow {
namespace {

class Explode final : public Operator {
 public:
  Explode(std::string field, bool into_fields, std::string index)
      : field_(std::move(field)), into_fields_(into_fields), index_(std::move(index)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const ColumnPtr column = readable_field(batch, field_);
    Spread spread(batch, field_, true, out);
    std::string text;
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      ++out.tally().absorbed;
      const Kind kind = column->kind(row);
      if (kind <= Kind::kNull) continue;
      text.clear();
      append_cell(*column, row, TimestampStyle::kRfc3339, text);
      if (kind != Kind::kList) {
        add(spread, row, text, 0);
        continue;
      }
      JsonElements elements(text);
      for (uint64_t number = 0; elements.next(); ++number) add(spread, row, elements.value, number);
    }
    spread.flush();
    out.tally().created += spread.sent();
    return batch.count();
  }

 private:
  void add(Spread& spread, uint32_t row, std::string_view element, uint64_t number) const {
    Spread::Extra extra;
    if (!index_.empty()) extra = {index_, std::to_string(number)};
    if (into_fields_ && element.front() == '{') {
      spread.add_members(row, element, extra);
    } else {
      spread.add_value(row, field_, element, extra);
    }
  }

  std::string field_;
  bool into_fields_;
  std::string index_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  const SpecValue& name = *params.value("explode");
  if (!check_field(context, name)) return nullptr;
  const Field* field = context.input.find(name.text);
  const Type type = field != nullptr ? field->type : Type::kDyn;
  if (type != Type::kDyn && type != Type::kList && type != Type::kMap && type != Type::kError) {
    context.diagnostics.error(
        "E0438", name.span,
        "explode needs a list: '" + name.text + "' is a " + std::string(type_name(type)));
    return nullptr;
  }
  const std::string index = params.text("index");
  const bool into_fields = params.choice("into") == "fields";
  if (index == name.text) {
    context.diagnostics.error("E0405", params.span("index"), "'" + index + "' is given twice");
    return nullptr;
  }
  context.reads.insert(name.text);
  if (into_fields) {
    // Any field may come, in place of any.
    context.output.remove(name.text);
    context.output.open = true;
    for (Field& other : context.output.fields) other.type = Type::kDyn;
  } else {
    context.output.set(name.text, Type::kDyn);
  }
  if (!index.empty()) context.output.set(index, Type::kInt);
  return std::make_unique<Explode>(name.text, into_fields, index);
}

}  // namespace

StepDescriptor explode_step() {
  StepDescriptor step;
  step.verb = "explode";
  step.summary = "one record for each element of a list";
  step.pandas = "explode";
  step.argument = {"explode", OptionType::kName, "the field with the list"};
  step.argument.required = true;
  OptionDescriptor into{"into", OptionType::kChoice,
                        "the element takes the field's place, or a map's entries become fields"};
  into.fallback = "value";
  into.choices = {"value", "fields"};
  step.options = {std::move(into),
                  {"index", OptionType::kName, "a field for the element's number, from 0"}};
  step.example = "- explode: readings\n  into: fields";
  step.build = build;
  return step;
}

}  // namespace streamflow
