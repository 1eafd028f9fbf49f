#include "core/plan.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>

#include "core/encode.h"
#include "core/sealed_file.h"
#include "core/vocabulary.h"

namespace streamflow {
namespace {

constexpr std::string_view kLate = ".late";
constexpr std::string_view kErrors = ".errors";

// As written: connectors know their own schemes in small letters only.
std::string_view written_scheme(std::string_view url) { return url.substr(0, url.find(':')); }

// Schema of a union: a field is known where any input knows it; its type is the common one.  Records of
// an open input may have any value in a field that it does not know.
Schema unite(const Schema& a, const Schema& b) {
  Schema sum = a;
  sum.open = a.open || b.open;
  sum.keys.clear();
  sum.arrival_time = a.arrival_time && b.arrival_time;
  if (a.window_us != b.window_us) sum.window_us = 0;
  const auto type_in = [](const Schema& schema, const Field& other) {
    const Field* known = schema.find(other.name);
    return known ? known->type : schema.open ? Type::kDyn : other.type;
  };
  for (const Field& field : a.fields)
    if (type_in(b, field) != field.type) sum.set(field.name, Type::kDyn);
  for (const Field& field : b.fields)
    if (!a.find(field.name)) sum.set(field.name, type_in(a, field));
  return sum;
}

void append(const SpecValue& value, std::string& out);

template <class Pairs>
void append_pairs(const Pairs& pairs, std::string& out) {
  for (const auto& [key, value] : pairs) append(key, out), append(value, out);
}

std::string text_of(const InputSpec& input) {
  std::string text = " from ";
  append(input.name, text);
  append(input.value, text);
  append_pairs(input.options, text);
  return text;
}

std::string text_of(const StepSpec& step) {
  std::string text = " step ";
  append(step.verb, text);
  append(step.argument, text);
  append_pairs(step.options, text);
  return text;
}

class Planner {
 public:
  Planner(const PipelineSpec& spec, const Registry& registry, Loop& loop, const PlanOptions& options,
          Diagnostics& diagnostics)
      : spec_(spec),
        registry_(registry),
        options_(options),
        diagnostics_(diagnostics),
        pipeline_(std::make_unique<Pipeline>(spec.name, loop)) {
    pipeline_->spec = std::make_shared<const PipelineSpec>(spec);
  }

  std::unique_ptr<Pipeline> run() {
    pipeline_->delivery = options_.durable ? spec_.delivery : "at_most_once";
    for (const auto& [key, value] : spec_.input_log.entries)
      if (key.text == "keep") pipeline_->log_keep = parse_duration(value.text).value_or(0);
    pipeline_->fingerprint = fingerprint(spec_);
    declare_streams();
    for (const size_t i : in_order()) build_stream(i);
    if (!diagnostics_.ok()) return nullptr;
    // As written, not as built: charts appear on the page in this order.
    std::stable_sort(pipeline_->sinks.begin(), pipeline_->sinks.end(), [this](const auto& a, const auto& b) {
      return index_[a->info.stream] < index_[b->info.stream];
    });
    tell_sources();
    return std::move(pipeline_);
  }

 private:
  // Where rows come from at one point of a chain, while it is being built.
  struct Point {
    Outlet* outlet = nullptr;
    Schema schema;
    std::vector<SourceNode*> sources;  // whose clock reaches it
    std::vector<SideStream*> sides;    // likewise
    std::set<SourceNode*> origins = {};  // whose records its rows were made from
    bool is_side = false;              // a side stream itself
    std::string lineage = {};          // the text of everything before it: what its state depends on
  };

  void declare_streams() {
    for (const StreamSpec& stream : spec_.streams) {
      auto node = std::make_unique<Stream>();
      node->name = stream.name.text;
      index_.emplace(node->name, pipeline_->streams.size());
      pipeline_->streams.push_back(std::move(node));
    }
  }

  // The stream that an input names ("a", "a.late", "a.errors"), or -1.
  int referred(std::string_view name) const {
    for (const std::string_view suffix : {kLate, kErrors})
      if (name.size() > suffix.size() && name.ends_with(suffix)) name.remove_suffix(suffix.size());
    const auto it = index_.find(std::string(name));
    return it == index_.end() ? -1 : static_cast<int>(it->second);
  }

