#include "tests/daemon/sample_registry.h"

#include "core/option_value.h"
#include "core/vocabulary.h"

namespace streamflow {
namespace {

using enum OptionType;

void add_steps(Registry& registry) {
  registry.step({.verb = "filter",
                 .summary = "keep records for which the expression is true",
                 .pandas = "query",
                 .argument = {.name = "filter",
                              .type = kExpression,
                              .help = "the condition",
                              .required = true},
                 .options = {{.name = "on_error",
                              .type = kChoice,
                              .help = "what an error does",
                              .fallback = "fail_record",
                              .choices = {"fail_record", "null", "stop"}}},
                 .example = "filter: temperature > 25",
                 .build = {}});
  for (const char* verb : {"select", "derive"}) {
    registry.step({.verb = verb,
                   .summary = "compute fields",
                   .pandas = "assign",
                   .argument = {.name = verb,
                                .type = kExpressions,
                                .help = "names and expressions",
                                .required = true},
                   .options = {},
                   .example = std::string(verb) + ": {f: temperature * 1.8 + 32}",
                   .build = {}});
  }
  registry.step(
      {.verb = "limit",
       .summary = "the first n records",
       .pandas = "head",
       .argument =
           {.name = "limit", .type = kInteger, .help = "how many", .required = true, .least = 0},
       .options = {},
       .example = "limit: 10",
       .build = {}});
  registry.step(
      {.verb = "window",
       .summary = "aggregates over windows of time",
       .pandas = "resample().agg",
       .argument = {.name = "window", .type = kDuration, .help = "its size", .required = true},
       .options = {{.name = "every", .type = kDuration, .help = "a window begins so often"},
                   {.name = "by", .type = kKeys, .help = "one window per key"},
                   {.name = "select", .type = kExpressions, .help = "names and aggregates"},
                   {.name = "empty",
                    .type = kChoice,
                    .help = "windows without records",
                    .fallback = "skip",
                    .choices = {"skip", "zero", "null", "previous"}},
                   {.name = "partial", .type = kBool, .help = "mark the first window"},
                   {.name = "mean", .type = kNames, .help = "short for select"},
                   {.name = "count", .type = kAny, .help = "short for select"}},
       .example = "window: 60s\nmean: temperature",
       .build = {}});
}

void add_sources(Registry& registry) {
  registry.source(
      {.kind = "mqtt",
       .schemes = {"mqtt", "mqtts"},
       .summary = "an MQTT broker",
       .options = {{.name = "topics", .type = kTexts, .help = "topic filters", .required = true},
                   {.name = "qos",
                    .type = kInteger,
                    .help = "0, 1 or 2",
                    .fallback = "1",
                    .least = 0,
                    .greatest = 2},
                   {.name = "password", .type = kText, .help = "of the user"},
                   {.name = "retained",
                    .type = kChoice,
                    .help = "retained messages",
                    .fallback = "keep",
                    .choices = {"keep", "skip"}}},
       .formats = {"json", "ndjson", "number", "text"},
       .example = "mqtt: mqtt://localhost\ntopics: [sensors/#]",
       .build = {}});
  registry.source(
      {.kind = "file",
       .schemes = {"file"},
       .summary = "a file or standard input",
       .options =
           {{.name = "follow", .type = kBool, .help = "go on as it grows", .fallback = "false"}},
       .formats = {"ndjson", "csv"},
       .example = "file:data.ndjson",
       .build = {}});
}

void add_sinks(Registry& registry) {
  registry.sink({.kind = "mqtt",
                 .schemes = {"mqtt", "mqtts"},
                 .summary = "an MQTT broker",
                 .argument = {},
                 .options = {{.name = "retain",
                              .type = kBool,
                              .help = "ask the broker to keep the last",
                              .fallback = "false"}},
                 .example = "save: mqtt://localhost/alerts/{device}",
                 .build = {}});
  registry.sink(
      {.kind = "file",
       .schemes = {"file"},
       .summary = "a file or standard output",
       .argument = {},
       .options = {{.name = "rotate", .type = kSize, .help = "begin a new file at this size"}},
       .example = "save: file:out.ndjson",
       .build = {}});
  registry.sink({.kind = "chart",
                 .schemes = {},
                 .summary = "a live chart",
                 .argument = {.name = "chart",
                              .type = kChoice,
                              .help = "its kind",
                              .choices = {"line", "histogram", "scatter"},
                              .required = true},
                 .options = {{.name = "x", .type = kName, .help = "across"},
                             {.name = "y", .type = kNames, .help = "up"},
                             {.name = "title", .type = kText, .help = "above the chart"},
                             {.name = "bins",
                              .type = kInteger,
                              .help = "of a histogram",
                              .fallback = "20",
                              .least = 1,
                              .greatest = 1000}},
                 .example = "chart: line\ny: temperature",
                 .build = {}});
  registry.sink({.kind = "log",
                 .schemes = {},
                 .summary = "records in the log",
                 .argument = {.name = "log", .type = kText, .help = "before each record"},
                 .options = {},
                 .example = "log:",
                 .build = {}});
}

void validate_step(const StepSpec& step, const Registry& registry, Diagnostics& diagnostics) {
  const std::string& verb = step.verb.text;
  if (const StepDescriptor* known = registry.find_step(verb)) {
    validate("verb '" + verb + "'", "streamflowd list verb " + verb, step.verb, &step.argument,
             &known->argument, step.options, known->options, diagnostics);
    return;
  }
  const bool save = verb == "save";
  const SinkDescriptor* const sink =
      registry.find_sink(save ? scheme_of(step.argument.text) : verb);
  if (sink == nullptr) {
    if (save) {
      report_unknown_sink(step.argument.is_scalar() ? step.argument : step.verb, registry,
                          diagnostics);
    } else {
      report_unknown_verb(step.verb, registry, diagnostics);
    }
    return;
  }
  static const OptionDescriptor url{.name = "save", .type = kUrl};
  validate(save ? "sink '" + sink->kind + "'" : "verb '" + sink->kind + "'",
           "streamflowd list sink " + sink->kind, step.verb, &step.argument,
           save ? &url : &sink->argument, step.options, sink->options, diagnostics);
}

void validate_source(const InputSpec& input, const Registry& registry, Diagnostics& diagnostics) {
  const bool url = input.value.is_null() && !scheme_of(input.name.text).empty();
  const SourceDescriptor* const source =
      registry.find_source(url ? scheme_of(input.name.text) : input.name.text);
  if (source == nullptr) {
    report_unknown_source(input.name, registry, diagnostics);
    return;
  }
  std::vector<OptionDescriptor> options = source->options;
  const auto& shared = source_options();
  options.insert(options.end(), shared.begin(), shared.end());
  if (url) options.front().required = false;
  const OptionDescriptor argument{.name = source->kind, .type = kText};
  validate("source '" + source->kind + "'", "streamflowd list source " + source->kind, input.name,
           url ? &input.name : &input.value, &argument, input.options, options, diagnostics);
}

}  // namespace

Registry sample_registry() {
  Registry registry;
  add_steps(registry);
  add_sources(registry);
  add_sinks(registry);
  return registry;
}

void validate_all(const PipelineSpec& spec, const Registry& registry, Diagnostics& diagnostics) {
  for (const StreamSpec& stream : spec.streams) {
    for (const InputSpec& input : stream.from) {
      if (!input.is_stream) validate_source(input, registry, diagnostics);
    }
    for (const StepSpec& step : stream.steps) validate_step(step, registry, diagnostics);
  }
}

}  // namespace streamflow
