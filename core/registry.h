// The one list of verbs, sources, sinks and their options.  It validates (with places), makes the JSON
// Schema, `streamflowd list`, the reference pages and the suggestions; nothing else knows an option's
// name.  Filled in main by register_builtins of each folder: no static registration.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostic.h"
#include "core/lookup_table.h"
#include "core/node.h"
#include "core/schema.h"
#include "core/spec.h"

namespace streamflow {

enum class OptionType : unsigned char {
  kText,        // any scalar
  kExpression,  // one expression
  kExpressions, // {name: expr}, or a list that mixes names and such maps
  kName,        // a field name
  kNames,       // a field name or a list of them
  kFields,      // the same, or {new: old} for a field beside the old one
  kKeys,        // `by`: an expression that is a path, a list of those, or {name: expr}
  kRenames,     // {old: new}
  kTypes,       // {field: type}
  kDuration,    // 60s
  kLength,      // 60s, 1mo, 1y; one of `choices`; with `least` a whole number too; with choices also a
                // map, checked by the builder
  kSize,        // 8MiB
  kInteger,
  kNumber,
  kBool,        // true, false
  kChoice,
  kUrl,         // scheme:…
  kStream,      // the name of a stream
  kTexts,       // a scalar or a list of scalars
  kMap,         // options of its own: `parts`
  kAny,         // checked by the builder
};
std::string_view option_type_name(OptionType type);

struct OptionDescriptor {
  std::string name;
  OptionType type = OptionType::kText;
  std::string help = {};       // one line
  std::string fallback = {};   // the default, as a user would write it; empty: none
  std::vector<std::string> choices = {};
  bool required = false;
  std::optional<double> least = {}, greatest = {};  // kInteger, kNumber
  std::vector<OptionDescriptor> parts = {};         // kMap
};

// A step's or connector's options, checked against its descriptor: accessors cannot fail.  The main
// argument has the verb's name.  A name that was not written gives the descriptor's default.
class Params {
 public:
  bool has(std::string_view name) const;  // written by the user
  const SpecValue* value(std::string_view name) const;
  Span span(std::string_view name) const;  // of the value, else of the verb

  std::string text(std::string_view name) const;  // empty when neither written nor defaulted
  std::string choice(std::string_view name) const { return text(name); }
  Micros duration(std::string_view name, Micros otherwise = 0) const;
  int64_t size(std::string_view name, int64_t otherwise = 0) const;
  int64_t integer(std::string_view name, int64_t otherwise = 0) const;
  double number(std::string_view name, double otherwise = 0) const;
  bool flag(std::string_view name, bool otherwise = false) const;
  std::vector<const SpecValue*> list(std::string_view name) const;  // kNames kTexts: the scalars
  std::vector<std::string> texts(std::string_view name) const;
  Params map(std::string_view name) const;  // kMap: its parts
  // kExpressions kFields kKeys kRenames kTypes: (name, value) in written order.  For a bare name in a list the
  // value is the same scalar as the name.
  std::vector<std::pair<const SpecValue*, const SpecValue*>> entries(std::string_view name) const;