  // Streams so that each comes after those that it reads; reports unknown ones and circles.
  std::vector<size_t> in_order() {
    std::vector<size_t> order;
    std::vector<int> mark(spec_.streams.size(), 0);  // 1: under way, 2: done
    for (size_t i = 0; i < spec_.streams.size(); ++i) visit(i, mark, order);
    return order;
  }

  // By `from:` and by steps with a second input.
  std::vector<InputSpec> streams_read(const StreamSpec& stream) const {
    std::vector<InputSpec> read;
    for (const InputSpec& input : stream.from)
      if (input.is_stream) read.push_back(input);
    for (const StepSpec& step : stream.steps) {
      const StepDescriptor* descriptor = registry_.find_step(step.verb.text);
      if (descriptor && descriptor->argument.type == OptionType::kStream && step.argument.is_scalar())
        read.push_back(second_input(step));
    }
    return read;
  }

  static InputSpec second_input(const StepSpec& step) {
    InputSpec input;
    input.name = step.argument;
    input.is_stream = true;
    return input;
  }

  void visit(size_t i, std::vector<int>& mark, std::vector<size_t>& order) {
    if (mark[i] == 2) return;
    mark[i] = 1;
    for (const InputSpec& input : streams_read(spec_.streams[i])) {
      const int from = referred(input.name.text);
      if (from < 0) {
        unknown_stream(input);
      } else if (mark[static_cast<size_t>(from)] == 1) {
        diagnostics_.error("E0202", input.name.span,
                           "stream '" + spec_.streams[i].name.text + "' reads itself" +
                               (static_cast<size_t>(from) == i ? "" : " through '" + input.name.text + "'"),
                           "a pipeline has no circles");
      } else {
        visit(static_cast<size_t>(from), mark, order);
      }
    }
    mark[i] = 2;
    order.push_back(i);
  }

  void unknown_stream(const InputSpec& input) {
    std::vector<std::string> names;
    for (const auto& [name, at] : index_) {
      names.push_back(name);
      names.push_back(name + std::string(kLate));
      names.push_back(name + std::string(kErrors));
    }
    const std::string likely = nearest(input.name.text, names);
    diagnostics_.error("E0201", input.name.span, "there is no stream '" + input.name.text + "'",
                       likely.empty() ? "" : "did you mean '" + likely + "'?",
                       "a source is written with its scheme, as in file:data.csv");
  }

  // --- streams ---------------------------------------------------------------------------------
  void build_stream(size_t i) {
    const StreamSpec& stream = spec_.streams[i];
    Stream& node = *pipeline_->streams[i];
    std::vector<Point> inputs;
    for (const InputSpec& input : stream.from) {
      Point point = input.is_stream ? stream_input(input) : source_input(input, node);
      if (point.outlet == nullptr) continue;
      if (input.is_stream && !point.is_side) readers_[place_of(input)].push_back(i);
      inputs.push_back(std::move(point));
    }
    if (inputs.empty()) {
      if (diagnostics_.ok())
        diagnostics_.error("E0203", stream.name.span,
                           "stream '" + node.name + "' has no input", "write `from:`");
      // Steps are checked all the same, over records of any shape.
      inputs.push_back({&nowhere_, Schema(), {}, {}});
    }
    Point point = inputs.size() == 1 ? std::move(inputs.front()) : merge(inputs);
    point.is_side = false;
    point.lineage = "stream " + node.name + "{" + point.lineage + "}";
    for (size_t s = 0; s < stream.steps.size(); ++s) build_step(stream.steps[s], i, s, node, point);
    node.end = point.outlet;
    node.schema = point.schema;
    ends_[i] = std::move(point);
  }

  size_t place_of(const InputSpec& input) const {
    return static_cast<size_t>(referred(input.name.text));
  }

  Point stream_input(const InputSpec& input) {
    const int from = referred(input.name.text);
    if (from < 0 || !ends_.contains(static_cast<size_t>(from))) return {};
    const auto at = static_cast<size_t>(from);
    Stream& stream = *pipeline_->streams[at];
    Point point;
    point.is_side = true;
    point.origins = ends_[at].origins;
    if (input.name.text.ends_with(kErrors)) {
      point.sides = {&stream.errors};
      point.schema.open = false;
      for (const char* name : {"error", "step", "original"}) point.schema.set(name, Type::kString);
    } else if (input.name.text.ends_with(kLate)) {
      point.sides = {&stream.late};
    } else {
      return ends_[at];
    }
    point.outlet = &point.sides.front()->outlet;
    point.lineage = "side " + input.name.text + ends_[at].lineage;
    return point;
  }

