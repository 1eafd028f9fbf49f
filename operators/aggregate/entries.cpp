#include "operators/aggregate/entries.h"

#include <cassert>

#include "operators/expression_option.h"

namespace streamflow {

void EntryReader::problem(std::string code, const Span& span, std::string message,
                          std::string label) {
  context_.diagnostics.error(std::move(code), span, std::move(message), std::move(label));
  good_ = false;
}

void EntryReader::reserve(std::string name, std::string why) {
  reserved_.emplace_back(std::move(name), std::move(why));
}

void EntryReader::check_name(const std::string& name, const Span& span) {
  for (const auto& [reserved, why] : reserved_) {
    if (reserved == name) return problem("E0405", span, "'" + name + "' " + why);
  }
  const bool twice = over_records_ ? names_.contains(name) : outside_.find(name) != nullptr;
  if (twice) problem("E0405", span, "'" + name + "' is given twice");
}

void EntryReader::read_map(std::string_view option) {
  for (const auto& [key, value] : context_.params.entries(option)) {
    if (key == value) {
      problem("E0404", value->span, "an aggregate needs a name",
              "write {name: expression}, such as {hottest: max(temperature)}");
      continue;
    }
    auto program = compile_aggregate_option(context_, *value, outside_);
    add_entry(key->text, key->span, value->text, std::move(program));
  }
}

void EntryReader::read_written(std::string_view map_option) {
  for (const auto& [name, value] : context_.params.values) {
    if (name == map_option) {
      read_map(map_option);
      continue;
    }
    const AggregateKind* kind = find_aggregate(name);
    if (kind == nullptr || !kind->short_form) continue;
    if (!value.is_list()) {
      read_short(*kind, value);
    } else {
      for (const SpecValue& item : value.items) read_short(*kind, item);
    }
  }
}

void EntryReader::read_short(const AggregateKind& kind, const SpecValue& value) {
  const std::string function(kind.name);
  if (function == "count" && (value.text == "true" || value.text == "false")) {
    if (value.text == "false") return;
    SpecValue call = value;
    call.text = "";
    return add_entry("count", value.span, {},
                     compile_aggregate_option(context_, call, outside_, function));
  }
  if (!is_path(value.text)) {
    return problem("E0404", value.span, "'" + function + ":' takes the names of fields",
                   "for an expression: select: {name: " + function + "(" + value.text + ")}");
  }
  auto program = compile_aggregate_option(context_, value, outside_, function);
  add_entry(path_name(value.text) + "_" + function, value.span, value.text, std::move(program));
}

void EntryReader::add_entry(const std::string& name, const Span& name_span, const std::string& text,
                            std::unique_ptr<expr::AggregateProgram> program) {
  check_name(name, name_span);
  if (!program) {
    good_ = false;
    names_.insert(name);
    outside_.set(name, Type::kError);
    return;
  }
  EntryPlan entry{name, Type::kDyn, made_.calls.size(), program->calls.size(), nullptr};
  for (expr::AggregateCall& call : program->calls) add_call(call, text);
  entry.outer = std::move(program->outer);
  if (entry.outer) {
    entry.type = entry.outer->type();
    if (over_records_) {
      for (const std::string& field : entry.outer->fields()) {
        if (!field.starts_with('$') && !names_.contains(field)) context_.reads.insert(field);
      }
      context_.meta.insert(entry.outer->meta().begin(), entry.outer->meta().end());
    }
  } else {
    const CallPlan& call = made_.calls[entry.first_call];
    entry.type = call.kind->result(call.spec);
  }
  names_.insert(name);
  outside_.set(name, entry.type);
  made_.entries.push_back(std::move(entry));
}

void EntryReader::add_call(expr::AggregateCall& call, const std::string& text) {
  CallPlan made;
  made.kind = find_aggregate(call.function);
  assert(made.kind != nullptr);  // the expression language has no others
  made.spec.function = call.function;
  made.text = text;
  made.spec.constants = std::move(call.constants);
  made.spec.values_max =
      static_cast<uint32_t>(context_.params.integer("max_values", kAggregateValuesMax));
  if (!call.arguments.empty()) {
    made.value = std::move(call.arguments[0]);
    made.spec.has_value = true;
    made.spec.value_type = made.value->type();
  }
  if (call.arguments.size() > 1) made.second = std::move(call.arguments[1]);
  made.where = std::move(call.where);
  made_.calls.push_back(std::move(made));
}

OptionDescriptor max_values_option() {
  OptionDescriptor option{
      "max_values", OptionType::kInteger,
      "most values that an exact quantile, list, mode or count_distinct keeps of "
      "one key; beyond it its result is null, with an error"};
  option.fallback = std::to_string(kAggregateValuesMax);
  option.least = 1;
  option.greatest = 100'000'000;
  return option;
}

std::vector<OptionDescriptor> short_form_options() {
  std::vector<OptionDescriptor> list;
  for (const AggregateKind& kind : aggregate_kinds()) {
    if (!kind.short_form) continue;
    list.push_back({std::string(kind.name), OptionType::kTexts, std::string(kind.help)});
  }
  return list;
}

}  // namespace streamflow
