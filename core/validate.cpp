// Written options against their descriptors: each problem with its place and what to write instead.
#include <algorithm>

#include "core/option_value.h"
#include "core/registry.h"

namespace streamflow {
namespace {

// What a type's values are called in "takes …, not …".
std::string_view noun(OptionType type) {
  switch (type) {
    case OptionType::kText:
      return "a text";
    case OptionType::kExpression:
      return "an expression";
    case OptionType::kExpressions:
      return "a map of names to expressions, or a list";
    case OptionType::kName:
      return "a field name";
    case OptionType::kNames:
      return "a field name or a list of them";
    case OptionType::kFields:
      return "a field name, a list of them, or {new: old}";
    case OptionType::kKeys:
      return "a key, a list of keys, or a map of names to expressions";
    case OptionType::kRenames:
      return "a map of old names to new ones";
    case OptionType::kTypes:
      return "a map of fields to types";
    case OptionType::kDuration:
      return "a duration";
    case OptionType::kLength:
      return "a length of time";
    case OptionType::kSize:
      return "a size";
    case OptionType::kInteger:
      return "a whole number";
    case OptionType::kNumber:
      return "a number";
    case OptionType::kBool:
      return "true or false";
    case OptionType::kChoice:
      return "one of its choices";
    case OptionType::kUrl:
      return "a URL";
    case OptionType::kStream:
      return "the name of a stream";
    case OptionType::kTexts:
      return "a text or a list of texts";
    case OptionType::kMap:
      return "a map of options";
    case OptionType::kAny:
      return "a value";
  }
  return "a value";
}

std::string_view found_noun(const SpecValue& value) {
  if (value.is_list()) return "a list";
  if (value.is_map()) return "a map";
  return value.is_null() ? "nothing" : "a text";
}

// `null` and `~` are texts where an expression belongs; only an empty place has no value.
bool is_written(const SpecValue& value) { return !value.is_null() || !value.text.empty(); }
bool is_text(const SpecValue& value) { return value.is_scalar() || !value.text.empty(); }

std::string shown(const SpecValue& value) { return value.secret ? "***" : value.text; }

std::string write_line(const SpecValue& value, std::string_view replacement) {
  if (value.secret) return {};
  const std::string line = corrected_line(value.span, replacement);
  return line.empty() ? std::string() : "write: " + line;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// One option (or the main argument) while it is checked.
struct Check {
  const OptionDescriptor& descriptor;
  std::string subject;  // "option 'by' of verb 'window'"
  const std::string& help;
  Diagnostics& diagnostics;

  bool report(std::string code, const Span& span, std::string message, std::string label = {},
              std::string advice = {}) const {
    diagnostics.error(std::move(code), span, std::move(message), std::move(label),
                      advice.empty() ? help : std::move(advice));
    return false;
  }

  bool wrong_shape(const SpecValue& value, std::string label = {}) const {
    return report("E0104", value.span,
                  subject + " takes " + std::string(noun(descriptor.type)) + ", not " +
                      std::string(found_noun(value)),
                  std::move(label));
  }

  bool expression(const SpecValue& value) const {
    if (is_text(value)) return true;
    if (value.is_null()) return report("E0104", value.span, subject + " has an empty expression");
    // `a: [1, 2]` and `a: {b: 1}` are expressions of the language that YAML takes for its own.
    return report("E0128", value.span,
                  "an expression belongs here, but YAML reads " + std::string(found_noun(value)),
                  "quote this expression", write_line(value, quoted(source_text(value.span))));
  }

  bool scalar(const SpecValue& value) const {
    if (value.is_scalar()) return true;
    const bool options_inside = value.is_map() && descriptor.type == OptionType::kDuration;
    return wrong_shape(value, options_inside ? "options stand beside the verb, not under it" : "");
  }

  bool name(const SpecValue& value) const {
    if (!value.is_scalar()) return wrong_shape(value);
    return !value.text.empty() || report("E0104", value.span, subject + " has an empty name");
  }

  bool named(const SpecValue& value) const {
    if (value.is_map()) {
      bool good = true;
      for (const auto& [key, entry] : value.entries) good = expression(entry) && good;
      return good;
    }
    return name(value);
  }

  // A list whose items each pass, or one such item.
  template <class Item>
  bool one_or_list(const SpecValue& value, Item item) const {
    if (!value.is_list()) return item(value);
    bool good = true;
    for (const SpecValue& part : value.items) good = item(part) && good;
    return good;
  }

  bool expressions(const SpecValue& value) const {
    if (value.is_scalar()) return wrong_shape(value, "write {name: expression}");
    return one_or_list(value, [this](const SpecValue& item) { return named(item); });
  }

  bool pairs(const SpecValue& value) const {
    if (!value.is_map()) return wrong_shape(value);
    bool good = true;
    for (const auto& [key, entry] : value.entries) {
      if (!entry.is_scalar()) {
        good = report("E0104", entry.span,
                      subject + " takes a text for '" + key.text + "', not " +
                          std::string(found_noun(entry)));
      } else if (!descriptor.choices.empty()) {
        good = choice(entry) && good;
      }
    }
    return good;
  }

  bool duration(const SpecValue& value) const {
    if (!scalar(value)) return false;
    if (parse_duration(value.text)) return true;
    if (parse_number(value.text)) {
      return report("E0105", value.span,
                    subject + " takes a duration: '" + shown(value) + "' has no unit",
                    value.text[0] == '-' ? "durations have no sign"
                                         : "write " + shown(value) + "s for seconds",
                    write_line(value, value.text + "s"));
    }
    const std::string likely = likely_duration(value.text);
    return report("E0105", value.span, subject + " takes a duration, not '" + shown(value) + "'",
                  likely.empty() ? "" : "did you mean '" + likely + "'?",
                  likely.empty() ? "durations are written 250ms, 60s, 5m, 1h30m, 1d"
                                 : write_line(value, likely));
  }

  bool length(const SpecValue& value) const {
    const auto& choices = descriptor.choices;
    if (value.is_map() && !choices.empty()) return true;
    if (value.is_scalar()) {
      if (parse_length(value.text)) return true;
      if (std::find(choices.begin(), choices.end(), value.text) != choices.end()) return true;
      const auto number = parse_integer(value.text);
      if (descriptor.least && number && static_cast<double>(*number) >= *descriptor.least) {
        return true;
      }
    }
    return duration(value);
  }

  bool size(const SpecValue& value) const {
    if (!scalar(value)) return false;
    if (parse_size(value.text)) return true;
    if (parse_number(value.text)) {
      return report(
          "E0106", value.span, subject + " takes a size: '" + shown(value) + "' has no unit",
          "write " + shown(value) + "MiB, " + shown(value) + "KiB or " + shown(value) + "B",
          write_line(value, value.text + "MiB"));
    }
    const std::string likely = likely_size(value.text);
    return report(
        "E0106", value.span, subject + " takes a size, not '" + shown(value) + "'",
        likely.empty() ? "" : "did you mean '" + likely + "'?",
        likely.empty() ? "sizes are written 512B, 64KiB, 8MiB, 1GiB" : write_line(value, likely));
  }

  bool number(const SpecValue& value) const {
    if (!scalar(value)) return false;
    const bool whole = descriptor.type == OptionType::kInteger;
    std::optional<double> read = parse_number(value.text);
    if (whole && !parse_integer(value.text)) read.reset();
    if (!read) {
      return report("E0107", value.span,
                    subject + " takes " + std::string(noun(descriptor.type)) + ", not '" +
                        shown(value) + "'");
    }
    const auto bound = [](double limit) {
      std::string text = std::to_string(limit);
      text.erase(text.find_last_not_of('0') + 1);
      if (text.ends_with('.')) text.pop_back();
      return text;
    };
    if (descriptor.least && *read < *descriptor.least) {
      return report("E0107", value.span,
                    subject + " is at least " + bound(*descriptor.least) + ", not " + shown(value));
    }
    if (descriptor.greatest && *read > *descriptor.greatest) {
      return report(
          "E0107", value.span,
          subject + " is at most " + bound(*descriptor.greatest) + ", not " + shown(value));
    }
    return true;
  }

  bool flag(const SpecValue& value) const {
    if (!scalar(value)) return false;
    if (parse_flag(value.text)) return true;
    const std::string_view likely = likely_flag(value.text);
    return report("E0108", value.span, subject + " takes true or false, not '" + shown(value) + "'",
                  likely.empty() ? "" : "did you mean '" + std::string(likely) + "'?");
  }

  bool choice(const SpecValue& value) const {
    // `empty: null` says the choice of that name.
    if (!(value.is_null() && is_text(value)) && !scalar(value)) return false;
    const auto& choices = descriptor.choices;
    if (std::find(choices.begin(), choices.end(), value.text) != choices.end()) return true;
    const std::string likely = nearest(value.text, choices);
    return report("E0109", value.span, "unknown choice '" + shown(value) + "' for " + subject,
                  likely.empty() ? "one of " + joined(choices) : "did you mean '" + likely + "'?",
                  likely.empty() ? "" : "one of " + joined(choices));
  }

  bool url(const SpecValue& value) const {
    if (!scalar(value)) return false;
    if (!scheme_of(value.text).empty()) return true;
    return report("E0129", value.span,
                  subject + " takes a URL: '" + shown(value) + "' has no scheme",
                  "a file is file:" + shown(value), write_line(value, "file:" + value.text));
  }

  bool stream(const SpecValue& value) const {
    if (!scalar(value)) return false;
    return is_stream_reference(value.text) ||
           report("E0117", value.span, "'" + shown(value) + "' is no name of a stream",
                  "letters, digits, _ and -");
  }

  bool map(const SpecValue& value) const {
    if (!value.is_map()) return wrong_shape(value);
    const size_t errors = diagnostics.errors();
    SpecValue place = value;
    place.text = descriptor.name;
    validate(subject, help, place, nullptr, nullptr, value.entries, descriptor.parts, diagnostics);
    return diagnostics.errors() == errors;
  }

  bool run(const SpecValue& value) const {
    if (!is_written(value) && descriptor.type != OptionType::kExpression &&
        descriptor.type != OptionType::kAny) {
      return report("E0104", value.span, subject + " has no value");
    }
    switch (descriptor.type) {
      case OptionType::kText:
        return scalar(value);
      case OptionType::kExpression:
        return expression(value);
      case OptionType::kExpressions:
        return expressions(value);
      case OptionType::kName:
        return name(value);
      case OptionType::kNames:
        return one_or_list(value, [this](const SpecValue& item) { return name(item); });
      case OptionType::kFields:
        return one_or_list(value, [this](const SpecValue& item) {
          return item.is_map() ? pairs(item) : name(item);
        });
      case OptionType::kKeys:
        return one_or_list(value, [this](const SpecValue& item) { return named(item); });
      case OptionType::kRenames:
      case OptionType::kTypes:
        return pairs(value);
      case OptionType::kDuration:
        return duration(value);
      case OptionType::kLength:
        return length(value);
      case OptionType::kSize:
        return size(value);
      case OptionType::kInteger:
      case OptionType::kNumber:
        return number(value);
      case OptionType::kBool:
        return flag(value);
      case OptionType::kChoice:
        return choice(value);
      case OptionType::kUrl:
        return url(value);
      case OptionType::kStream:
        return stream(value);
      case OptionType::kTexts:
        return one_or_list(value, [this](const SpecValue& item) { return scalar(item); });
      case OptionType::kMap:
        return map(value);
      case OptionType::kAny:
        return true;
    }
    return true;
  }
};

void check_argument(const std::string& what, const std::string& help, const SpecValue& verb,
                    const SpecValue* argument, const OptionDescriptor& descriptor, Params& params,
                    Diagnostics& diagnostics) {
  const bool given = argument != nullptr && is_written(*argument);
  if (!given) {
    if (descriptor.required) {
      diagnostics.error("E0103", verb.span, what + " needs " + std::string(noun(descriptor.type)),
                        descriptor.help.empty() ? "" : descriptor.help, help);
    }
    return;
  }
  if (descriptor.name.empty()) {
    diagnostics.error("E0104", argument->span, what + " takes no value", "", help);
    return;
  }
  if (Check{descriptor, what, help, diagnostics}.run(*argument)) {
    params.values.emplace_back(descriptor.name, *argument);
  }
}

const OptionDescriptor* find(const std::vector<OptionDescriptor>& descriptors,
                             std::string_view name) {
  for (const OptionDescriptor& descriptor : descriptors) {
    if (descriptor.name == name) return &descriptor;
  }
  return nullptr;
}

// Returns the name that was likely meant, or empty.
std::string report_unknown(const std::string& what, const std::string& help, const SpecValue& key,
                           const std::vector<OptionDescriptor>& descriptors,
                           Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const OptionDescriptor& descriptor : descriptors) names.push_back(descriptor.name);
  std::string likely = nearest(key.text, names);
  diagnostics.error("E0102", key.span, "unknown option '" + key.text + "' for " + what,
                    likely.empty() ? "" : "did you mean '" + likely + "'?", help);
  return likely;
}

}  // namespace

Params validate(const std::string& what, const std::string& list_command, const SpecValue& verb,
                const SpecValue* argument, const OptionDescriptor* argument_descriptor,
                const std::vector<std::pair<SpecValue, SpecValue>>& options,
                const std::vector<OptionDescriptor>& descriptors, Diagnostics& diagnostics) {
  Params params;
  params.verb = verb.text;
  params.verb_span = verb.span;
  params.descriptors = &descriptors;
  params.argument = argument_descriptor;
  if (argument_descriptor != nullptr) {
    check_argument(what, list_command, verb, argument, *argument_descriptor, params, diagnostics);
  } else if (argument != nullptr && is_written(*argument)) {
    params.values.emplace_back(verb.text, *argument);
  }
  std::vector<std::string> seen;
  std::vector<std::string> meant;  // by misspelt ones: not missing
  for (const auto& [key, value] : options) {
    const OptionDescriptor* const descriptor = find(descriptors, key.text);
    if (descriptor == nullptr) {
      meant.push_back(report_unknown(what, list_command, key, descriptors, diagnostics));
      continue;
    }
    if (std::find(seen.begin(), seen.end(), key.text) != seen.end()) {
      diagnostics.error("E0123", key.span,
                        "option '" + key.text + "' of " + what + " stands twice");
      continue;
    }
    seen.push_back(key.text);
    const std::string subject = "option '" + key.text + "' of " + what;
    if (Check{*descriptor, subject, list_command, diagnostics}.run(value)) {
      params.values.emplace_back(key.text, value);
      if (descriptor->type == OptionType::kChoice) params.values.back().second.type = SpecValue::Type::kScalar;
    }
  }
  for (const OptionDescriptor& descriptor : descriptors) {
    const auto named = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), descriptor.name) != names.end();
    };
    if (descriptor.required && !named(seen) && !named(meant)) {
      diagnostics.error("E0103", verb.span, what + " needs the option '" + descriptor.name + "'",
                        descriptor.help, list_command);
    }
  }
  return params;
}

}  // namespace streamflow
