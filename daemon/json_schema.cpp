#include "daemon/json_schema.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/option_value.h"
#include "core/value.h"

namespace streamflow {
namespace {

// A JSON value as its text; objects and arrays are put together from those.
using Json = std::string;
using Members = std::vector<std::pair<std::string, Json>>;

constexpr char kDuration[] = "^([0-9]+(us|ms|s|m|h|d|w))+$|\\$\\{";
constexpr char kSize[] = "^[0-9]+(B|KiB|MiB|GiB|TiB)$|\\$\\{";
constexpr char kStreamName[] = "^[A-Za-z_][A-Za-z0-9_-]*(\\.late|\\.errors)?$";

Json text(std::string_view value) {
  Json out;
  append_json_string(value, out);
  return out;
}

Json array(const std::vector<Json>& items) {
  Json out = "[";
  for (const Json& item : items) out += (out.size() > 1 ? ", " : "") + item;
  return out + "]";
}

Json texts(const std::vector<std::string>& values) {
  std::vector<Json> items;
  for (const std::string& value : values) items.push_back(text(value));
  return array(items);
}

Json object(const Members& members) {
  Json out = "{";
  for (const auto& [name, value] : members)
    out += (out.size() > 1 ? ", " : "") + text(name) + ": " + value;
  return out + "}";
}

Json reference(std::string_view definition) {
  return object({{"$ref", text("#/definitions/" + std::string(definition))}});
}

Json pattern(std::string_view expression) {
  return object({{"type", text("string")}, {"pattern", text(expression)}});
}

Json any_of(const std::vector<Json>& schemas) { return object({{"anyOf", array(schemas)}}); }

Json one_or_list(const Json& item) {
  return any_of({item, object({{"type", text("array")}, {"items", item}})});
}

Json map_of(const Json& value) {
  return object({{"type", text("object")}, {"additionalProperties", value}});
}

Json limit(double value) {
  Json out = std::to_string(value);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

Json number_schema(const OptionDescriptor& option) {
  const bool whole = option.type == OptionType::kInteger;
  Members members = {{"type", text(whole ? "integer" : "number")}};
  if (option.least) members.emplace_back("minimum", limit(*option.least));
  if (option.greatest) members.emplace_back("maximum", limit(*option.greatest));
  return any_of({object(members), pattern(whole ? "^-?[0-9]+$|\\$\\{" : "^-?[0-9.]|\\$\\{")});
}

Json choice_schema(const std::vector<std::string>& choices) {
  // A choice such as `1` is a number to an editor.
  std::vector<Json> values;
  for (const std::string& choice : choices) {
    values.push_back(text(choice));
    if (parse_integer(choice)) values.push_back(choice);
    if (choice == "null") values.emplace_back("null");
  }
  return any_of({object({{"enum", array(values)}}), reference("variable")});
}

// A duration, months or years, and what else the option takes.
Json length_schema(const OptionDescriptor& option) {
  std::vector<Json> forms = {reference("duration"), pattern("^[0-9]+(mo|y)$")};
  if (!option.choices.empty()) {
    forms.push_back(choice_schema(option.choices));
    forms.push_back(object({{"type", text("object")}}));
  }
  if (option.least) forms.push_back(object({{"type", text("integer")}, {"minimum", limit(*option.least)}}));
  return any_of(forms);
}

Json option_schema(const OptionDescriptor& option);

Json type_schema(const OptionDescriptor& option) {
  switch (option.type) {
    case OptionType::kText:
      return reference("text");
    case OptionType::kExpression:
      return reference("expression");
    case OptionType::kExpressions:
      return reference("expressions");
    case OptionType::kName:
      return reference("text");
    case OptionType::kNames:
    case OptionType::kTexts:
      return reference("texts");
    case OptionType::kFields:
    case OptionType::kKeys:
      return any_of({reference("text"), reference("expressions")});
    case OptionType::kRenames:
      return map_of(reference("text"));
    case OptionType::kTypes:
      return map_of(option.choices.empty() ? reference("text") : choice_schema(option.choices));
    case OptionType::kDuration:
      return reference("duration");
    case OptionType::kLength:
      return length_schema(option);
    case OptionType::kSize:
      return reference("size");
    case OptionType::kInteger:
    case OptionType::kNumber:
      return number_schema(option);
    case OptionType::kBool:
      return reference("flag");
    case OptionType::kChoice:
      return choice_schema(option.choices);
    case OptionType::kUrl:
      return reference("url");
    case OptionType::kStream:
      return reference("stream");
    case OptionType::kMap: {
      Members parts;
      for (const OptionDescriptor& part : option.parts)
        parts.emplace_back(part.name, option_schema(part));
      return object({{"type", text("object")}, {"properties", object(parts)}, {"additionalProperties", "false"}});
    }
    case OptionType::kAny:
      return "{}";
  }
  return "{}";
}

// With its help, and its default where it has one.
Json option_schema(const OptionDescriptor& option) {
  std::string help = option.help;
  if (!option.fallback.empty()) help += (help.empty() ? "" : "; ") + ("default " + option.fallback);
  if (help.empty()) return type_schema(option);
  return object({{"description", text(help)}, {"allOf", array({type_schema(option)})}});
}

// A map with one key of its own and options beside it.
Json map_schema(std::string_view summary, const std::string& key, const Json& value,
                const std::vector<const OptionDescriptor*>& options) {
  Members properties = {{key, value}};
  std::vector<std::string> required = {key};
  for (const OptionDescriptor* option : options) {
    const bool there = std::any_of(properties.begin(), properties.end(), [&](const auto& property) {
      return property.first == option->name;
    });
    if (there) continue;
    properties.emplace_back(option->name, option_schema(*option));
    if (option->required) required.push_back(option->name);
  }
  return object({{"description", text(summary)},
                 {"type", text("object")},
                 {"properties", object(properties)},
                 {"required", texts(required)},
                 {"additionalProperties", "false"}});
}

std::vector<const OptionDescriptor*> pointers(const std::vector<OptionDescriptor>& options) {
  std::vector<const OptionDescriptor*> out;
  for (const OptionDescriptor& option : options) out.push_back(&option);
  return out;
}

Json argument_schema(const OptionDescriptor& argument) {
  const Json nothing = object({{"type", text("null")}});
  if (argument.name.empty()) return nothing;
  return argument.required ? option_schema(argument) : any_of({option_schema(argument), nothing});
}

std::string schemes_pattern(const std::vector<std::string>& schemes) {
  std::string out;
  for (const std::string& scheme : schemes) out += (out.empty() ? "^(" : "|") + scheme;
  return out + "):|^\\$\\{";
}

Json step_schema(const Registry& registry) {
  std::vector<Json> steps;
  std::vector<std::string> bare;  // verbs that need no value may stand alone
  for (const StepDescriptor& step : registry.steps()) {
    steps.push_back(map_schema(step.summary, step.verb, argument_schema(step.argument),
                               pointers(step.options)));
    if (!step.argument.required) bare.push_back(step.verb);
  }
  for (const SinkDescriptor& sink : registry.sinks()) {
    if (!sink.schemes.empty()) {
      steps.push_back(map_schema(sink.summary, "save", pattern(schemes_pattern(sink.schemes)),
                                 pointers(sink.options)));
      continue;
    }
    std::vector<std::string> names = {sink.kind};
    if (sink.kind == "chart") names.emplace_back("plot");
    for (const std::string& name : names) {
      steps.push_back(
          map_schema(sink.summary, name, argument_schema(sink.argument), pointers(sink.options)));
      if (!sink.argument.required) bare.push_back(name);
    }
  }
  if (!bare.empty()) steps.push_back(object({{"enum", texts(bare)}}));
  return any_of(steps);
}

Json input_schema(const Registry& registry) {
  std::vector<Json> inputs = {reference("stream")};
  for (const SourceDescriptor& source : registry.sources()) {
    inputs.push_back(pattern(schemes_pattern(source.schemes)));
    std::vector<OptionDescriptor> options = source.options;
    for (OptionDescriptor shared : source_options()) {
      if (shared.name == "format" && !source.formats.empty()) {
        shared.choices = source.formats;
        shared.fallback = source.formats.front();
      }
      options.push_back(std::move(shared));
    }
    std::vector<std::string> keys = {source.kind};
    for (const std::string& scheme : source.schemes) {
      if (scheme != source.kind) keys.push_back(scheme);
    }
    for (const std::string& key : keys) {
      inputs.push_back(
          map_schema(source.summary, key,
                     any_of({reference("text"), map_of("{}"), object({{"type", text("null")}})}),
                     pointers(options)));
    }
  }
  return any_of(inputs);
}

Json test_schema() {
  const Json records =
      object({{"type", text("array")}, {"items", object({{"type", text("object")}})}});
  const Json streams = any_of({records, map_of(records)});
  return object({{"type", text("object")},
                 {"properties", object({{"name", reference("text")},
                                        {"given", streams},
                                        {"expect", streams},
                                        {"exact", reference("flag")}})},
                 {"required", texts({"given", "expect"})},
                 {"additionalProperties", "false"}});
}

Members definitions(const Registry& registry) {
  const Json name_or_map = any_of({reference("text"), map_of(reference("expression"))});
  const Json steps = object({{"type", text("array")}, {"items", reference("step")}});
  const Json nothing = object({{"type", text("null")}});
  return {
      {"text", object({{"type", texts({"string", "number", "boolean"})}})},
      {"expression", object({{"type", texts({"string", "number", "boolean", "null"})}})},
      {"expressions", any_of({map_of(reference("expression")),
                              object({{"type", text("array")}, {"items", name_or_map}})})},
      {"texts", one_or_list(reference("text"))},
      {"variable", pattern("\\$\\{")},
      {"duration", pattern(kDuration)},
      {"size", pattern(kSize)},
      {"flag", any_of({object({{"type", text("boolean")}}), pattern("^(true|false)$|\\$\\{")})},
      {"url", pattern("^[A-Za-z][A-Za-z0-9+.-]*:|^\\$\\{")},
      {"stream", pattern(kStreamName)},
      {"input", input_schema(registry)},
      {"inputs", one_or_list(reference("input"))},
      {"step", step_schema(registry)},
      {"steps", any_of({steps, nothing})},
      {"test", test_schema()},
  };
}

// One line of JSON, spread over lines with two blanks of indentation.
std::string spread(const Json& json) {
  std::string out, indent = "\n";
  bool quoted = false;
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (quoted || c == '"') {
      if (c == '"') quoted = !quoted;
      out += c;
      if (c == '\\') out += json[++at];
    } else if ((c == '{' || c == '[') && (json[at + 1] == '}' || json[at + 1] == ']')) {
      out += c;
      out += json[++at];
    } else if (c == '{' || c == '[') {
      indent += "  ";
      out += c + indent;
    } else if (c == '}' || c == ']') {
      indent.resize(indent.size() - 2);
      out += indent + c;
    } else if (c == ',') {
      out += c + indent;
      ++at;  // the blank after it
    } else {
      out += c;
    }
  }
  return out + "\n";
}

}  // namespace

std::string json_schema(const Registry& registry) {
  const OptionDescriptor delivery{.name = "delivery",
                                  .type = OptionType::kChoice,
                                  .help = "what a crash may do to records",
                                  .fallback = "at_least_once",
                                  .choices = {"at_most_once", "at_least_once", "exactly_once"}};
  const Json stream = object(
      {{"type", text("object")},
       {"properties", object({{"from", reference("inputs")}, {"steps", reference("steps")}})},
       {"required", texts({"from"})},
       {"additionalProperties", "false"}});
  const Json streams =
      object({{"type", text("object")},
              {"propertyNames", object({{"pattern", text("^[A-Za-z_][A-Za-z0-9_-]*$")}})},
              {"additionalProperties", stream},
              {"minProperties", "1"}});
  const Json log = object({{"type", text("object")},
                           {"properties", object({{"keep", reference("duration")}})},
                           {"additionalProperties", "false"}});
  const Json root = object(
      {{"$schema", text("http://json-schema.org/draft-07/schema#")},
       {"title", text("StreamFlow pipeline")},
       {"type", text("object")},
       {"properties",
        object({{"name", reference("text")},
                {"delivery", option_schema(delivery)},
                {"from", reference("inputs")},
                {"steps", reference("steps")},
                {"streams", streams},
                {"input_log", log},
                {"tests", object({{"type", text("array")}, {"items", reference("test")}})}})},
       {"oneOf", array({object({{"required", texts({"from"})}}),
                        object({{"required", texts({"streams"})}})})},
       {"additionalProperties", "false"},
       {"definitions", object(definitions(registry))}});
  return spread(root);
}

}  // namespace streamflow
