#include "connectors/redis/redis.h"

#include "connectors/redis/sink.h"
#include "connectors/redis/source.h"

namespace streamflow {
namespace redis {
namespace {

constexpr const char* kBadAddress = "E0621";
constexpr std::string_view kMetaPrefix = "meta.";

const SpecValue* address_value(const Params& params) {
  for (const std::string_view name : {std::string_view(params.verb), std::string_view("redis"), std::string_view("save")})
    if (const SpecValue* value = params.value(name)) return value;
  return nullptr;
}

Address read_address(BuildContext& context) {
  const SpecValue* const value = address_value(context.params);
  const Span span = value ? value->span : context.params.verb_span;
  auto address = parse_address(value ? value->text : std::string());
  if (address) return *address;
  context.diagnostics.error(kBadAddress, span, "'" + (value && !value->secret ? value->text : "***") + "' is no Redis address",
                            address.error().message);
  return {};
}

std::string shown(const Address& address, const SpecValue* value) {
  Address out = address;
  if (value && value->secret) out.key = "***";
  return out.shown();
}

SourceBuild build_source(BuildContext& context) {
  const size_t errors = context.diagnostics.errors();
  SourceOptions options;
  options.address = read_address(context);
  options.group = context.params.has("group") ? context.params.text("group") : "streamflow:" + context.pipeline;
  options.consumer = context.params.has("consumer") ? context.params.text("consumer") : context.id;
  options.from_start = context.params.choice("begin") == "all";
  SourceBuild out;
  if (context.diagnostics.errors() != errors) return out;
  out.address = shown(options.address, address_value(context.params));
  out.meta.assign(std::begin(StreamSource::kMeta), std::end(StreamSource::kMeta));
  out.source = std::make_unique<StreamSource>(std::move(options));
  return out;
}

SinkBuild build_sink(BuildContext& context) {
  const size_t errors = context.diagnostics.errors();
  SinkOptions options;
  options.address = read_address(context);
  options.key = Template::parse(options.address.key);
  options.length_max = context.params.integer("max_length");
  options.timestamps = timestamp_style(context.params.choice("timestamps"));
  options.exactly_once = context.delivery == "exactly_once";
  for (const std::string& field : options.key.fields()) {
    if (field.starts_with(kMetaPrefix))
      context.meta.insert(field.substr(kMetaPrefix.size()));
    else
      context.reads.insert(field);
  }
  SinkBuild out;
  if (context.diagnostics.errors() != errors) return out;
  out.address = shown(options.address, address_value(context.params));
  out.guarantee = "exactly_once";
  out.sink = std::make_unique<StreamSink>(std::move(options));
  return out;
}

}  // namespace
}  // namespace redis

void register_redis(Registry& registry) {
  using enum OptionType;
  SourceDescriptor source;
  source.kind = "redis";
  source.schemes = {"redis"};
  source.summary = "entries of a Redis Stream, by a consumer group";
  source.options = {
      {.name = "group", .type = kText, .help = "the consumer group; by default streamflow: and the pipeline's name"},
      {.name = "consumer", .type = kText, .help = "this consumer's name in the group; by default the stream's name"},
      {.name = "begin",
       .type = kChoice,
       .help = "what a new group gets: entries from now on, or all that are there",
       .fallback = "now",
       .choices = {"now", "all"}},
  };
  source.formats = {"json"};
  source.example = "redis: \"redis://localhost/readings\"\nbegin: all";
  source.build = redis::build_source;
  registry.source(std::move(source));

  SinkDescriptor sink;
  sink.kind = "redis";
  sink.schemes = {"redis"};
  sink.summary = "an entry of a Redis Stream (XADD) for each record";
  sink.options = {
      {.name = "max_length",
       .type = kInteger,
       .help = "about how many entries a stream keeps; 0: all",
       .fallback = "0",
       .least = 0},
      {.name = "timestamps",
       .type = kChoice,
       .help = "how times are written",
       .fallback = "rfc3339",
       .choices = {"rfc3339", "s", "ms", "us", "ns"}},
  };
  sink.example = "save: \"redis://localhost/anomalies\"\nmax_length: 100000";
  sink.build = redis::build_sink;
  registry.sink(std::move(sink));
}

}  // namespace streamflow
