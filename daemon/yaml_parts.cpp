#include "daemon/yaml_parts.h"

#include <algorithm>

#include "core/option_value.h"
#include "core/vocabulary.h"

namespace streamflow {
namespace {

constexpr size_t kProblemsMax = 200;  // then further inputs are not looked at

using Entry = std::pair<SpecValue, SpecValue>;

std::string listed(const std::vector<const Entry*>& entries) {
  std::string out;
  for (size_t i = 0; i < entries.size(); ++i) {
    out += i == 0 ? "'" : i + 1 == entries.size() ? " and '" : ", '";
    out += entries[i]->first.text + "'";
  }
  return out;
}

bool has_option(const std::vector<OptionDescriptor>& options, std::string_view name) {
  return std::any_of(options.begin(), options.end(),
                     [&](const OptionDescriptor& option) { return option.name == name; });
}

class StepReader {
 public:
  StepReader(const Registry& registry, Diagnostics& diagnostics)
      : registry_(registry), diagnostics_(diagnostics) {}

  std::optional<StepSpec> read(const SpecValue& item) {
    if (item.is_scalar()) return bare(item);
    if (!item.is_map() || item.entries.empty()) {
      diagnostics_.error("E0111", item.span,
                         std::string("a step is a verb with its options, not ") +
                             (item.is_list() ? "a list" : "nothing"),
                         "as in 'filter: temperature > 25'", "streamflowd list verb");
      return {};
    }
    std::vector<const Entry*> verbs;
    for (const Entry& entry : item.entries) {
      if (is_verb(entry.first.text)) verbs.push_back(&entry);
    }
    const Entry* const verb = verbs.empty() ? unknown(item) : choose(verbs);
    if (verb == nullptr) return {};
    StepSpec step;
    step.verb = verb->first;
    step.argument = verb->second;
    for (const Entry& entry : item.entries) {
      const bool rival = std::find(rivals_.begin(), rivals_.end(), &entry) != rivals_.end();
      if (&entry != verb && !rival) step.options.push_back(entry);
    }
    return step;
  }

 private:
  bool is_verb(std::string_view word) const {
    if (word == "save" || is_planned_verb(word)) return true;
    return registry_.find_step(word) != nullptr || sink_verb(word) != nullptr;
  }
  const SinkDescriptor* sink_verb(std::string_view word) const {
    const SinkDescriptor* const sink = registry_.find_sink(word);
    return sink != nullptr && sink->schemes.empty() ? sink : nullptr;
  }

  bool takes_option(std::string_view verb, std::string_view option) const {
    if (const StepDescriptor* step = registry_.find_step(verb)) {
      return has_option(step->options, option);
    }
    const SinkDescriptor* const sink = sink_verb(verb);
    return sink != nullptr && has_option(sink->options, option);
  }

  // A verb that takes this option, or empty.
  std::string owner_of(std::string_view option) const {
    for (const std::string& verb : registry_.verbs()) {
      if (takes_option(verb, option)) return verb;
    }
    return {};
  }

  // `- log` alone is a verb without a value.
  std::optional<StepSpec> bare(const SpecValue& item) {
    if (is_verb(item.text)) {
      StepSpec step;
      step.verb = item;
      step.argument.span = item.span;
      return step;
    }
    const size_t colon = item.text.find(':');
    const bool blank_missing = colon != std::string::npos && is_verb(item.text.substr(0, colon));
    std::string corrected;
    if (blank_missing) corrected = corrected_line(item.part(colon, colon + 1), ": ");
    diagnostics_.error(
        "E0111", blank_missing ? item.part(colon, colon + 1) : item.span,
        "a step is a verb with its options, not a text",
        blank_missing ? "a blank is missing after ':'" : "as in 'filter: temperature > 25'",
        corrected.empty() ? "streamflowd list verb" : "write: " + corrected);
    return {};
  }

  // `select` beside `window` is its option: the verb is the one that takes the others as options.
  const Entry* choose(const std::vector<const Entry*>& verbs) {
    for (const Entry* verb : verbs) {
      const bool takes_all = std::all_of(verbs.begin(), verbs.end(), [&](const Entry* other) {
        return other == verb || takes_option(verb->first.text, other->first.text);
      });
      if (takes_all) return verb;
    }
    rivals_.assign(verbs.begin() + 1, verbs.end());
    const SpecValue& second = verbs[1]->first;
    diagnostics_.error("E0112", second.span, "a step has one verb; this one has " + listed(verbs),
                       "begin a step of its own: - " + second.text + ": …");
    return verbs.front();
  }

  // No key is a verb: the one that was meant to be one, or an option that lost its verb.
  const Entry* unknown(const SpecValue& item) {
    const std::vector<std::string> verbs = registry_.verbs();
    const Entry* likely = nullptr;
    for (const Entry& entry : item.entries) {
      if (!owner_of(entry.first.text).empty()) continue;
      if (!verb_hint(entry.first.text).empty()) return reported(entry);
      if (likely == nullptr && !nearest(entry.first.text, verbs).empty()) likely = &entry;
    }
    if (likely != nullptr) return reported(*likely);
    const Entry& first = item.entries.front();
    const std::string owner = owner_of(first.first.text);
    if (owner.empty() || owner_of("id") == owner) return reported(first);
    diagnostics_.error(
        "E0111", first.first.span,
        "this step has no verb: '" + first.first.text + "' is an option of '" + owner + "'",
        "write it beside '" + owner + "', without its own '-'", "streamflowd list verb " + owner);
    return nullptr;
  }

