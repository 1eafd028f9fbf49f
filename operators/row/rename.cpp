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

// The cells of `first`, and of `second` in the selected rows where those are missing.  Both may be null.
ColumnPtr first_present(const Batch& batch, ColumnPtr first, ColumnPtr second) {
  if (!first || !second) return first ? first : second;
  first->decode(batch.selected.get());
  const auto is_missing = [&](uint32_t row) { return first->kind(row) == Kind::kMissing; };
  bool some = false;
  for (size_t i = 0; i < batch.count() && !some; ++i) some = is_missing(batch.row_at(i));
  if (!some) return first;
  second->decode(batch.selected.get());
  if (first->has_tokens() && second->has_tokens() && first->block() == second->block()) {
    std::vector<Token> tokens(first->tokens(), first->tokens() + batch.rows);  // the text stays as it is
    for (size_t i = 0; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      if (is_missing(row)) tokens[row] = second->tokens()[row];
    }
    auto both = std::make_shared<Column>(first->block(), std::move(tokens));
    both->decode(batch.selected.get());
    return both;
  }
  auto both = std::make_shared<Column>(batch.rows);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    both->copy_cell(row, is_missing(row) ? *second : *first, row);
  }
  return both;
}

// What is called `to` behind the step: the old field, and where a record lacks that, what it had by the
// new name already, unless that gets another name itself.
ColumnPtr renamed(const Names& names, const Batch& batch, const std::string& from,
                  const std::string& to) {
  const bool stays = new_name(names, to) == nullptr;
  return first_present(batch, batch.field(from), stays ? batch.field(to) : nullptr);
}

// Without an origin the columns are the record: each is renamed where it stands.
void rename_columns(const Names& names, Batch& batch) {
  std::vector<NamedColumn> columns;
  for (const NamedColumn& column : batch.columns) {
    const auto replaces = [&](const auto& pair) {
      return pair.second == column.name && batch.find(pair.first) != nullptr;
    };
    if (const std::string* to = new_name(names, column.name)) {
      columns.push_back({*to, renamed(names, batch, column.name, *to), false});
    } else if (std::none_of(names.begin(), names.end(), replaces)) {
      columns.push_back(column);
    }
  }
  batch.columns = std::move(columns);
}

// With one the old members are dropped and the new columns follow the record's members.
void rename_members(const Names& names, Batch& batch) {
  std::vector<ColumnPtr> columns;
  for (const auto& [from, to] : names) {
    ColumnPtr column = renamed(names, batch, from, to);
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

// The old field's type, unless records that lack it may have something else by the new name.
Type renamed_type(const Names& names, const Schema& schema, const Field& old, const std::string& to) {
  if (new_name(names, to) != nullptr) return old.type;
  const Field* kept = schema.find(to);
  if (kept == nullptr) return schema.open ? Type::kDyn : old.type;
  return kept->type == old.type ? old.type : Type::kDyn;
}

void rename_schema(const Names& names, Schema& schema) {
  std::vector<Field> fields;
  for (const Field& field : schema.fields) {
    const auto replaces = [&](const auto& pair) {
      return pair.second == field.name && schema.find(pair.first) != nullptr;
    };
    if (const std::string* to = new_name(names, field.name)) {
      fields.push_back({*to, renamed_type(names, schema, field, *to)});
    } else if (std::any_of(names.begin(), names.end(), replaces)) {
      continue;
    } else {
      const bool may_change = is_new(names, field.name);  // by a field that is not known
      fields.push_back({field.name, may_change ? Type::kDyn : field.type});
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
    context.reads.insert(to->text);
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
  step.argument = {"rename", OptionType::kRenames,
                   "old names and new ones; a record without the old field keeps what it has by the new name"};
  step.argument.required = true;
  step.example = "- rename: {temp: temperature}";
  step.build = build;
  return step;
}

}  // namespace streamflow