  Point merge(std::vector<Point>& inputs) {
    pipeline_->merges.push_back(std::make_unique<MergeNode>(inputs.size()));
    MergeNode& node = *pipeline_->merges.back();
    Point point;
    point.outlet = &node.outlet;
    point.schema = inputs.front().schema;
    for (size_t i = 0; i < inputs.size(); ++i) {
      point.lineage += inputs[i].lineage + ",";
      inputs[i].outlet->add(node.input(i));
      if (i > 0) point.schema = unite(point.schema, inputs[i].schema);
      point.sources.insert(point.sources.end(), inputs[i].sources.begin(), inputs[i].sources.end());
      point.sides.insert(point.sides.end(), inputs[i].sides.begin(), inputs[i].sides.end());
      if (inputs[i].sources.empty()) node.input_is_side(i);
      for (SourceNode* origin : inputs[i].origins)
        if (!point.origins.insert(origin).second) origin->inlet.one_by_one();
    }
    node.key = hash_text(point.lineage);
    return point;
  }

  // --- sources ---------------------------------------------------------------------------------
  Point source_input(const InputSpec& input, Stream& stream) {
    const std::string_view kind = input.value.is_null() && input.name.text.find(':') != std::string::npos
                                      ? written_scheme(input.name.text)
                                      : std::string_view(input.name.text);
    const SourceDescriptor* descriptor = registry_.find_source(kind);
    if (descriptor == nullptr) {
      report_unknown_source(input.name, registry_, diagnostics_);
      return {};
    }
    const OptionDescriptor argument{.name = descriptor->kind, .type = OptionType::kText};
    std::vector<OptionDescriptor> options = descriptor->options;
    for (const OptionDescriptor& shared : source_options())
      if (std::none_of(options.begin(), options.end(),
                       [&](const auto& o) { return o.name == shared.name; }))
        options.push_back(shared);
    const size_t errors = diagnostics_.errors();
    // `http: {listen: /x}`: a connector without an address, its options under its name.
    std::vector<std::pair<SpecValue, SpecValue>> written = input.value.entries;
    written.insert(written.end(), input.options.begin(), input.options.end());
    const bool address = !input.value.is_null() && !input.value.is_map();
    Params params = validate("source '" + descriptor->kind + "'",
                             "streamflowd list source " + descriptor->kind, input.name,
                             address ? &input.value : &input.name, &argument, written, options, diagnostics_);
    if (diagnostics_.errors() != errors) return {};
    params.folder = spec_.folder;
    const Schema none;
    const std::string id = source_id(stream.name);
    BuildContext context = context_for(params, none, id);
    SourceBuild build = descriptor->build(context);
    if (diagnostics_.errors() != errors || !build.source) return {};
    claim(build.claim);
    return add_source(*descriptor, params, std::move(build), stream, id, text_of(input));
  }

  // A stream's first source has its name, the others are main#2, main#3, …: what a connector keeps
  // by its id, an MQTT session for one, is no other's.
  std::string source_id(const std::string& stream) {
    const size_t number = ++sources_of_[stream];
    return number == 1 ? stream : stream + "#" + std::to_string(number);
  }

  void claim(const Claim& claim) {
    if (claim.what.empty()) return;
    Claims& claims = options_.claims ? *options_.claims : claims_;
    const auto [other, is_first] = claims.emplace(claim.what, claim.span);
    if (is_first) return;
    std::string where;
    if (const Span& span = other->second; span.file) {
      const LineColumn place = line_column(*span.file, span.begin);
      where = "the other one is at " + span.file->name + ":" + std::to_string(place.line) + ":" +
              std::to_string(place.column);
    }
    diagnostics_.error("E0208", claim.span, "two connectors use " + claim.what, "give each its own", where);
  }

