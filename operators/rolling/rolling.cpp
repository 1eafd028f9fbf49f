#include "operators/rolling/rolling.h"

#include <algorithm>

#include "core/option_value.h"
#include "operators/aggregate/entries.h"
#include "operators/order/time_order.h"
#include "operators/rolling/trailing.h"

namespace streamflow {
namespace {

constexpr Micros kSpanMax = 100'000'000'000'000'000;  // 3,168 years
constexpr int64_t kCountMax = 100'000'000;

bool read_window(BuildContext& context, TrailingPlan& plan) {
  const SpecValue& value = *context.params.value("rolling");
  if (value.is_scalar()) {
    if (const auto span = parse_duration(value.text); span && *span > 0 && *span <= kSpanMax) {
      plan.span = *span;
      return true;
    }
    if (const auto count = parse_integer(value.text); count && *count >= 1 && *count <= kCountMax) {
      plan.count = static_cast<uint64_t>(*count);
      return true;
    }
  }
  context.diagnostics.error("E0413", value.span,
                            "`rolling:` takes a duration or a number of records, at least 1",
                            "such as 60s, or 20");
  return false;
}

// What both steps share; `entries_option` names the map of aggregates.
std::unique_ptr<Operator> build_trailing(BuildContext& context, TrailingPlan plan, bool good,
                                         std::string_view entries_option, bool short_forms) {
  const Params& params = context.params;
  plan.keys = KeyColumns::build(context);
  if (!plan.keys) return nullptr;
  plan.keys_max = static_cast<size_t>(params.integer("max_keys"));
  EntryReader reader(context, context.output, true);
  for (const KeyPart& part : plan.keys->parts()) {
    reader.reserve(part.name, "is a key of this step");
  }
  if (short_forms) {
    reader.read_written(entries_option);
  } else {
    reader.read_map(entries_option);
  }
  Entries entries = reader.take();
  plan.calls = std::move(entries.calls);
  plan.entries = std::move(entries.entries);
  if (plan.entries.empty() && good && reader.good()) {
    context.diagnostics.error("E0408", params.verb_span,
                              "`" + plan.verb + "` needs something to compute",
                              "add `mean: field` or `derive: {name: expression}`");
    return nullptr;
  }
  if (!good || !reader.good()) return nullptr;
  const auto& parts = plan.keys->parts();
  const bool in_record = std::all_of(parts.begin(), parts.end(), [](const KeyPart& part) {
    return part.program->plain_field() == part.name;
  });
  if (in_record && !parts.empty()) context.output.keys = plan.keys->names();
  return in_order(params, std::make_unique<Trailing>(std::move(plan)));
}

std::unique_ptr<Operator> build_rolling(BuildContext& context) {
  TrailingPlan plan;
  plan.verb = "rolling";
  const bool good = read_window(context, plan);
  plan.min_count = static_cast<uint64_t>(context.params.integer("min_count"));
  plan.records_max = static_cast<uint64_t>(context.params.integer("max_records"));
  return build_trailing(context, std::move(plan), good, "derive", true);
}

std::unique_ptr<Operator> build_aggregate(BuildContext& context) {
  TrailingPlan plan;
  plan.verb = "aggregate";
  return build_trailing(context, std::move(plan), true, "aggregate", false);
}

}  // namespace

StepDescriptor rolling_step() {
  StepDescriptor step;
  step.verb = "rolling";
  step.summary = "aggregates over the latest records beside each record, per key";
  step.pandas = "rolling";
  step.argument = {"rolling", OptionType::kText,
                   "how far back by time (60s: (t-60s, t]) or how many records, itself included"};
  step.argument.required = true;
  step.options = {
      KeyColumns::option(),
      {"derive", OptionType::kExpressions, "names and expressions over aggregates and the record"},
      {"min_count", OptionType::kInteger, "fewer values than this give null", "1"},
      order_option(),
      KeyColumns::max_option(),
      {"max_records", OptionType::kInteger,
       "most records in all windows together; more of them fail", "1000000"},
      max_values_option(),
  };
  step.options[2].least = 1;
  step.options[5].least = 1;
  for (OptionDescriptor& option : short_form_options()) step.options.push_back(std::move(option));
  step.example =
      "- rolling: 60s\n"
      "  by: device\n"
      "  mean: temperature\n"
      "  derive:\n"
      "    score: (temperature - mean(temperature)) / std(temperature)";
  step.build = build_rolling;
  return step;
}

StepDescriptor aggregate_step() {
  StepDescriptor step;
  step.verb = "aggregate";
  step.summary = "running totals: aggregates over all records so far, beside each record, per key";
  step.pandas = "expanding, cumsum, cummax";
  step.argument = {"aggregate", OptionType::kExpressions,
                   "names and expressions over aggregates and the record"};
  step.argument.required = true;
  step.options = {KeyColumns::option(), order_option(), KeyColumns::max_option(),
                  max_values_option()};
  step.example = "- aggregate: {total: sum(amount), highest: max(amount)}\n  by: account";
  step.build = build_aggregate;
  return step;
}

}  // namespace streamflow
