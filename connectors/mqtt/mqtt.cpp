// Options of the MQTT connectors, and what is built from them.
#include "connectors/mqtt/mqtt.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "connectors/mqtt/sink.h"
#include "connectors/mqtt/source.h"

namespace streamflow {
namespace mqtt {
namespace {

constexpr const char* kBadAddress = "E0601";
constexpr const char* kBadTopic = "E0602";
constexpr const char* kOtherCaptures = "E0603";
constexpr const char* kBadOption = "E0604";
constexpr const char* kNoFile = "E0605";
constexpr const char* kHidden = "***";  // instead of what a ${VAR} stands for

constexpr Micros kKeepaliveMin = 5 * kMicrosPerSecond;  // libmosquitto's
constexpr Micros kKeepaliveMax = 65535 * kMicrosPerSecond;

std::vector<OptionDescriptor> connection_options() {
  using enum OptionType;
  return {
      {.name = "qos",
       .type = kInteger,
       .help = "0: may be lost, 1: at least once, 2: exactly once between us and the broker",
       .fallback = "1",
       .least = 0,
       .greatest = 2},
      {.name = "version",
       .type = kChoice,
       .help = "of MQTT; auto is 5, or 3.1.1 with a broker that refuses 5",
       .fallback = "auto",
       .choices = {"auto", "5", "3.1.1"}},
      {.name = "client_id",
       .type = kText,
       .help = "what the broker knows us by; by default a source's is made once and kept, a sink's "
               "another each time"},
      {.name = "keepalive",
       .type = kDuration,
       .help = "silence after which broker and we ask each other for a sign of life",
       .fallback = "30s"},
      {.name = "username", .type = kText, .help = "instead of the address's"},
      {.name = "password", .type = kText, .help = "instead of the address's"},
      {.name = "ca", .type = kText, .help = "file of the CA certificates; by default the system's"},
      {.name = "cert", .type = kText, .help = "file of the client certificate"},
      {.name = "key", .type = kText, .help = "file of its private key"},
      {.name = "insecure",
       .type = kBool,
       .help = "take any server certificate",
       .fallback = "false"},
  };
}

std::vector<OptionDescriptor> source_only_options() {
  using enum OptionType;
  std::vector<OptionDescriptor> out = {
      {.name = "topics",
       .type = kTexts,
       .help = "topic filters, beside that of the address; {name} captures a level as a field"},
      {.name = "clean",
       .type = kBool,
       .help = "keep no session: what is published while we are away is lost",
       .fallback = "false"},
      {.name = "session_expiry",
       .type = kDuration,
       .help = "how long the broker keeps the session without us (MQTT 5)",
       .fallback = "1d"},
      {.name = "retained",
       .type = kChoice,
       .help = "whether retained messages, the last value of each topic, are input",
       .fallback = "keep",
       .choices = {"keep", "skip"}},
      {.name = "max_message",
       .type = kSize,
       .help = "larger messages are skipped and counted",
       .fallback = "16MiB"},
  };
  for (OptionDescriptor& option : connection_options()) out.push_back(std::move(option));
  return out;
}

std::vector<OptionDescriptor> sink_only_options() {
  using enum OptionType;
  std::vector<OptionDescriptor> out = {
      {.name = "value",
       .type = kName,
       .help = "the field that is the payload; by default the whole record as JSON"},
      {.name = "retain",
       .type = kBool,
       .help = "the broker keeps the last message of each topic",
       .fallback = "false"},
      {.name = "timestamps",
       .type = kChoice,
       .help = "how times are written",
       .fallback = "rfc3339",
       .choices = {"rfc3339", "s", "ms", "us", "ns"}},
  };
  for (OptionDescriptor& option : connection_options()) out.push_back(std::move(option));
  return out;
}

// The value that is the address: the connector key's, or the URL itself.
const SpecValue* address_value(const Params& params) {
  for (const std::string_view name : {std::string_view(params.verb), std::string_view("mqtt"),
                                      std::string_view("mqtts"), std::string_view("save")}) {
    const SpecValue* const value = params.value(name);
    if (value != nullptr) return value;
  }
  return nullptr;
}

void report(BuildContext& context, const SpecValue* value, size_t offset, const char* code,
            const Mistake& mistake) {
  const Span span = value != nullptr ? value->part(offset + mistake.begin, offset + mistake.end)
                                     : context.params.verb_span;
  context.diagnostics.error(code, span, mistake.message, mistake.label);
}

std::string relative_to(const std::string& folder, const std::string& path) {
  if (path.empty() || path.front() == '/' || folder.empty()) return path;
  return folder + "/" + path;
}

std::string readable_file(BuildContext& context, const char* option) {
  const std::string path = relative_to(context.params.folder, context.params.text(option));
  if (path.empty()) return path;
  struct stat status {};
  const bool readable = ::access(path.c_str(), R_OK) == 0 && ::stat(path.c_str(), &status) == 0 &&
                        S_ISREG(status.st_mode);
  if (!readable) {
    context.diagnostics.error(kNoFile, context.params.span(option),
                              std::string("the file of '") + option + "' cannot be read", {},
                              "relative paths start at the pipeline file's folder");
  }
  return path;
}

void bad_option(BuildContext& context, const char* option, std::string message,
                std::string label = {}) {
  context.diagnostics.error(kBadOption, context.params.span(option), std::move(message),
                            std::move(label));
}

void read_credentials(BuildContext& context, Address& address) {
  const Params& params = context.params;
  if (params.has("username")) address.user = params.text("username");
  if (params.has("password")) address.password = params.text("password");
  if (address.password && !address.user) {
    bad_option(context, "password", "a password needs a username", "write 'username' too");
  }
  for (const char* const option : {"username", "password"}) {
    if (params.text(option).find('\0') != std::string::npos) {
      bad_option(context, option, std::string("'") + option + "' holds a zero byte");
    }
  }
}

void read_tls(BuildContext& context, ClientOptions& out) {
  const Params& params = context.params;
  out.ca = readable_file(context, "ca");
  out.certificate = readable_file(context, "cert");
  out.key = readable_file(context, "key");
  out.insecure = params.flag("insecure");
  if (params.has("cert") != params.has("key")) {
    bad_option(context, params.has("cert") ? "cert" : "key", "'cert' and 'key' go together");
  }
  for (const char* const option : {"ca", "cert", "key", "insecure"}) {
    if (!out.address.tls && params.has(option)) {
      bad_option(context, option, std::string("'") + option + "' is for mqtts://",
                 "write mqtts:// in the address");
    }
  }
}

// Everything but the topics.  The address may be wrong: then the diagnostics say so.
ClientOptions read_client(BuildContext& context, const SpecValue* value) {
  const Params& params = context.params;
  ClientOptions out;
  if (value == nullptr || !value->is_scalar()) {
    report(context, nullptr, 0, kBadAddress, {0, 0, "the broker's address is missing"});
    return out;
  }
  auto address = parse_address(value->text);
  if (!address) {
    report(context, value, 0, kBadAddress, address.error());
    return out;
  }
  out.address = std::move(*address);
  read_credentials(context, out.address);
  read_tls(context, out);
  out.client_id = params.text("client_id");
  if (out.client_id.size() > kTopicBytesMax || out.client_id.find('\0') != std::string::npos) {
    bad_option(context, "client_id", "a client id has at most 65535 bytes, none of them zero");
  }
  const Micros keepalive = params.duration("keepalive", 30 * kMicrosPerSecond);
  if (keepalive < kKeepaliveMin || keepalive > kKeepaliveMax) {
    bad_option(context, "keepalive", "'keepalive' is from 5s to 65535s");
  }
  out.keepalive_s =
      static_cast<int>(std::clamp(keepalive, kKeepaliveMin, kKeepaliveMax) / kMicrosPerSecond);
  const std::string version = params.choice("version");
  out.version = version == "5" ? Version::k5 : version == "3.1.1" ? Version::k311 : Version::kAuto;
  return out;
}

// An id that the user chose: the broker ends the connection of whoever had it before.
Claim claim_of(const BuildContext& context, const ClientOptions& client) {
  if (client.client_id.empty()) return {};
  Address broker = client.address;
  broker.topic.clear();
  const SpecValue* const id = context.params.value("client_id");
  const std::string shown = id != nullptr && id->secret ? std::string(kHidden) : client.client_id;
  return {"the client id '" + shown + "' at " + broker.shown(), context.params.span("client_id")};
}

// Whether bytes [begin, end) of the text hold some of a ${VAR}, which has one place for all its bytes.
// Where places are not known: all of them.
bool holds_secret(const SpecValue& value, size_t begin, size_t end) {
  if (!value.secret) return false;
  if (!value.offsets || value.offsets->size() <= end) return true;
  for (size_t i = begin; i < end; ++i) {
    if ((*value.offsets)[i + 1] != (*value.offsets)[i] + 1) return true;
  }
  return false;
}

// --- source ---

void add_filter(BuildContext& context, SourceOptions& options, const SpecValue* value,
                size_t offset, std::string_view text) {
  auto filter = parse_filter(text);
  if (!filter) return report(context, value, offset, kBadTopic, filter.error());
  if (holds_secret(*value, offset, offset + text.size())) filter->shown = kHidden;
  std::vector<std::string> names;
  for (const Capture& capture : filter->captures) names.push_back(capture.name);
  if (options.filters.empty()) {
    options.captures = names;
  } else if (!std::is_permutation(names.begin(), names.end(), options.captures.begin(),
                                  options.captures.end())) {
    return report(context, value, offset, kOtherCaptures,
                  {0, text.size(), "the topics of one source capture the same names",
                   "'" + options.filters.front().shown + "' captures others"});
  }
  options.filters.push_back(std::move(*filter));
}

void read_filters(BuildContext& context, SourceOptions& options, const SpecValue* address) {
  const Address& parsed = options.client.address;
  if (!parsed.topic.empty())
    add_filter(context, options, address, parsed.topic_begin, parsed.topic);
  for (const SpecValue* topic : context.params.list("topics")) {
    add_filter(context, options, topic, 0, topic->text);
  }
  const bool none = parsed.topic.empty() && context.params.list("topics").empty();
  if (none && !parsed.host.empty()) {
    context.diagnostics.error(kBadTopic,
                              address != nullptr ? address->span : context.params.verb_span,
                              "no topic to subscribe to", "write mqtt://HOST/TOPIC, or 'topics'",
                              "mqtt://HOST/# is every topic");
  }
}

std::string shown_source(const SourceOptions& options) {
  Address address = options.client.address;
  const bool of_address = !address.topic.empty();
  const TopicFilter& first = options.filters.front();
  if (!of_address || first.shown == kHidden) address.topic = first.shown;
  if (!of_address && options.filters.size() > 1) address.topic += " …";
  return address.shown();
}

SourceBuild build_source(BuildContext& context) {
  const Params& params = context.params;
  const size_t errors_before = context.diagnostics.errors();
  const SpecValue* const address = address_value(params);
  SourceOptions options;
  options.client = read_client(context, address);
  read_filters(context, options, address);
  options.client.clean = params.flag("clean");
  const Micros expiry = params.duration("session_expiry") / kMicrosPerSecond;
  options.client.session_expiry_s =
      static_cast<uint32_t>(std::min<Micros>(expiry, std::numeric_limits<uint32_t>::max()));
  options.qos = static_cast<int>(params.integer("qos", 1));
  options.retained = params.choice("retained") != "skip";
  options.message_bytes_max = static_cast<size_t>(params.size("max_message"));
  options.pipeline = context.pipeline;
  options.node = context.id;
  options.state_dir = context.state_dir;
  SourceBuild out;
  if (context.diagnostics.errors() > errors_before) return out;
  out.address = shown_source(options);
  out.claim = claim_of(context, options.client);
  out.captures = options.captures;
  out.meta.assign(std::begin(MqttSource::kMeta), std::end(MqttSource::kMeta));
  if (options.qos == 0) out.loses = "QoS 0: the broker does not send again";
  if (options.client.clean) out.loses = "`clean`: the broker keeps no session";
  out.source = std::make_unique<MqttSource>(std::move(options));
  return out;
}

// --- sink ---

SinkBuild build_sink(BuildContext& context) {
  const Params& params = context.params;
  const size_t errors_before = context.diagnostics.errors();
  const SpecValue* const address = address_value(params);
  SinkOptions options;
  options.client = read_client(context, address);
  const Address& parsed = options.client.address;
  if (!parsed.host.empty()) {
    const size_t begin = parsed.topic.empty() ? address->text.size() : parsed.topic_begin;
    const Mistake mistake = check_topic_template(parsed.topic);
    if (!mistake.message.empty()) report(context, address, begin, kBadTopic, mistake);
  }
  options.topic = Template::parse(parsed.topic);
  options.value = params.text("value");
  options.qos = static_cast<int>(params.integer("qos", 1));
  options.retain = params.flag("retain");
  options.timestamps = timestamp_style(params.choice("timestamps"));
  for (const std::string& field : options.topic.fields()) context.reads.insert(field);
  if (!options.value.empty()) context.reads.insert(options.value);
  SinkBuild out;
  if (context.diagnostics.errors() > errors_before) return out;
  Address shown = parsed;
  options.topic_hidden = holds_secret(*address, parsed.topic_begin, address->text.size());
  if (options.topic_hidden) shown.topic = kHidden;
  out.address = shown.shown();
  out.claim = claim_of(context, options.client);
  out.guarantee = options.qos == 0 ? "at_most_once" : "at_least_once";
  out.guarantee_reason = options.qos == 0 ? "QoS 0: the broker confirms nothing"
                                          : "what was published cannot be taken back; with exactly_once "
                                            "and MQTT 5 each message has a stable _sf_id";
  options.record_ids = context.delivery == "exactly_once";
  out.sink = std::make_unique<MqttSink>(std::move(options));
  return out;
}

}  // namespace
}  // namespace mqtt

void register_mqtt(Registry& registry) {
  registry.source({.kind = "mqtt",
                   .schemes = {"mqtt", "mqtts"},
                   .summary = "messages of an MQTT broker (3.1.1 or 5)",
                   .options = mqtt::source_only_options(),
                   .formats = {"json", "ndjson", "number", "text", "csv"},
                   .example = "mqtt: \"mqtt://localhost\"\n"
                              "topics: [\"site/{device}/temperature\"]\n"
                              "format: number\n"
                              "as: temperature",
                   .build = mqtt::build_source});
  registry.sink({.kind = "mqtt",
                 .schemes = {"mqtt", "mqtts"},
                 .summary = "a message to an MQTT broker for each record",
                 .argument = {},
                 .options = mqtt::sink_only_options(),
                 .example = "save: \"mqtt://localhost/alerts/{device}\"\nretain: true",
                 .build = mqtt::build_sink});
}

}  // namespace streamflow
