#include "operators/key_columns.h"

#include <algorithm>

#include "core/keys.h"
#include "operators/expression_option.h"

namespace streamflow {
namespace {

// The name of a key that was written without one, or empty.
std::string implied_name(const SpecValue& value, const expr::Program& program) {
  if (!program.plain_field().empty()) return std::string(program.plain_field());
  return is_path(value.text) ? path_name(value.text) : std::string();
}

}  // namespace

OptionDescriptor KeyColumns::option() {
  return {"by", OptionType::kKeys, "key: a path, a list of paths, or {name: expression}"};
}

OptionDescriptor KeyColumns::max_option() {
  OptionDescriptor option{"max_keys", OptionType::kInteger,
                          "most keys at a time; records of more keys fail"};
  option.fallback = "1000000";
  option.least = 1;
  option.greatest = static_cast<double>(KeyDictionary::kKeysMax);
  return option;
}

std::unique_ptr<KeyColumns> KeyColumns::build(BuildContext& context, std::string_view option) {
  auto keys = std::make_unique<KeyColumns>();
  bool good = true;
  for (const auto& [name, value] : context.params.entries(option)) {
    KeyPart part;
    part.program = compile_option(context, *value, context.input);
    if (!part.program) {
      good = false;
      continue;
    }
    part.name = name == value ? implied_name(*value, *part.program) : name->text;
    part.type = part.program->type();
    part.text = value->text;
    if (part.name.empty()) {
      context.diagnostics.error("E0401", value->span, "a key that is computed needs a name",
                                "write {name: expression}");
      good = false;
    } else if (std::any_of(keys->parts_.begin(), keys->parts_.end(),
                           [&](const KeyPart& other) { return other.name == part.name; })) {
      context.diagnostics.error("E0402", name->span, "two keys are named '" + part.name + "'");
      good = false;
    }
    keys->parts_.push_back(std::move(part));
  }
  return good ? std::move(keys) : nullptr;
}

std::vector<std::string> KeyColumns::names() const {
  std::vector<std::string> names;
  for (const KeyPart& part : parts_) names.push_back(part.name);
  return names;
}

std::vector<ColumnPtr> KeyColumns::columns(const Batch& batch, size_t begin) const {
  std::vector<ColumnPtr> columns;
  for (const KeyPart& part : parts_) columns.push_back(column_of(*part.program, batch, begin));
  return columns;
}

std::string_view KeyColumns::error(const std::vector<ColumnPtr>& columns, uint32_t row) {
  for (const ColumnPtr& column : columns) {
    if (column->kind(row) == Kind::kError) return column->text(row);
  }
  return {};
}

std::string KeyColumns::signature() const {
  std::string text = " by";
  for (const KeyPart& part : parts_) text += "\n" + part.text;
  return text;
}

bool KeyColumns::can_fail() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const KeyPart& part) { return part.program->plain_field().empty(); });
}

}  // namespace streamflow
