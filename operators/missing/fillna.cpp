#include "operators/missing/fillna.h"

#include "operators/field_pairs.h"
#include "operators/key_columns.h"
#include "operators/literal.h"
#include "operators/missing/ffill.h"
#include "operators/missing/look_ahead.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

class FillNa final : public Operator {
 public:
  FillNa(std::vector<FieldPair> fields, std::vector<Value> values)
      : fields_(std::move(fields)), values_(std::move(values)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    FieldEdit edit(made, fields_);
    for (size_t f = 0; f < fields_.size(); ++f) {
      for (size_t i = 0; i < made.count(); ++i) {
        const uint32_t row = made.row_at(i);
        if (edit.from(f).kind(row) <= Kind::kNull) edit.to(f, row).set(row, values_[f]);
      }
    }
    edit.apply(made);
    out.tally().passed += made.count();
    out.emit(std::move(made));
    return batch.count();
  }

 private:
  std::vector<FieldPair> fields_;
  std::vector<Value> values_;
};

std::string value_type(const Value& value) {
  return is_number(value.kind()) ? "number" : std::string(kind_name(value.kind()));
}

// Whether a value of this kind can stand in a field of that type.
bool fits(const Value& value, Type type) {
  switch (type) {
    case Type::kDyn:
    case Type::kError:
    case Type::kNull:
      return true;
    case Type::kBool:
      return value.is(Kind::kBool);
    case Type::kString:
      return value.is(Kind::kString);
    case Type::kNumber:
    case Type::kInt:
    case Type::kUint:
    case Type::kDouble:
      return is_number(value.kind());
    default:
      return false;
  }
}

bool check_value(BuildContext& context, const SpecValue& name, const SpecValue& written,
                 const Value& value) {
  if (value.is_absent()) {
    context.diagnostics.error("E0432", written.span,
                              "'" + name.text + "' is filled with a number, a text, true or false");
    return false;
  }
  const Field* field = context.input.find(name.text);
  if (field == nullptr || fits(value, field->type)) return true;
  context.diagnostics.error("E0432", written.span,
                            "'" + name.text + "' is a " + std::string(type_name(field->type)) +
                                ", and this a " + value_type(value));
  return false;
}

std::unique_ptr<Operator> build_values(BuildContext& context) {
  const SpecValue& written = *context.params.value("fillna");
  if (!written.is_map()) {
    context.diagnostics.error("E0432", written.span, "fillna needs to know what to fill with",
                              "write {field: value}, or add `method: forward`",
                              "methods are forward, backward and linear");
    return nullptr;
  }
  std::vector<FieldPair> fields;
  std::vector<Value> values;
  bool good = true;
  for (const auto& [name, value] : written.entries) {
    values.push_back(literal_of(value));
    good = check_field(context, name) && check_value(context, name, value, values.back()) && good;
    context.reads.insert(name.text);
    if (context.output.find(name.text) == nullptr) context.output.set(name.text, Type::kDyn);
    fields.push_back({name.text, name.text});
  }
  for (const char* option : {"within", "limit", "by", "max_records"}) {
    if (!context.params.has(option)) continue;
    context.diagnostics.error("E0433", context.params.span(option),
                              "a fixed value has no use for '" + std::string(option) + "'",
                              "it goes with `method: forward`, `backward` or `linear`");
    good = false;
  }
  if (!good) return nullptr;
  return std::make_unique<FillNa>(std::move(fields), std::move(values));
}

std::unique_ptr<Operator> build(BuildContext& context) {
  const std::string method = context.params.choice("method");
  if (method == "value") return build_values(context);
  const SpecValue& written = *context.params.value("fillna");
  const bool names = written.is_scalar() || written.is_list();
  if (!names) {
    context.diagnostics.error("E0432", written.span,
                              "'method: " + method + "' takes the names of fields",
                              "write [field] without a value");
    return nullptr;
  }
  if (method == "forward") {
    if (context.params.has("max_records")) {
      context.diagnostics.error("E0433", context.params.span("max_records"),
                                "'method: forward' holds no records back");
      return nullptr;
    }
    return build_ffill(context, "fillna");
  }
  return build_look_ahead(context, "fillna",
                          method == "linear" ? LookAheadKind::kLinear : LookAheadKind::kBackward);
}

}  // namespace

StepDescriptor fillna_step() {
  StepDescriptor step;
  step.verb = "fillna";
  step.summary = "fill fields that are null or missing";
  step.pandas = "fillna";
  step.argument = {"fillna", OptionType::kAny, "fields and their values; with `method`, fields"};
  step.argument.required = true;
  OptionDescriptor method{"method", OptionType::kChoice,
                          "a fixed value, the value before, the one after, or on the line between"};
  method.fallback = "value";
  method.choices = {"value", "forward", "backward", "linear"};
  step.options = {std::move(method),    within_option(),          fill_limit_option(),
                  KeyColumns::option(), KeyColumns::max_option(), max_records_option(),
                  order_option()};
  step.example = "- fillna: {humidity: 0, status: unknown}";
  step.build = build;
  return step;
}

}  // namespace streamflow