  // Filled by `validate`.
  std::string verb;
  Span verb_span;
  std::string folder;  // relative paths start here
  std::vector<std::pair<std::string, SpecValue>> values;
  const std::vector<OptionDescriptor>* descriptors = nullptr;
  const OptionDescriptor* argument = nullptr;  // of the main argument, for its default
};

// What a builder may use and must fill in.
struct BuildContext {
  const Params& params;
  const Schema& input;      // of the step's input (sources: empty)
  Diagnostics& diagnostics;
  std::string pipeline;     // its name
  std::string id;           // of this node: "main.2"; of a source "main", "main#2"
  std::string state_dir;    // may be empty: nothing is kept
  // Filled in by builders:
  Schema output;                 // starts as a copy of `input`
  std::set<std::string> reads;   // fields of the input that are looked at
  std::set<std::string> meta;    // meta fields that are looked at
  // Of a step whose argument is a stream (OptionType::kStream), its second input: see Batch::input.
  const Schema* other = nullptr;
  std::set<std::string> other_reads = {};
  std::string delivery = {};     // of the pipeline, as it will be
  bool sets_time = false;  // the step gives its records an event time of its own (`time`)
  const TableOpener* tables = nullptr;  // who reads tables for `lookup`
  bool live = true;                     // not in replay and tests: then nothing may change by itself
};

struct StepDescriptor {
  std::string verb;
  std::string summary;  // one line
  std::string pandas;   // the pandas word for it, or empty
  OptionDescriptor argument;  // named as the verb
  std::vector<OptionDescriptor> options;
  std::string example;        // YAML of one step, executed by a test
  // Null when the context's diagnostics have the reason.
  std::function<std::unique_ptr<Operator>(BuildContext&)> build;
};

// What only one connector of a pipeline may use, in words ("the client id 'x' at host:1883"), and where
// it is written.  Empty: nothing.
struct Claim {
  std::string what;
  Span span;
};

// What a source says about itself when built, so that the inlet can decode for it.
struct SourceBuild {
  std::unique_ptr<Source> source;
  std::string address;                   // for people, without secrets
  std::vector<std::string> captures;     // names of captured fields
  std::vector<std::string> meta;         // names of meta fields, in the order of `message`
  std::string format;                    // where the address says it (.csv); empty: the first
  std::string sample;                    // the first bytes of input where known at load (CSV header)
  bool has_stamps = true;                // live: arrival stamps mean something (false for files)
  std::string loses;                     // why input may be lost before it is here; empty: it is not
  Claim claim;
};

struct SourceDescriptor {
  std::string kind;                   // "mqtt"
  std::vector<std::string> schemes;   // {"mqtt", "mqtts"}
  std::string summary;
  std::vector<OptionDescriptor> options;  // beside those that all sources share (source_options())
  std::vector<std::string> formats;       // that it accepts; the first is the default
  std::string example;                    // YAML of one `from:`
  std::function<SourceBuild(BuildContext&)> build;
};

struct SinkBuild {
  std::unique_ptr<Sink> sink;
  std::string address;
  bool is_chart = false;
  // The most that this edge can reach (at_most_once, at_least_once, exactly_once), and why not more.
  std::string guarantee = "at_most_once";
  std::string guarantee_reason;
  Claim claim;
};

struct SinkDescriptor {
  std::string kind;
  std::vector<std::string> schemes;  // `save: SCHEME:…`; empty: the kind is a verb of its own (chart, log)
  std::string summary;
  OptionDescriptor argument;         // only for verbs of their own
  std::vector<OptionDescriptor> options;
  std::string example;
  std::function<SinkBuild(BuildContext&)> build;
};

class Registry {
 public:
  // Each step, and each sink, also gets the options that all steps take (`id`), and each sink with a scheme
  // those of its queue (`buffer`).
  void step(StepDescriptor descriptor);
  void source(SourceDescriptor descriptor);
  void sink(SinkDescriptor descriptor);
  // Who reads tables for `lookup`.
  void tables(TableOpener opener) { tables_ = std::move(opener); }
  const TableOpener& tables() const { return tables_; }

  const StepDescriptor* find_step(std::string_view verb) const;
  const SourceDescriptor* find_source(std::string_view kind_or_scheme) const;
  const SinkDescriptor* find_sink(std::string_view kind_or_scheme) const;
  const std::vector<StepDescriptor>& steps() const { return steps_; }
  const std::vector<SourceDescriptor>& sources() const { return sources_; }
  const std::vector<SinkDescriptor>& sinks() const { return sinks_; }
  // Every verb that may start a step: steps, `save`, and sinks that are verbs.
  std::vector<std::string> verbs() const;

 private:
  std::vector<StepDescriptor> steps_;
  std::vector<SourceDescriptor> sources_;
  std::vector<SinkDescriptor> sinks_;
  TableOpener tables_;
};

// The options that every source takes, whatever its protocol: format, as, time, time_format, time_unit,
// timezone, lateness, idle, max_future, csv options, types.
const std::vector<OptionDescriptor>& source_options();

// The options that every step takes, whatever its verb: id.
const std::vector<OptionDescriptor>& step_options();

// The option of each sink with a queue.
const OptionDescriptor& buffer_option();

// Checks written options against descriptors: unknown, missing, doubled and ill-typed ones are
// reported with places and suggestions.  `what` is for messages: "source 'mqtt'", "verb 'window'".
// `list_command` is the help line's command ("streamflowd list source mqtt").
Params validate(const std::string& what, const std::string& list_command, const SpecValue& verb,
                const SpecValue* argument, const OptionDescriptor* argument_descriptor,
                const std::vector<std::pair<SpecValue, SpecValue>>& options,
                const std::vector<OptionDescriptor>& descriptors, Diagnostics& diagnostics);

// Hints for words of other tools: `map`, `query`, `groupby`, `merge`…: what to write here, or empty.
std::string_view verb_hint(std::string_view word);

}  // namespace streamflow
