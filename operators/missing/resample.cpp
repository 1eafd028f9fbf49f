#include "operators/missing/resample.h"

#include <algorithm>

#include "operators/aggregate/aggregate.h"
#include "operators/expression_option.h"
#include "operators/field_pairs.h"
#include "operators/window/window.h"

namespace streamflow {
namespace {

const StepDescriptor& window_descriptor() {
  static const StepDescriptor window = window_step();
  return window;
}

// Options of `window` that mean the same here.
constexpr std::string_view kPassedOn[] = {"by",       "empty", "max_empty", "offset",
                                          "timezone", "late",  "keep",      "max_keys"};

bool is_passed_on(std::string_view name) {
  return std::find(std::begin(kPassedOn), std::end(kPassedOn), name) != std::end(kPassedOn);
}

bool holds_numbers(Type type) {
  return type == Type::kNumber || type == Type::kInt || type == Type::kUint ||
         type == Type::kDouble;
}

// A field as an expression.
std::string reference(const std::string& name) {
  if (is_path(name) && name.find('.') == std::string::npos) return "record." + name;
  std::string quoted;
  append_json_string(name, quoted);
  return "record[" + quoted + "]";
}

// One resample step while it is read.
class ResampleReader {
 public:
  explicit ResampleReader(BuildContext& context) : context_(context), params_(context.params) {}

  std::unique_ptr<Operator> read() {
    read_fields();
    if (!good_) return nullptr;
    if (select_.entries.empty()) {
      problem("E0441", params_.verb_span, "resample needs to know the fields",
              "add `fields: [temperature]`",
              "without it they are the numeric fields, where all fields are known");
      return nullptr;
    }
    return build_window();
  }

 private:
  void problem(std::string code, const Span& span, std::string message, std::string label = {},
               std::string help = {}) {
    context_.diagnostics.error(std::move(code), span, std::move(message), std::move(label),
                               std::move(help));
    good_ = false;
  }

  void read_fields() {
    const SpecValue* agg = params_.value("agg");
    if (agg != nullptr && agg->is_map()) {
      if (params_.has("fields")) {
        return problem("E0433", params_.span("fields"), "'agg' names the fields already",
                       "leave 'fields' out");
      }
      for (const auto& [name, function] : agg->entries) add(name, function);
      return;
    }
    const SpecValue mean = SpecValue::scalar("mean");
    const SpecValue& function = agg != nullptr ? *agg : mean;
    if (params_.has("fields")) {
      for (const SpecValue* name : params_.list("fields")) add(*name, function);
    } else if (!context_.input.open) {
      add_known(function);
    }
  }

  // The numeric fields of records whose fields are all known, but keys.
  void add_known(const SpecValue& function) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : params_.entries("by"))
      keys.push_back(name == value && is_path(value->text) ? path_name(value->text) : name->text);
    for (const Field& field : context_.input.fields) {
      const bool key = std::find(keys.begin(), keys.end(), field.name) != keys.end();
      if (key || !holds_numbers(field.type)) continue;
      SpecValue name = SpecValue::scalar(field.name);
      name.span = params_.verb_span;
      add(name, function);
    }
  }

  void add(const SpecValue& name, const SpecValue& function) {
    good_ = check_field(context_, name) && good_;
    const AggregateKind* kind = function.is_scalar() ? find_aggregate(function.text) : nullptr;
    if (kind == nullptr || !kind->short_form) {
      std::vector<std::string> names;
      for (const AggregateKind& known : aggregate_kinds())
        if (known.short_form) names.emplace_back(known.name);
      const std::string likely = nearest(function.text, names);
      std::string help;
      for (const std::string& known : names) help += (help.empty() ? "" : " ") + known;
      return problem("E0442", function.span, "'" + function.text + "' is no aggregate of one field",
                     likely.empty() ? "for more, write 'window' with 'select'"
                                    : "did you mean '" + likely + "'?",
                     help);
    }
    SpecValue call = SpecValue::scalar(function.text + "(" + reference(name.text) + ")");
    call.span = name.span;
    select_.entries.emplace_back(name, std::move(call));
  }

  std::unique_ptr<Operator> build_window() {
    const StepDescriptor& window = window_descriptor();
    Params params = params_;
    params.values.clear();
    params.descriptors = &window.options;
    params.argument = &window.argument;
    for (const auto& [name, value] : params_.values) {
      if (name == "resample") params.values.emplace_back("window", value);
      if (is_passed_on(name)) params.values.emplace_back(name, value);
    }
    if (!params_.has("empty")) params.values.emplace_back("empty", SpecValue::scalar("null"));
    params.values.emplace_back("select", std::move(select_));
    BuildContext inner{params,      context_.input,     context_.diagnostics, context_.pipeline,
                       context_.id, context_.state_dir, context_.input,       {},
                       {}};
    auto op = window.build(inner);
    context_.output = std::move(inner.output);
    context_.reads.merge(inner.reads);
    context_.meta.merge(inner.meta);
    return op;
  }

  BuildContext& context_;
  const Params& params_;
  SpecValue select_ = [] {
    SpecValue map;
    map.type = SpecValue::Type::kMap;
    return map;
  }();
  bool good_ = true;
};

}  // namespace

StepDescriptor resample_step() {
  StepDescriptor step;
  step.verb = "resample";
  step.summary = "one record of each interval of a grid, per key";
  step.pandas = "resample().mean()";
  step.argument = {"resample", OptionType::kDuration, "the length of an interval"};
  step.argument.required = true;
  step.options = {
      {"fields", OptionType::kNames, "what to resample; without it every numeric field"},
      {"agg", OptionType::kAny, "an aggregate, or {field: aggregate} (default mean)"}};
  for (OptionDescriptor option : window_descriptor().options) {
    if (!is_passed_on(option.name)) continue;
    if (option.name == "empty") option.fallback = "null";
    step.options.push_back(std::move(option));
  }
  step.example = "- resample: 10s\n  fields: [temperature, humidity]\n  by: device";
  step.build = [](BuildContext& context) { return ResampleReader(context).read(); };
  return step;
}

}  // namespace streamflow
