#include "operators/row/rename.h"

#include <algorithm>
#include <set>

#include "operators/expression_option.h"

namespace streamflow {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;  // old, new

const std::string* new_name(const Names& names, std::string_view old_name) {
  for (const auto& [from, to] : names) {
    if (from == old_name) return &to;
  }
  return nullptr;
}

bool is_new(const Names& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](const auto& pair) { return pair.second == name; });
}

// Without an origin the columns are the record: each is renamed where it stands.
void rename_columns(const Names& names, Batch& batch) {
  std::vector<NamedColumn> renamed;
  for (NamedColumn& column : batch.columns) {
    if (const std::string* to = new_name(names, column.name)) {
      renamed.push_back({*to, std::move(column.column), false});
    } else if (!is_new(names, column.name)) {
      renamed.push_back(std::move(column));
    }
  }
  batch.columns = std::move(renamed);
}

// With one the old members are dropped and the new columns follow the record's members.
void rename_members(const Names& names, Batch& batch) {
  std::vector<ColumnPtr> columns;
  for (const auto& [from, to] : names) {
    ColumnPtr column = batch.field(from);
    if (column) column->decode(batch.selected.get());
    columns.push_back(column ? std::move(column) : std::make_shared<Column>(batch.rows));
  }
  for (const auto& [from, to] : names) {
    if (!is_new(names, from)) batch.drop(from);
  }
  for (size_t i = 0; i < names.size(); ++i) batch.set(names[i].second, std::move(columns[i]));
}

class Rename final : public Operator {
 public:
  explicit Rename(Names names) : names_(std::move(names)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch kept = slice(batch, begin, batch.count());
    if (kept.origin) {
      rename_members(names_, kept);
    } else {
      rename_columns(names_, kept);
    }
    out.tally().passed += kept.count();
    out.emit(std::move(kept));
    return batch.count();
  }

 private:
  Names names_;
};

bool check(BuildContext& context, const SpecValue& from, const SpecValue& to,
           std::set<std::string>& seen) {
  const Schema& input = context.input;
  if (!input.open && input.find(from.text) == nullptr) {
    report_unknown_field(context, from);
    return false;
  }
  if (!seen.insert(to.text).second) {
    context.diagnostics.error("E0405", to.span, "'" + to.text + "' is given twice");
    return false;
  }
  return true;
}

void rename_schema(const Names& names, Schema& schema) {
  std::vector<Field> fields;
  for (const Field& field : schema.fields) {
    if (const std::string* to = new_name(names, field.name)) {
      fields.push_back({*to, field.type});
    } else if (!is_new(names, field.name)) {
      fields.push_back(field);
    }
  }
  schema.fields = std::move(fields);
  for (std::string& key : schema.keys) {
    if (const std::string* to = new_name(names, key)) key = *to;
  }
}

std::unique_ptr<Operator> build(BuildContext& context) {
  Names names;
  std::set<std::string> seen;
  bool good = true;
  for (const auto& [from, to] : context.params.entries("rename")) {
    good = check(context, *from, *to, seen) && good;
    context.reads.insert(from->text);
    names.emplace_back(from->text, to->text);
  }
  if (!good) return nullptr;
  rename_schema(names, context.output);
  return std::make_unique<Rename>(std::move(names));
}

}  // namespace

StepDescriptor rename_step() {
  StepDescriptor step;
  step.verb = "rename";
  step.summary = "give fields new names";
  step.pandas = "rename(columns=…)";
  step.argument = {"rename", OptionType::kRenames, "old names and new ones"};
  step.argument.required = true;
  step.example = "- rename: {temp: temperature}";
  step.build = build;
  return step;
}

}  // namespace streamflow
