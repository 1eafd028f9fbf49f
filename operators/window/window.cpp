#include "operators/window/window.h"

#include <algorithm>

#include "operators/expression_option.h"
#include "operators/window/time_window.h"

namespace streamflow {
namespace {

const std::string_view kReserved[] = {"window_start", "window_end", "partial"};

// One window step while it is read.
class WindowReader {
 public:
  explicit WindowReader(BuildContext& context) : context_(context), params_(context.params) {}

  std::unique_ptr<Operator> read() {
    good_ = read_grid();
    plan_.keys = KeyColumns::build(context_);
    if (!plan_.keys) return nullptr;
    read_empty();
    plan_.keys_max = static_cast<size_t>(params_.integer("max_keys"));
    start_output();
    for (const auto& [name, value] : params_.values) read_option(name, value);
    if (plan_.entries.empty() && good_) {
      problem("E0408", params_.verb_span, "a window needs something to compute",
              "add `mean: field`, `count: true` or `select: {name: expression}`");
    }
    if (!good_) return nullptr;
    finish_output();
    return std::make_unique<TimeWindow>(std::move(plan_));
  }

 private:
  void problem(std::string code, const Span& span, std::string message, std::string label = {}) {
    context_.diagnostics.error(std::move(code), span, std::move(message), std::move(label));
    good_ = false;
  }

  bool read_grid() {
    const Micros size = params_.duration("window");
    const Micros every = params_.has("every") ? params_.duration("every") : size;
    for (const auto& [name, length] : {std::pair{"window", size}, std::pair{"every", every}}) {
      if (length > 0 && length <= kWindowSizeMax) continue;
      if (!params_.has(name)) continue;
      problem("E0409", params_.span(name),
              length <= 0 ? "a window's length must be more than nothing" : "that is too long");
      return false;
    }
    plan_.grid = WindowGrid(size, every, params_.duration("offset") % every);
    if (size / plan_.grid.pane > kPanesPerWindowMax) {
      problem("E0409", params_.span("every"),
              "windows that overlap like this share pieces of " + format_duration(plan_.grid.pane) +
                  ", more than 100,000 of them each",
              "choose a step that divides the size");
      return false;
    }
    return true;
  }

  void read_empty() {
    const std::string choice = params_.choice("empty");
    if (choice == "zero") plan_.empty = EmptyWindows::kZero;
    if (choice == "null") plan_.empty = EmptyWindows::kNull;
    if (choice == "previous") plan_.empty = EmptyWindows::kPrevious;
    plan_.empty_max = static_cast<uint64_t>(params_.integer("max_empty"));
  }

  void start_output() {
    outside_.open = false;
    for (const KeyPart& part : plan_.keys->parts()) {
      check_name(part.name, params_.span("by"));
      outside_.set(part.name, part.type);
    }
    outside_.set("window_start", Type::kTimestamp);
    outside_.set("window_end", Type::kTimestamp);
  }

  void check_name(const std::string& name, const Span& span) {
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) {
      problem("E0405", span, "'" + name + "' is a field of every window");
    } else if (outside_.find(name) != nullptr) {
      problem("E0405", span, "'" + name + "' is given twice");
    }
  }

  void read_option(const std::string& name, const SpecValue& value) {
    if (name == "select") {
      for (const auto& [key, entry] : params_.entries("select")) read_select(*key, *entry);
    } else if (const AggregateKind* kind = find_aggregate(name)) {
      const auto read_one = [&](const SpecValue& item) { read_short(*kind, item); };
      if (value.is_list()) {
        for (const SpecValue& item : value.items) read_one(item);
      } else {
        read_one(value);
      }
    }
  }

  void read_select(const SpecValue& key, const SpecValue& value) {
    if (&key == &value) {
      problem("E0404", value.span, "an aggregate needs a name",
              "write {name: expression}, such as {hottest: max(temperature)}");
      return;
    }
    auto program = compile_aggregate_option(context_, value, outside_);
    add_entry(key.text, key.span, value.span, std::move(program));
  }