  Point add_source(const SourceDescriptor& descriptor, const Params& params, SourceBuild build,
                   Stream& stream, const std::string& id, const std::string& written) {
    std::string format = params.has("format")    ? params.text("format")
                         : !build.format.empty() ? build.format
                                                 : descriptor.formats.front();
    if (std::find(descriptor.formats.begin(), descriptor.formats.end(), format) ==
        descriptor.formats.end()) {
      diagnostics_.error("E0204", params.span("format"),
                         "source '" + descriptor.kind + "' does not read format '" + format + "'", "",
                         "streamflowd list source " + descriptor.kind);
      return {};
    }
    Schema schema;
    if (options_.replay) {
      const auto given = options_.inputs.find(stream.name);
      format = given == options_.inputs.end() ? "ndjson" : given->second.format;
      build.sample = given == options_.inputs.end() ? "" : given->second.sample;
      build.captures.clear();
      build.meta.clear();
    }
    for (const std::string& capture : build.captures) schema.set(capture, Type::kString);
    auto decoder = make_decoder(params, format, build.sample, schema, diagnostics_);
    if (!decoder) return {};

    InletOptions inlet;
    inlet.clock = !options_.replay;
    inlet.stamps = build.has_stamps;
    inlet.lateness = params.duration("lateness");
    inlet.idle = params.duration("idle", 30 * kMicrosPerSecond);
    inlet.max_future = params.duration("max_future", 3'600 * kMicrosPerSecond);
    inlet.captures = build.captures;
    inlet.meta = build.meta;
    NodeInfo info;
    info.id = id;
    info.stream = stream.name;
    info.verb = descriptor.kind;
    info.argument = build.address;
    info.guarantee_reason = build.loses;
    // Of two equal inputs the second is another source.
    std::string lineage = "source " + stream.name + written;
    while (!source_keys_.insert(hash_text(lineage)).second) lineage += '+';
    info.key = hash_text(lineage);
    event_time(params, schema, inlet, info);
    schema.arrival_time = !inlet.time && !options_.replay;
    info.output = schema;
    pipeline_->sources.push_back(std::make_unique<SourceNode>(
        *pipeline_, info, std::move(build.source), std::move(inlet), std::move(decoder), stream.errors));
    SourceNode* node = pipeline_->sources.back().get();
    if (options_.replay && !params.has("time") && options_.time_field.empty())
      node->inlet.interval(options_.interval);
    return {&node->outlet, schema, {node}, {}, {node}, false, lineage};
  }

  void event_time(const Params& params, const Schema& schema, InletOptions& inlet, NodeInfo& info) {
    const bool written = params.has("time");
    const std::string text = written ? params.text("time") : options_.time_field;
    if (text.empty()) return;
    std::vector<expr::Problem> problems;
    expr::Scope scope;
    scope.schema = &schema;
    inlet.time = expr::compile(text, scope, problems);
    for (const expr::Problem& problem : problems) {
      const SpecValue* value = params.value("time");
      diagnostics_.error(problem.code, value ? value->part(problem.begin, problem.end) : params.verb_span,
                         problem.message, problem.label);
    }
    if (!inlet.time) return;
    info.reads.insert(inlet.time->fields().begin(), inlet.time->fields().end());
    inlet.event_time = EventTime::build(text, params, diagnostics_);
  }

  // --- steps -----------------------------------------------------------------------------------
  BuildContext context_for(const Params& params, const Schema& input, const std::string& id) {
    BuildContext context{params, input, diagnostics_, spec_.name, id, options_.state_dir, input, {}, {}};
    context.delivery = pipeline_->delivery;
    context.tables = &registry_.tables();
    context.live = !options_.replay;
    return context;
  }

  void build_step(const StepSpec& step, size_t stream_at, size_t number, Stream& stream, Point& point) {
    const std::string& verb = step.verb.text;
    std::string id = stream.name + "." + std::to_string(number + 1);
    std::string node_key = hash_text(point.lineage + text_of(step));
    while (!step_keys_.insert(node_key).second) node_key += '+';  // of two equal sinks
    for (const auto& [key, value] : step.options) {
      if (key.text != "id" || !value.is_scalar()) continue;
      id = value.text;
      node_key = "id " + id + " " + verb;
    }
    if (!ids_.insert(id).second)
      diagnostics_.error("E0205", step.verb.span, "two steps have the id '" + id + "'",
                         "an id names one step of the pipeline");
    NodeInfo info;
    info.id = id;
    info.key = node_key;
    info.stream = stream.name;
    info.verb = verb;
    info.argument = argument_text(step.argument);
    info.input = point.schema;
    if (const StepDescriptor* descriptor = registry_.find_step(verb)) {
      point.lineage += text_of(step);  // sinks change nothing for what follows
      return build_operator(*descriptor, step, stream_at, std::move(info), stream, point);
    }
    const SinkDescriptor* sink = nullptr;
    if (verb == "save") {
      if (step.argument.is_scalar()) sink = registry_.find_sink(written_scheme(step.argument.text));
      if (sink == nullptr || sink->schemes.empty()) {
        report_unknown_sink(step.argument.is_scalar() ? step.argument : step.verb, registry_, diagnostics_);
        return;
      }
    } else {
      sink = registry_.find_sink(verb);
      if (sink == nullptr || !sink->schemes.empty()) {
        report_unknown_verb(step.verb, registry_, diagnostics_);
        point.schema = Schema();  // what follows cannot be judged
        return;
      }
    }
    build_sink(*sink, step, stream_at, std::move(info), point);
  }

  void build_operator(const StepDescriptor& descriptor, const StepSpec& step, size_t stream_at,
                      NodeInfo info, Stream& stream, Point& point) {
    const size_t errors = diagnostics_.errors();
    Params params = validate("verb '" + descriptor.verb + "'", "streamflowd list verb " + descriptor.verb,
                             step.verb, &step.argument, &descriptor.argument, step.options,
                             descriptor.options, diagnostics_);
    if (diagnostics_.errors() != errors) {
      point.schema = Schema();
      return;
    }
    params.folder = spec_.folder;
    BuildContext context = context_for(params, point.schema, info.id);
    Point other;
    if (descriptor.argument.type == OptionType::kStream) {
      const InputSpec input = second_input(step);
      other = stream_input(input);
      if (other.outlet == nullptr) {
        point.schema = Schema();
        return;  // reported with the order of streams
      }
      context.other = &other.schema;
      if (!info.key.starts_with("id ")) info.key = hash_text(info.key + other.lineage);
    }
    auto op = descriptor.build(context);
    if (context.other != nullptr && !other.is_side)
      joined_[place_of(second_input(step))].insert(context.other_reads.begin(),
                                                    context.other_reads.end());
    context.output.arrival_time = point.schema.arrival_time && !context.sets_time;
    note_reads(stream_at, context, point.schema.open && !context.output.open);
    if (!op) {
      point.schema = diagnostics_.errors() != errors ? Schema() : context.output;
      return;
    }
    info.reads = context.reads;
    info.output = context.output;
    if (other.outlet != nullptr) {
      info.other = step.argument.text;
      info.other_reads = context.other_reads;
    }
    pipeline_->operators.push_back(
        std::make_unique<OperatorNode>(*pipeline_, std::move(info), std::move(op), stream.late, stream.errors));
    OperatorNode* node = pipeline_->operators.back().get();
    if (other.outlet != nullptr) {
      std::vector<Point> both;
      both.push_back(std::move(point));
      both.push_back(std::move(other));
      point = merge(both);
    }
    point.outlet->add(node);
    for (SourceNode* source : point.sources) source->downstream.push_back(node);
    for (SideStream* side : point.sides) pipeline_->side_operators.push_back({side, node});
    point.outlet = &node->outlet;
    point.schema = context.output;
  }

  void build_sink(const SinkDescriptor& descriptor, const StepSpec& step, size_t stream_at, NodeInfo info,
                  Point& point) {
    const size_t errors = diagnostics_.errors();
    const bool save = !descriptor.schemes.empty();
    const OptionDescriptor url{.name = "save", .type = OptionType::kUrl};
    Params params =
        validate(save ? "sink '" + descriptor.kind + "'" : "verb '" + descriptor.kind + "'",
                 "streamflowd list sink " + descriptor.kind, step.verb, &step.argument,
                 save ? &url : &descriptor.argument, step.options, descriptor.options, diagnostics_);
    if (diagnostics_.errors() != errors) return;
    params.folder = spec_.folder;
    BuildContext context = context_for(params, point.schema, info.id);
    BufferOptions buffer = save ? buffer_options(params) : BufferOptions();
    // A sink that numbers its rows must not meet other ones under the same numbers after a crash.
    if (buffer.when_full != WhenFull::kBlock && context.delivery == "exactly_once") context.delivery = "at_least_once";
    SinkBuild build = descriptor.build(context);
    if (buffer.when_full != WhenFull::kBlock) {
      build.guarantee = "at_most_once";
      build.guarantee_reason = "`when_full` loses records when the buffer is full";
    }
    if (diagnostics_.errors() == errors) check_template(step.argument, point.schema);
    note_reads(stream_at, context, false);
    if (diagnostics_.errors() != errors || !build.sink) return;
    claim(build.claim);
    // What another kind of sink kept means nothing to this one.
    info.key = info.key.starts_with("id ") ? info.key + ' ' + descriptor.kind : sink_key(step, info.stream);
    info.verb = descriptor.kind;
    info.argument = build.address;
    info.reads = context.reads;
    info.is_chart = build.is_chart;
    std::tie(info.guarantee, info.guarantee_reason) = guarantee(build, point);
    if (options_.replay) buffer.when_full = WhenFull::kDropNewest;  // nothing there can be held back
    pipeline_->sinks.push_back(
        std::make_unique<SinkNode>(*pipeline_, std::move(info), std::move(build.sink), buffer));
    point.outlet->add(pipeline_->sinks.back().get());
    for (SourceNode* source : point.origins) source->reaches.push_back(pipeline_->sinks.back().get());
  }

  // What waits for a sink is the same to it whatever made it, and however much may wait.
  std::string sink_key(StepSpec step, const std::string& stream) {
    std::erase_if(step.options, [](const auto& option) { return option.first.text == "buffer"; });
    std::string text = "sink " + stream + text_of(step);
    while (!sink_keys_.insert(text).second) text += '+';  // of two equal ones
    return hash_text(text);
  }

  // `{field}` in an address: a record that cannot have the field has no address.
  void check_template(const SpecValue& address, const Schema& schema) {
    if (schema.open || !address.is_scalar()) return;
    const Template parsed = Template::parse(address.text);
    for (const std::string& field : parsed.fields()) {
      if (field.starts_with("meta.") || schema.find(field) != nullptr) continue;
      const size_t at = address.text.find("{" + field + "}");
      const Span span = at == std::string::npos ? address.span : address.part(at + 1, at + 1 + field.size());
      std::string names;
      for (const std::string& name : schema.names()) names += (names.empty() ? "" : ", ") + name;
      const std::string likely = nearest(field, schema.names());
      diagnostics_.error("E0406", span, "there is no field '" + field + "' here",
                         likely.empty() ? "" : "did you mean '" + likely + "'?", "fields here: " + names);
    }
  }

  // Of an edge: the least of what the pipeline asks for, the sink can do and the sources allow.
  std::pair<std::string, std::string> guarantee(const SinkBuild& sink, const Point& point) const {
    constexpr std::string_view kMost = "at_most_once";
    if (spec_.delivery == kMost) return {spec_.delivery, "`delivery` says so"};
    if (!options_.durable) return {std::string(kMost), "there is no state folder"};
    if (sink.guarantee == kMost) return {sink.guarantee, sink.guarantee_reason};
    for (const SourceNode* source : point.origins)
      if (!source->info.guarantee_reason.empty()) return {std::string(kMost), source->info.guarantee_reason};
    const bool less = spec_.delivery == "exactly_once" && sink.guarantee != "exactly_once";
    return {less ? sink.guarantee : spec_.delivery, less ? sink.guarantee_reason : ""};
  }

  static std::string argument_text(const SpecValue& value) {
    if (value.is_scalar() && !value.secret) return value.text;
    std::string text;
    for (const SpecValue& item : value.items)
      text += (text.empty() ? "" : ", ") + (item.is_map() && !item.entries.empty()
                                                ? item.entries.front().first.text
                                                : item.text);
    for (const auto& [key, entry] : value.entries) text += (text.empty() ? "" : ", ") + key.text;
    return text;
  }

  // --- projection ------------------------------------------------------------------------------
  // A source's fields reach a step unless one before it closed the record.
  void note_reads(size_t stream_at, const BuildContext& context, bool closes) {
    meta_.insert(context.meta.begin(), context.meta.end());
    Needs& needs = needs_[stream_at];
    if (needs.closed) return;
    needs.fields.insert(context.reads.begin(), context.reads.end());
    needs.joined = needs.joined || context.other != nullptr;
    if (context.input.open && !needs.joined)
      for (const std::string& name : context.reads)
        if (!context.input.find(name)) needs.undeclared.insert(name);
    needs.closed = closes;
  }

  void collect(size_t stream_at, std::set<std::string>& fields, std::set<size_t>& seen) {
    if (!seen.insert(stream_at).second) return;
    const Needs& needs = needs_[stream_at];
    fields.insert(needs.fields.begin(), needs.fields.end());
    if (needs.closed) return;
    fields.insert(joined_[stream_at].begin(), joined_[stream_at].end());
    for (const size_t reader : readers_[stream_at]) collect(reader, fields, seen);
  }

  // Names that only the records of one source can have.
  void collect_undeclared(size_t stream_at, std::set<std::string>& names, std::set<size_t>& seen) {
    if (!seen.insert(stream_at).second || spec_.streams[stream_at].from.size() != 1) return;
    const Needs& needs = needs_[stream_at];
    names.insert(needs.undeclared.begin(), needs.undeclared.end());
    if (needs.closed || needs.joined) return;
    for (const size_t reader : readers_[stream_at]) collect_undeclared(reader, names, seen);
  }

  void tell_sources() {
    for (auto& source : pipeline_->sources) {
      std::set<std::string> fields = source->info.reads;
      std::set<size_t> seen;
      collect(index_[source->info.stream], fields, seen);
      source->info.reads = fields;
      source->inlet.want({fields.begin(), fields.end()}, meta_);
      std::set<std::string> undeclared;
      seen.clear();
      collect_undeclared(index_[source->info.stream], undeclared, seen);
      source->inlet.watch(std::move(undeclared));
    }
  }

  struct Needs {
    std::set<std::string> fields;
    std::set<std::string> undeclared;  // of those, that no step before made
    bool closed = false;
    bool joined = false;  // fields may be those of another stream
  };

  const PipelineSpec& spec_;
  const Registry& registry_;
  const PlanOptions& options_;
  Diagnostics& diagnostics_;
  std::unique_ptr<Pipeline> pipeline_;
  Outlet nowhere_;
  std::map<std::string, size_t> index_;
  std::map<size_t, Point> ends_;
  std::map<size_t, std::vector<size_t>> readers_;
  std::map<size_t, Needs> needs_;
  std::map<size_t, std::set<std::string>> joined_;  // fields of a stream that joins look at
  std::set<std::string> ids_;
  std::set<std::string> source_keys_, step_keys_, sink_keys_;
  std::map<std::string, size_t> sources_of_;  // built so far, by stream
  Claims claims_;
  std::set<std::string> meta_;
};

void append(const SpecValue& value, std::string& out) {
  switch (value.type) {
    case SpecValue::Type::kNull:
      out += '~';
      break;
    case SpecValue::Type::kScalar:
      out += std::to_string(value.text.size()) + (value.quoted ? "'" : ":") + value.text;
      break;
    case SpecValue::Type::kList:
      out += '[';
      for (const SpecValue& item : value.items) append(item, out);
      out += ']';
      break;
    case SpecValue::Type::kMap:
      out += '{';
      for (const auto& [key, entry] : value.entries) append(key, out), append(entry, out);
      out += '}';
      break;
  }
}

}  // namespace

std::string fingerprint(const PipelineSpec& spec) {
  std::error_code error;  // of a folder that is gone: then its name must do
  const std::filesystem::path whole = std::filesystem::absolute(spec.folder.empty() ? "." : spec.folder, error);
  const std::string folder = error ? spec.folder : whole.lexically_normal().string();
  std::string out = spec.name + "\n" + spec.delivery + "\n" + folder + "\n";
  for (const StreamSpec& stream : spec.streams) {
    out += "stream ";
    append(stream.name, out);
    for (const InputSpec& input : stream.from) out += text_of(input);
    for (const StepSpec& step : stream.steps) out += text_of(step);
    out += '\n';
  }
  append(spec.input_log, out);
  return out;
}

std::unique_ptr<Pipeline> plan(const PipelineSpec& spec, const Registry& registry, Loop& loop,
                               const PlanOptions& options, Diagnostics& diagnostics) {
  return Planner(spec, registry, loop, options, diagnostics).run();
}

}  // namespace streamflow
