#include "daemon/list.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/display.h"
#include "core/expr/program.h"
#include "core/expr/utf8.h"

namespace streamflow {
namespace {

using Row = std::vector<std::string>;

int columns(std::string_view text) {
  int out = 0;
  for (size_t at = 0; at < text.size();) {
    const expr::CodePoint c = expr::decode_utf8(text, at);
    out += columns_of(c.value);
    at += c.length;
  }
  return out;
}

// Rows in columns that are as wide as their widest cell, the last one excepted.
std::string table(const std::vector<Row>& rows) {
  std::vector<int> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i < row.size(); ++i) {
      line += " " + row[i];
      if (i + 1 < row.size())
        line.append(static_cast<size_t>(widths[i] - columns(row[i]) + 1), ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

std::string indented(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.append("  ").append(text.substr(at, end - at)).append("\n");
    at = end + 1;
  }
  return out;
}

Row option_row(const OptionDescriptor& option) {
  std::string type = option.choices.empty() || option.type == OptionType::kLength
                         ? std::string(option_type_name(option.type))
                         : joined(option.choices, " | ");
  std::string help = option.help;
  if (option.required) help += help.empty() ? "required" : " (required)";
  if (!option.fallback.empty()) help += " (default " + option.fallback + ")";
  return {option.name + ":", std::move(type), std::move(help)};
}

std::string options_text(std::string_view title, const std::vector<OptionDescriptor>& options) {
  if (options.empty()) return {};
  std::vector<Row> rows;
  for (const OptionDescriptor& option : options) {
    rows.push_back(option_row(option));
    for (OptionDescriptor part : option.parts) {
      part.name = "  " + part.name;
      rows.push_back(option_row(part));
    }
  }
  return "\n" + std::string(title) + "\n" + table(rows);
}

std::string example_text(std::string_view example) {
  return example.empty() ? std::string() : "\nExample\n" + indented(example);
}

std::string argument_text(const OptionDescriptor& argument) {
  return argument.name.empty() ? std::string() : options_text("Value", {argument});
}

std::string head(std::string_view name, std::string_view summary) {
  return std::string(name) + ": " + std::string(summary) + "\n";
}

std::string verb_text(const StepDescriptor& step) {
  std::string out = head(step.verb, step.summary);
  if (!step.pandas.empty()) out += "pandas: " + step.pandas + "\n";
  return out + argument_text(step.argument) + options_text("Options", step.options) +
         example_text(step.example);
}

std::string source_text(const SourceDescriptor& source) {
  return head(source.kind, source.summary) + "schemes: " + joined(source.schemes, ", ") +
         "\nformats: " + joined(source.formats, ", ") + "\n" +
         options_text("Options", source.options) +
         options_text("Options of every source", source_options()) + example_text(source.example);
}

std::string sink_text(const SinkDescriptor& sink) {
  std::string out = head(sink.kind, sink.summary);
  out += sink.schemes.empty() ? std::string() : "schemes: " + joined(sink.schemes, ", ") + "\n";
  return out + argument_text(sink.argument) + options_text("Options", sink.options) +
         example_text(sink.example);
}

std::string function_text(const expr::FunctionInfo& function) {
  std::string out = function.signature + "\n" + indented(function.help);
  if (!function.example.empty())
    out += "\n  " + function.example +
           (function.result.empty() ? "" : "  ->  " + function.result) + "\n";
  return out;
}

std::string overview_verbs(const Registry& registry) {
  std::vector<Row> rows;
  for (const StepDescriptor& step : registry.steps()) rows.push_back({step.verb, step.summary});
  std::vector<std::string> kinds;
  for (const SinkDescriptor& sink : registry.sinks()) {
    if (sink.schemes.empty()) {
      rows.push_back({sink.kind, sink.summary});
    } else {
      kinds.push_back(sink.kind);
    }
  }
  if (!kinds.empty()) rows.push_back({"save", "write records to " + joined(kinds, ", ")});
  return table(rows);
}

std::string overview_sources(const Registry& registry) {
  std::vector<Row> rows;
  for (const SourceDescriptor& source : registry.sources()) {
    rows.push_back({source.kind, source.summary});
  }
  return table(rows);
}

std::string overview_sinks(const Registry& registry) {
  std::vector<Row> rows;
  for (const SinkDescriptor& sink : registry.sinks()) rows.push_back({sink.kind, sink.summary});
  return table(rows);
}

std::string overview_functions() {
  std::vector<Row> rows, row_functions, aggregates;
  for (const expr::FunctionInfo& function : expr::functions()) {
    std::vector<Row>& group = function.aggregate ? aggregates : function.row ? row_functions : rows;
    if (group.empty() || group.back()[0] != function.name) group.push_back({function.name, function.help});
  }
  return table(rows) + "\nRow functions: earlier records of the key, in derive, select and filter\n" +
         table(row_functions) + "\nAggregates: in the select of a window\n" + table(aggregates);
}

std::string overview(const Registry& registry) {
  return "Verbs\n" + overview_verbs(registry) + "\nSources\n" + overview_sources(registry) +
         "\nSinks\n" + overview_sinks(registry) + "\nFunctions\n" + overview_functions();
}

tl::unexpected<Error> unknown(std::string_view what, std::string_view name,
                              const std::vector<std::string>& known) {
  const std::string likely = nearest(name, known);
  std::string message = "there is no " + std::string(what) + " '" + std::string(name) + "'";
  if (!likely.empty()) message += "; did you mean '" + likely + "'?";
  return fail(ErrorKind::kConfig, std::move(message));
}

Result<std::string> one_verb(const Registry& registry, std::string_view name) {
  if (const StepDescriptor* step = registry.find_step(name)) return verb_text(*step);
  const SinkDescriptor* const sink = registry.find_sink(name);
  if (sink != nullptr && sink->schemes.empty()) return sink_text(*sink);
  if (name == "save") {
    return "save: write records; the URL's scheme names the sink\n\nSinks\n" +
           overview_sinks(registry) + "\nstreamflowd list sink NAME has the options of each\n";
  }
  return unknown("verb", name, registry.verbs());
}

Result<std::string> one_source(const Registry& registry, std::string_view name) {
  if (const SourceDescriptor* source = registry.find_source(name)) return source_text(*source);
  std::vector<std::string> known;
  for (const SourceDescriptor& source : registry.sources()) known.push_back(source.kind);
  return unknown("source", name, known);
}

Result<std::string> one_sink(const Registry& registry, std::string_view name) {
  if (const SinkDescriptor* sink = registry.find_sink(name)) return sink_text(*sink);
  std::vector<std::string> known;
  for (const SinkDescriptor& sink : registry.sinks()) known.push_back(sink.kind);
  return unknown("sink", name, known);
}

Result<std::string> one_function(std::string_view name) {
  std::string out;
  std::vector<std::string> known;
  for (const expr::FunctionInfo& function : expr::functions()) {
    known.push_back(function.name);
    if (function.name == name) out += (out.empty() ? "" : "\n") + function_text(function);
  }
  if (out.empty()) return unknown("function", name, known);
  return out;
}

}  // namespace

Result<std::string> list_text(const Registry& registry, std::string_view what,
                              std::string_view name) {
  if (what.empty()) return overview(registry);
  if (what == "verb") return name.empty() ? overview_verbs(registry) : one_verb(registry, name);
  if (what == "source") {
    return name.empty() ? overview_sources(registry) : one_source(registry, name);
  }
  if (what == "sink") return name.empty() ? overview_sinks(registry) : one_sink(registry, name);
  if (what == "function") return name.empty() ? overview_functions() : one_function(name);
  return unknown("list of", what, {"verb", "source", "sink", "function"});
}

}  // namespace streamflow
