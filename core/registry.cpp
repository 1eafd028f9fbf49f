#include "core/registry.h"

#include <algorithm>

#include "core/event_time.h"

namespace streamflow {
namespace {

void add_step_options(std::vector<OptionDescriptor>& options) {
  for (const OptionDescriptor& common : step_options()) {
    const bool own =
        std::any_of(options.begin(), options.end(),
                    [&](const OptionDescriptor& option) { return option.name == common.name; });
    if (!own) options.push_back(common);
  }
}

template <class Descriptor>
const Descriptor* by_kind_or_scheme(const std::vector<Descriptor>& all, std::string_view word) {
  for (const Descriptor& descriptor : all) {
    const auto& schemes = descriptor.schemes;
    if (descriptor.kind == word ||
        std::find(schemes.begin(), schemes.end(), word) != schemes.end()) {
      return &descriptor;
    }
  }
  return nullptr;
}

std::vector<OptionDescriptor> make_source_options() {
  using enum OptionType;
  std::vector<OptionDescriptor> options = {
      {.name = "format",
       .type = kChoice,
       .help = "how a message becomes records",
       .fallback = "json",
       .choices = {"json", "ndjson", "csv", "text", "number"}},
      {.name = "as",
       .type = kName,
       .help = "the field that a bare value gets",
       .fallback = "value"},
      {.name = "time", .type = kName, .help = "the field with the event time; without it, arrival"},
      {.name = "lateness",
       .type = kDuration,
       .help = "how much older than the newest record one may be",
       .fallback = "0s"},
      {.name = "idle",
       .type = kDuration,
       .help = "silence after which the source holds nobody up",
       .fallback = "30s"},
      {.name = "max_future",
       .type = kDuration,
       .help = "times further beyond arrival are errors",
       .fallback = "1h"},
      {.name = "delimiter", .type = kText, .help = "between CSV cells", .fallback = ","},
      {.name = "decimal",
       .type = kChoice,
       .help = "decimal point of CSV numbers",
       .fallback = ".",
       .choices = {".", ","}},
      {.name = "encoding",
       .type = kChoice,
       .help = "of CSV text",
       .fallback = "utf-8",
       .choices = {"utf-8", "latin-1"}},
      {.name = "header",
       .type = kAny,
       .help = "whether the first CSV line has the names (true, false; a line that repeats them is skipped), or the names",
       .fallback = "true"},
      {.name = "types", .type = kTypes, .help = "types of CSV columns"},
  };
  const auto lateness = std::find_if(options.begin(), options.end(),
                                     [](const auto& option) { return option.name == "lateness"; });
  options.insert(lateness, EventTime::options().begin(), EventTime::options().end());
  return options;
}

}  // namespace

std::string_view option_type_name(OptionType type) {
  switch (type) {
    case OptionType::kText:
      return "text";
    case OptionType::kExpression:
      return "expression";
    case OptionType::kExpressions:
      return "{name: expression}";
    case OptionType::kName:
      return "field";
    case OptionType::kNames:
      return "fields";
    case OptionType::kFields:
      return "fields, {new: old}";
    case OptionType::kKeys:
      return "keys";
    case OptionType::kRenames:
      return "{old: new}";
    case OptionType::kTypes:
      return "{field: type}";
    case OptionType::kDuration:
      return "duration";
    case OptionType::kLength:
      return "length";
    case OptionType::kSize:
      return "size";
    case OptionType::kInteger:
      return "integer";
    case OptionType::kNumber:
      return "number";
    case OptionType::kBool:
      return "true or false";
    case OptionType::kChoice:
      return "choice";
    case OptionType::kUrl:
      return "URL";
    case OptionType::kStream:
      return "stream";
    case OptionType::kTexts:
      return "texts";
    case OptionType::kMap:
      return "options";
    case OptionType::kAny:
      return "any";
  }
  return "any";
}

const std::vector<OptionDescriptor>& source_options() {
  static const std::vector<OptionDescriptor> options = make_source_options();
  return options;
}

const std::vector<OptionDescriptor>& step_options() {
  static const std::vector<OptionDescriptor> options = {
      {.name = "id", .type = OptionType::kText, .help = "keeps the step's state across edits"},
  };
  return options;
}

const OptionDescriptor& buffer_option() {
  static const OptionDescriptor option = {
      .name = "buffer",
      .type = OptionType::kMap,
      .help = "what waits for the peer, in memory and then in the state folder",
      .parts = {{.name = "memory", .type = OptionType::kSize, .help = "of what waits", .fallback = "8MiB"},
                {.name = "disk",
                 .type = OptionType::kSize,
                 .help = "beyond that, in the state folder (with at_least_once and exactly_once)",
                 .fallback = "1GiB"},
                {.name = "when_full",
                 .type = OptionType::kChoice,
                 .help = "stop reading, or lose records",
                 .fallback = "block",
                 .choices = {"block", "drop_oldest", "drop_newest"}}}};
  return option;
}

void Registry::step(StepDescriptor descriptor) {
  add_step_options(descriptor.options);
  steps_.push_back(std::move(descriptor));
}

void Registry::source(SourceDescriptor descriptor) { sources_.push_back(std::move(descriptor)); }

void Registry::sink(SinkDescriptor descriptor) {
  if (!descriptor.schemes.empty()) descriptor.options.push_back(buffer_option());
  add_step_options(descriptor.options);
  sinks_.push_back(std::move(descriptor));
}

const StepDescriptor* Registry::find_step(std::string_view verb) const {
  for (const StepDescriptor& step : steps_) {
    if (step.verb == verb) return &step;
  }
  return nullptr;
}

const SourceDescriptor* Registry::find_source(std::string_view kind_or_scheme) const {
  return by_kind_or_scheme(sources_, kind_or_scheme);
}

const SinkDescriptor* Registry::find_sink(std::string_view kind_or_scheme) const {
  return by_kind_or_scheme(sinks_, kind_or_scheme == "plot" ? "chart" : kind_or_scheme);
}

std::vector<std::string> Registry::verbs() const {
  std::vector<std::string> out;
  for (const StepDescriptor& step : steps_) out.push_back(step.verb);
  bool save = false;
  for (const SinkDescriptor& sink : sinks_) {
    if (sink.schemes.empty()) {
      out.push_back(sink.kind);
    } else {
      save = true;
    }
  }
  if (save) out.emplace_back("save");
  return out;
}

}  // namespace streamflow