  // `mean: temperature`, `count: true`.
  void read_short(const AggregateKind& kind, const SpecValue& value) {
    const std::string function(kind.name);
    if (function == "count" && (value.text == "true" || value.text == "false")) {
      if (value.text == "false") return;
      SpecValue call = value;
      call.text = "";
      add_entry("count", value.span, value.span,
                compile_aggregate_option(context_, call, outside_, function));
      return;
    }
    if (!is_path(value.text)) {
      problem("E0404", value.span, "'" + function + ":' takes the names of fields",
              "for an expression: select: {name: " + function + "(" + value.text + ")}");
      return;
    }
    auto program = compile_aggregate_option(context_, value, outside_, function);
    add_entry(path_name(value.text) + "_" + function, value.span, value.span, std::move(program));
  }

  void add_entry(const std::string& name, const Span& name_span, const Span& span,
                 std::unique_ptr<expr::AggregateProgram> program) {
    check_name(name, name_span);
    if (!program) {
      good_ = false;
      outside_.set(name, Type::kError);
      return;
    }
    WindowEntry entry{name, Type::kDyn, plan_.calls.size(), program->calls.size(), nullptr};
    for (expr::AggregateCall& call : program->calls) {
      if (!add_call(call, span)) return;
    }
    entry.outer = std::move(program->outer);
    if (entry.outer) {
      entry.type = entry.outer->type();
    } else {
      const WindowCall& call = plan_.calls[entry.first_call];
      entry.type = call.kind->result(call.spec);
    }
    outside_.set(name, entry.type);
    plan_.entries.push_back(std::move(entry));
  }

  bool add_call(expr::AggregateCall& call, const Span& span) {
    WindowCall made;
    made.kind = find_aggregate(call.function);
    if (made.kind == nullptr) {
      problem("E0410", span, "windows cannot compute '" + call.function + "' yet");
      return false;
    }
    made.spec.function = call.function;
    made.spec.constants = std::move(call.constants);
    if (!call.arguments.empty()) {
      made.value = std::move(call.arguments[0]);
      made.spec.has_value = true;
      made.spec.value_type = made.value->type();
    }
    made.where = std::move(call.where);
    plan_.calls.push_back(std::move(made));
    return true;
  }

  void finish_output() {
    Schema& output = context_.output;
    output = outside_;
    output.set("partial", Type::kBool);
    output.keys = plan_.keys->names();
    output.window_us = plan_.grid.size;
  }

  BuildContext& context_;
  const Params& params_;
  WindowPlan plan_;
  Schema outside_;  // what may stand outside aggregates: keys, bounds, entries above
  bool good_ = true;
};

std::unique_ptr<Operator> build(BuildContext& context) { return WindowReader(context).read(); }

OptionDescriptor with_fallback(OptionDescriptor option, std::string fallback) {
  option.fallback = std::move(fallback);
  return option;
}

std::vector<OptionDescriptor> options() {
  std::vector<OptionDescriptor> list = {
      {"every", OptionType::kDuration, "start a window this often: hopping windows"},
      KeyColumns::option(),
      {"select", OptionType::kExpressions, "names and expressions over aggregates"},
      {"empty", OptionType::kChoice, "what is sent of a key's windows without records"},
      {"max_empty", OptionType::kInteger, "most empty windows in a row"},
      {"offset", OptionType::kDuration, "move the starts of windows by this"},
      KeyColumns::max_option(),
  };
  list[3].choices = {"skip", "zero", "null", "previous"};
  list[3] = with_fallback(list[3], "skip");
  list[4] = with_fallback(list[4], "10000");
  list[4].least = 1;
  for (const AggregateKind& kind : aggregate_kinds()) {
    if (!kind.short_form) continue;
    list.push_back({std::string(kind.name), OptionType::kTexts, std::string(kind.help)});
  }
  return list;
}

}  // namespace

StepDescriptor window_step() {
  StepDescriptor step;
  step.verb = "window";
  step.summary = "aggregates over windows of event time, per key";
  step.pandas = "resample().agg, groupby";
  step.argument = {"window", OptionType::kDuration, "the size of a window"};
  step.argument.required = true;
  step.options = options();
  step.example =
      "- window: 60s\n"
      "  by: device\n"
      "  mean: temperature\n"
      "  select:\n"
      "    spread: max(temperature) - min(temperature)";
  step.build = build;
  return step;
}

}  // namespace streamflow
