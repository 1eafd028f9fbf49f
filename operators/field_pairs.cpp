#include "operators/field_pairs.h"

#include <algorithm>
#include <cmath>

#include "operators/expression_option.h"
#include "operators/key_columns.h"

namespace streamflow {
namespace {

bool holds_no_numbers(Type type) {
  return type == Type::kBool || type == Type::kString || type == Type::kBytes ||
         type == Type::kTimestamp || type == Type::kDuration || type == Type::kList ||
         type == Type::kMap;
}

Type known_type(const Schema& schema, std::string_view name) {
  const Field* field = schema.find(name);
  return field != nullptr ? field->type : Type::kDyn;
}

}  // namespace

bool check_field(BuildContext& context, const SpecValue& name) {
  if (context.input.open || context.input.find(name.text) != nullptr) return true;
  report_unknown_field(context, name);
  return false;
}

bool check_numeric_field(BuildContext& context, const SpecValue& name) {
  if (!check_field(context, name)) return false;
  const Type type = known_type(context.input, name.text);
  if (!holds_no_numbers(type)) return true;
  context.diagnostics.error("E0430", name.span,
                            context.params.verb + " needs numbers: '" + name.text + "' is a " +
                                std::string(type_name(type)),
                            "", "numbers in text become numbers by 'cast'");
  return false;
}

std::optional<std::vector<FieldPair>> read_field_pairs(BuildContext& context,
                                                       std::string_view option,
                                                       FieldValues values) {
  std::vector<FieldPair> pairs;
  bool good = true;
  for (const auto& [to, from] : context.params.entries(option)) {
    const auto taken = [&to = *to](const FieldPair& pair) { return pair.to == to.text; };
    if (std::any_of(pairs.begin(), pairs.end(), taken)) {
      context.diagnostics.error("E0405", to->span, "'" + to->text + "' is given twice");
      good = false;
    }
    good = (values == FieldValues::kNumbers ? check_numeric_field(context, *from)
                                            : check_field(context, *from)) &&
           good;
    context.reads.insert(from->text);
    context.output.set(to->text, known_type(context.input, from->text));
    pairs.push_back({from->text, to->text});
  }
  if (!good) return std::nullopt;
  return pairs;
}

void note_keys(BuildContext& context, const KeyColumns& keys) {
  if (!keys.keyed()) return;
  std::vector<std::string> names;
  for (const KeyPart& part : keys.parts()) {
    if (part.program->plain_field() != part.name) return;
    names.push_back(part.name);
  }
  context.output.keys = std::move(names);
}

ColumnPtr readable_field(const Batch& batch, std::string_view name) {
  ColumnPtr column = batch.field(name);
  if (!column) return std::make_shared<Column>(batch.rows);
  column->decode(batch.selected.get());
  return column;
}

FieldEdit::FieldEdit(const Batch& batch, const std::vector<FieldPair>& pairs) : pairs_(pairs) {
  for (const FieldPair& pair : pairs) {
    from_.push_back(readable_field(batch, pair.from));
    to_.push_back(Column::copy_of(from_.back()));
  }
}

void FieldEdit::apply(Batch& batch) const {
  for (size_t f = 0; f < pairs_.size(); ++f) batch.set(pairs_[f].to, to_[f]);
}

bool is_finite_number(const Column& column, uint32_t row) {
  const Kind kind = column.kind(row);
  return is_number(kind) && (kind != Kind::kDouble || std::isfinite(column.real(row)));
}

std::string not_a_number(std::string_view verb, Kind kind) {
  return std::string(verb) + ": cannot take a " + std::string(kind_name(kind));
}

}  // namespace streamflow