  const Entry* reported(const Entry& entry) {
    report_unknown_verb(entry.first, registry_, diagnostics_);
    return &entry;
  }

  const Registry& registry_;
  Diagnostics& diagnostics_;
  std::vector<const Entry*> rivals_;  // further verbs of the step, already reported
};

class InputReader {
 public:
  InputReader(const Registry& registry, Diagnostics& diagnostics)
      : registry_(registry), diagnostics_(diagnostics) {}

  void read(const SpecValue& value, std::vector<InputSpec>& out) {
    if (value.is_map() && !value.entries.empty()) {
      connector(value, out);
    } else if (value.is_scalar()) {
      named(value, out);
    } else {
      diagnostics_.error("E0114", value.span,
                         value.is_list() ? "a union is one list of sources and streams"
                                         : "'from' names no source and no stream",
                         "as in from: mqtt://localhost/sensors/#");
    }
  }

 private:
  bool is_source(std::string_view kind) const {
    return registry_.find_source(kind) != nullptr || is_planned_source(kind);
  }

  void named(const SpecValue& value, std::vector<InputSpec>& out) {
    InputSpec input;
    input.name = value;
    input.value.span = value.span;
    if (!scheme_of(value.text).empty()) {
      if (!is_source(scheme_of(value.text))) report_unknown_source(value, registry_, diagnostics_);
    } else if (is_stream_reference(value.text)) {
      input.is_stream = true;
    } else {
      no_input(value);
      return;
    }
    out.push_back(std::move(input));
  }

  void no_input(const SpecValue& value) {
    const std::string_view text = value.text;
    const size_t dot = std::min(text.rfind('.'), text.size());
    const std::string suffix = nearest(text.substr(dot), {".late", ".errors"});
    const bool file = text.find_first_of("./") != std::string_view::npos;
    std::string label = file ? "a file is written file:PATH" : "a source begins with its scheme";
    std::string line = file ? corrected_line(value.span, "file:" + value.text) : "";
    if (!suffix.empty() && is_stream_name(text.substr(0, dot)) && !value.secret) {
      label = "did you mean '" + value.text.substr(0, dot) + suffix + "'?";
      line.clear();
    }
    const bool rewrite = !line.empty() && !value.secret;
    diagnostics_.error("E0117", value.span,
                       "'" + (value.secret ? "***" : value.text) +
                           "' is neither a source nor the name of a stream",
                       std::move(label), rewrite ? "write: " + line : "streamflowd list source");
  }

  void connector(const SpecValue& value, std::vector<InputSpec>& out) {
    std::vector<const Entry*> connectors;
    for (const Entry& entry : value.entries) {
      if (is_source(entry.first.text)) connectors.push_back(&entry);
    }
    if (connectors.size() > 1) {
      diagnostics_.error("E0116", connectors[1]->first.span,
                         "one source has one connector; this one has " + listed(connectors),
                         "a union is a list: [{…}, {…}]");
    }
    const Entry* const chosen = connectors.empty() ? unknown(value) : connectors.front();
    if (chosen == nullptr) return;
    InputSpec input;
    input.name = chosen->first;
    input.value = chosen->second;
    for (const Entry& entry : value.entries) {
      const bool also = std::find(connectors.begin(), connectors.end(), &entry) != connectors.end();
      if (&entry != chosen && !also) input.options.push_back(entry);
    }
    out.push_back(std::move(input));
  }

  // No key is a connector: the one that is nearly one, or that has an address.
  const Entry* unknown(const SpecValue& value) {
    std::vector<std::string> kinds;
    for (const SourceDescriptor& source : registry_.sources()) {
      kinds.push_back(source.kind);
      kinds.insert(kinds.end(), source.schemes.begin(), source.schemes.end());
    }
    for (const Entry& entry : value.entries) {
      const bool address = !scheme_of(entry.second.text).empty() &&
                           entry.second.text.find("//") != std::string::npos;
      const bool option = has_option(source_options(), entry.first.text);
      if (option || (nearest(entry.first.text, kinds).empty() && !address)) continue;
      if (address && is_source(scheme_of(entry.second.text))) {
        const std::string scheme = scheme_of(entry.second.text);
        diagnostics_.error("E0115", entry.first.span, "unknown source '" + entry.first.text + "'",
                           "did you mean '" + scheme + "'?", "streamflowd list source");
      } else {
        report_unknown_source(entry.first, registry_, diagnostics_);
      }
      return nullptr;
    }
    std::vector<const Entry*> keys;
    for (const Entry& entry : value.entries) keys.push_back(&entry);
    diagnostics_.error("E0115", value.entries.front().first.span,
                       "no connector among " + listed(keys),
                       "one key names it, as in mqtt: mqtt://localhost", "streamflowd list source");
    return nullptr;
  }

  const Registry& registry_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<StepSpec> read_step(const SpecValue& item, const Registry& registry,
                                  Diagnostics& diagnostics) {
  return StepReader(registry, diagnostics).read(item);
}

std::vector<InputSpec> read_inputs(const SpecValue& from, const Registry& registry,
                                   Diagnostics& diagnostics) {
  std::vector<InputSpec> out;
  InputReader reader(registry, diagnostics);
  if (from.is_list() && !from.items.empty()) {
    for (const SpecValue& item : from.items) {
      if (diagnostics.errors() > kProblemsMax) break;
      reader.read(item, out);
    }
  } else {
    reader.read(from, out);
  }
  return out;
}

}  // namespace streamflow
