#include "core/vocabulary.h"

#include <algorithm>
#include <array>

#include "core/option_value.h"

namespace streamflow {
namespace {

struct Hint {
  std::string_view word;
  std::string_view hint;
};

constexpr std::array kHints = {
    Hint{"map", "write 'derive' to compute fields, 'select' to keep only some"},
    Hint{"mutate", "write 'derive'"},
    Hint{"assign", "write 'derive'"},
    Hint{"apply", "write 'derive'"},
    Hint{"transform", "write 'derive'"},
    Hint{"compute", "write 'derive'"},
    Hint{"set", "write 'derive'"},
    Hint{"eval", "write 'derive'"},
    Hint{"add", "write 'derive'"},
    Hint{"calculate", "write 'derive'"},
    Hint{"with_columns", "write 'derive'"},
    Hint{"query", "write 'filter'"},
    Hint{"where", "write 'filter'"},
    Hint{"when", "write 'filter'"},
    Hint{"keep", "write 'filter' for records, 'select' for fields"},
    Hint{"grep", "write 'filter'"},
    Hint{"having", "write 'filter' after the window"},
    Hint{"project", "write 'select'"},
    Hint{"columns", "write 'select'"},
    Hint{"fields", "write 'select'"},
    Hint{"pick", "write 'select'"},
    Hint{"remove", "write 'drop' for fields, 'filter' for records"},
    Hint{"delete", "write 'drop'"},
    Hint{"exclude", "write 'drop'"},
    Hint{"astype", "write 'cast'"},
    Hint{"convert", "write 'cast'"},
    Hint{"type", "write 'cast'"},
    Hint{"head", "write 'limit'"},
    Hint{"take", "write 'limit'"},
    Hint{"groupby", "write 'window' or 'aggregate' with 'by'"},
    Hint{"group_by", "write 'window' or 'aggregate' with 'by'"},
    Hint{"group", "write 'window' or 'aggregate' with 'by'"},
    Hint{"by", "write it beside 'window', without its own '-'"},
    Hint{"agg", "write 'aggregate', or 'window' with 'select'"},
    Hint{"reduce", "write 'aggregate', or 'window' with 'select'"},
    Hint{"summarize", "write 'window' with 'select'"},
    Hint{"summarise", "write 'window' with 'select'"},
    Hint{"tumble", "write 'window: 60s'"},
    Hint{"tumbling", "write 'window: 60s'"},
    Hint{"hop", "write 'window: 60s' with 'every: 10s'"},
    Hint{"hopping", "write 'window: 60s' with 'every: 10s'"},
    Hint{"sliding", "write 'window: 60s' with 'every: 10s'"},
    Hint{"session", "write 'window: {session: 30s}'"},
    Hint{"every", "write it beside 'window', without its own '-'"},
    Hint{"count", "write it beside 'window', without its own '-'"},
    Hint{"sum", "write it beside 'window', without its own '-'"},
    Hint{"mean", "write it beside 'window', without its own '-'"},
    Hint{"avg", "write 'mean' beside 'window'"},
    Hint{"average", "write 'mean' beside 'window'"},
    Hint{"min", "write it beside 'window', without its own '-'"},
    Hint{"max", "write it beside 'window', without its own '-'"},
    Hint{"std", "write it beside 'window', without its own '-'"},
    Hint{"var", "write it beside 'window', without its own '-'"},
    Hint{"median", "write it beside 'window', without its own '-'"},
    Hint{"merge", "write 'join'"},
    Hint{"merge_asof", "write 'join' with 'how: asof'"},
    Hint{"union", "write 'from: [a, b]'"},
    Hint{"concat", "write 'from: [a, b]'"},
    Hint{"drop_duplicates", "write 'dedupe'"},
    Hint{"distinct", "write 'dedupe'"},
    Hint{"unique", "write 'dedupe'"},
    Hint{"fill", "write 'fillna' or 'ffill'"},
    Hint{"shift", "write 'derive' with lag(x)"},
    Hint{"sort", "a stream has no end to sort: 'top' gives the first of each window"},
    Hint{"sort_values", "a stream has no end to sort: 'top' gives the first of each window"},
    Hint{"order_by", "a stream has no end to sort: 'top' gives the first of each window"},
    Hint{"plot_line", "write 'chart: line'"},
    Hint{"plot_scatter", "write 'chart: scatter'"},
    Hint{"plot_hist", "write 'chart: histogram'"},
    Hint{"line", "write 'chart: line'"},
    Hint{"scatter", "write 'chart: scatter'"},
    Hint{"histogram", "write 'chart: histogram'"},
    Hint{"graph", "write 'chart'"},
    Hint{"show", "write 'chart' or 'log'"},
    Hint{"print", "write 'log'"},
    Hint{"debug", "write 'log'"},
    Hint{"write", "write 'save'"},
    Hint{"to", "write 'save'"},
    Hint{"sink", "write 'save'"},
    Hint{"output", "write 'save'"},
    Hint{"publish", "write 'save: mqtt://…'"},
    Hint{"send", "write 'save'"},
    Hint{"to_csv", "write 'save: file:NAME.csv'"},
    Hint{"predict", "write 'infer'"},
    Hint{"model", "write 'infer'"},
    Hint{"enrich", "write 'lookup'"},
};

constexpr std::array<std::string_view, 5> kPlannedVerbs = {
    "infer", "anomaly", "python", "exec", "lua",
};
constexpr std::array<std::string_view, 8> kPlannedSources = {
    "https", "websocket", "ws", "wss", "rediss", "kafka", "nats", "exec",
};
constexpr std::array<std::string_view, 14> kPlannedSinks = {
    "http", "https", "websocket", "ws",       "wss",        "rediss", "kafka",
    "nats", "sql",   "sqlite",    "postgres", "postgresql", "exec",   "influx",
};

template <size_t n>
bool has(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void report_planned(const std::string& what, const Span& span, const std::string& list,
                    Diagnostics& diagnostics) {
  diagnostics.error("E0110", span, what + " is not in this version yet", "",
                    "streamflowd list " + list + " shows what there is");
}

// What stands for the connector: the scheme of a URL with its place, or the whole word.
std::pair<std::string, Span> scheme_place(const SpecValue& value) {
  std::string scheme = scheme_of(value.text);
  if (scheme.empty()) return {value.text, value.span};
  const size_t length = scheme.size();
  return {std::move(scheme), value.part(0, length)};
}

// FILE is not file: the message says which of them stands there.
std::string as_written(const SpecValue& value, const std::string& kind) {
  return value.secret ? "***" : value.text.substr(0, kind.size());
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string likely = nearest(word, candidates);
  return likely.empty() ? std::string() : "did you mean '" + likely + "'?";
}

}  // namespace

std::string_view verb_hint(std::string_view word) {
  for (const Hint& hint : kHints) {
    if (hint.word == word) return hint.hint;
  }
  return {};
}

bool is_planned_verb(std::string_view word) { return has(kPlannedVerbs, word); }
bool is_planned_source(std::string_view word) { return has(kPlannedSources, word); }
bool is_planned_sink(std::string_view word) { return has(kPlannedSinks, word); }

void report_unknown_verb(const SpecValue& verb, const Registry& registry,
                         Diagnostics& diagnostics) {
  if (is_planned_verb(verb.text)) {
    report_planned("verb '" + verb.text + "'", verb.span, "verb", diagnostics);
    return;
  }
  std::string label(verb_hint(verb.text));
  if (label.empty()) {
    std::vector<std::string> verbs = registry.verbs();
    verbs.insert(verbs.end(), kPlannedVerbs.begin(), kPlannedVerbs.end());
    label = did_you_mean(verb.text, verbs);
  }
  diagnostics.error("E0101", verb.span, "unknown verb '" + verb.text + "'", std::move(label),
                    "streamflowd list verb");
}

void report_unknown_source(const SpecValue& source, const Registry& registry,
                           Diagnostics& diagnostics) {
  const auto [kind, place] = scheme_place(source);
  if (is_planned_source(kind)) {
    report_planned("source '" + kind + "'", place, "source", diagnostics);
    return;
  }
  std::vector<std::string> kinds(kPlannedSources.begin(), kPlannedSources.end());
  for (const SourceDescriptor& known : registry.sources()) {
    kinds.push_back(known.kind);
    kinds.insert(kinds.end(), known.schemes.begin(), known.schemes.end());
  }
  diagnostics.error("E0115", place, "unknown source '" + as_written(source, kind) + "'",
                    did_you_mean(kind, kinds), "streamflowd list source");
}

void report_unknown_sink(const SpecValue& sink, const Registry& registry,
                         Diagnostics& diagnostics) {
  if (scheme_of(sink.text).empty()) {
    const bool file = sink.is_scalar() && sink.text != "save" && !sink.secret;
    const std::string line = file ? corrected_line(sink.span, "file:" + sink.text) : "";
    diagnostics.error("E0129", sink.span, "'save' takes a URL",
                      file ? "a file is written file:PATH" : "as in save: file:out.ndjson",
                      line.empty() ? "streamflowd list sink" : "write: " + line);
    return;
  }
  const auto [kind, place] = scheme_place(sink);
  if (is_planned_sink(kind)) {
    report_planned("sink '" + kind + "'", place, "sink", diagnostics);
    return;
  }
  std::vector<std::string> kinds(kPlannedSinks.begin(), kPlannedSinks.end());
  for (const SinkDescriptor& known : registry.sinks()) {
    kinds.insert(kinds.end(), known.schemes.begin(), known.schemes.end());
  }
  diagnostics.error("E0127", place, "unknown sink '" + as_written(sink, kind) + "'",
                    did_you_mean(kind, kinds), "streamflowd list sink");
}

}  // namespace streamflow
