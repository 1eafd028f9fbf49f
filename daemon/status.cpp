#include "daemon/status.h"

#include <unistd.h>

#include <cmath>

#include "daemon/against_running.h"

namespace streamflow {
namespace {

// JSON, written member by member; commas take care of themselves.
class Json {
 public:
  Json& open(char bracket) {
    comma();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    comma();
    append_json_string(name, text_);
    text_ += ':';
    first_ = true;
    return *this;
  }
  Json& text(std::string_view value) {
    comma();
    append_json_string(value, text_);
    return *this;
  }
  Json& text_or_null(std::string_view value) { return value.empty() ? raw("null") : text(value); }
  Json& number(uint64_t value) { return raw(std::to_string(value)); }
  Json& real(double value) {
    comma();
    append_json_double(std::round(value * 1000) / 1000, text_);
    return *this;
  }
  Json& millis(Micros value) { return value == 0 ? raw("null") : raw(std::to_string(value / 1000)); }
  Json& flag(bool value) { return raw(value ? "true" : "false"); }
  Json& raw(std::string_view value) {
    comma();
    text_ += value;
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  void comma() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  std::string text_;
  bool first_ = true;
};

void write_connector(Json& json, const NodeInfo& info, const ConnectorStatus& status) {
  json.key("id").text(info.id).key("stream").text(info.stream).key("kind").text(info.verb);
  json.key("address").text(info.argument).key("key").text(info.key);
  json.key("state").text(state_name(status.state)).key("reason").text_or_null(status.reason);
  json.key("since").millis(status.since).key("retry_at").millis(status.retry_at);
}

void write_pipeline(Json& json, const Pipeline& pipeline, Micros now, Rates& rates) {
  std::string reason;
  const std::string state = pipeline_state(pipeline, reason);
  const Ledger ledger = pipeline.ledger();
  json.open('{').key("name").text(pipeline.name).key("state").text(state);
  json.key("version").text(version_of(pipeline.fingerprint));
  json.key("reason").text_or_null(reason).key("delivery").text(pipeline.delivery);
  json.key("rate").real(rates.rate(pipeline.name + "/in", ledger.in, now));
  json.key("rate_out").real(rates.rate(pipeline.name + "/out", ledger.written, now));
  json.key("ledger").raw(ledger_json(ledger));
  json.key("sources").open('[');
  for (const auto& source : pipeline.sources) {
    const InletCounts& counts = source->inlet.counts();
    json.open('{');
    write_connector(json, source->info, source->status);
    json.key("messages").number(counts.messages).key("undecodable").number(counts.undecodable);
    json.key("rate").real(
        rates.rate(pipeline.name + "/" + source->info.id + "/source", counts.messages, now));
    json.close('}');
  }
  json.close(']').key("steps").open('[');
  for (const auto& node : pipeline.operators) {
    json.open('{').key("id").text(node->info.id).key("stream").text(node->info.stream);
    json.key("verb").text(node->info.verb).key("argument").text(node->info.argument);
    json.key("key").text(node->info.key).key("unfinished").text_or_null(node->op->unfinished());
    json.key("in").number(node->counts.in).key("out").number(node->counts.out);
    json.key("late").number(node->counts.late).key("failed").number(node->counts.failed);
    json.key("rate_out").real(
        rates.rate(pipeline.name + "/" + node->info.id, node->counts.out, now));
    json.close('}');
  }
  json.close(']').key("sinks").open('[');
  for (const auto& sink : pipeline.sinks) {
    if (sink->info.is_chart) continue;
    json.open('{');
    write_connector(json, sink->info, sink->status);
    json.key("written").number(sink->written_rows).key("failed").number(sink->failed_rows);
    json.key("dropped").number(sink->dropped_rows).key("queued").number(sink->queued_rows());
    json.key("queued_bytes").number(sink->waiting_bytes());
    json.close('}');
  }
  json.close(']').key("errors").open('[');
  for (const ErrorSample& error : pipeline.errors()) {
    json.open('{').key("at").millis(error.at).key("step").text(error.step);
    json.key("reason").text(error.reason).key("sample").text(error.sample);
    json.key("count").number(error.count).close('}');
  }
  json.close(']').key("charts").open('[');
  for (const auto& sink : pipeline.sinks)
    if (sink->info.is_chart) json.text(pipeline.name + "." + sink->info.id);
  json.close(']').close('}');
}

void metric(std::string& out, std::string_view name, std::string_view help, std::string_view type) {
  out += "# HELP streamflow_" + std::string(name) + " " + std::string(help) + "\n# TYPE streamflow_" +
         std::string(name) + " " + std::string(type) + "\n";
}

std::string label(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

double Rates::rate(const std::string& name, uint64_t count, Micros now) {
  constexpr Micros kShortest = 500 * kMicrosPerMilli;
  Seen& seen = seen_[name];
  if (seen.at == 0) {
    seen = {count, now, 0};
    return 0;
  }
  const Micros passed = now - seen.at;
  if (passed < kShortest) return seen.rate;
  const double current = count < seen.count ? 0
                                            : static_cast<double>(count - seen.count) * kMicrosPerSecond /
                                                  static_cast<double>(passed);
  // Half the weight to the last second or so: steady to read, quick to follow.
  const double smooth = seen.rate == 0 ? current : seen.rate + (current - seen.rate) * 0.5;
  seen = {count, now, smooth < 0.01 ? 0 : smooth};
  return seen.rate;
}

std::string pipeline_state(const Pipeline& pipeline, std::string& reason) {
  const auto check = [&reason](const NodeInfo& info, const ConnectorStatus& status) {
    if (status.state == ConnectorState::kUp || status.state == ConnectorState::kEnded) return;
    if (!reason.empty()) reason += ", ";
    reason += info.verb + " " + std::string(state_name(status.state));
    if (!status.reason.empty()) reason += " (" + status.reason + ")";
  };
  for (const auto& source : pipeline.sources) check(source->info, source->status);
  for (const auto& sink : pipeline.sinks) {
    check(sink->info, sink->status);
    const size_t waiting = sink->waiting_bytes();
    if (waiting >= (size_t{4} << 20)) {
      if (!reason.empty()) reason += ", ";
      reason += sink->info.verb + " slow, " + std::to_string(waiting >> 20) + " of " +
                std::to_string(sink->waiting_bytes_max() >> 20) + " MiB wait";
    }
  }
  if (pipeline.is_held()) reason += std::string(reason.empty() ? "" : ", ") + "memory limit reached, sources wait";
  if (!reason.empty()) return "degraded";
  return pipeline.finished() ? "stopped" : "running";
}

std::string ledger_json(const Ledger& l) {
  Json json;
  json.open('{');
  json.key("in").number(l.in).key("created").number(l.created).key("copied").number(l.copied);
  json.key("written").number(l.written).key("filtered").number(l.filtered);
  json.key("absorbed").number(l.absorbed).key("late").number(l.late).key("dropped").number(l.dropped);
  json.key("failed").number(l.failed).key("unused").number(l.unused).key("held").number(l.held);
  json.key("queued").number(l.queued).key("messages").number(l.messages);
  json.key("undecodable").number(l.undecodable).key("balanced").flag(l.balanced()).close('}');
  return json.take();
}

std::string status_document(const std::vector<std::unique_ptr<Pipeline>>& pipelines, Micros started,
                            Micros now, const ReloadStatus& reload, Rates& rates) {
  Json json;
  json.open('{').key("host").text(host_name()).key("version").text(STREAMFLOW_VERSION);
  json.key("started").millis(started).key("now").millis(now);
  json.key("reload").open('{').key("ok").flag(reload.ok).key("at").millis(reload.at);
  json.key("loaded_at").millis(reload.loaded_at);
  json.key("error").text_or_null(reload.error).close('}');
  json.key("pipelines").open('[');
  for (const auto& pipeline : pipelines) write_pipeline(json, *pipeline, now, rates);
  json.close(']').close('}');
  return json.take();
}

std::string metrics_text(const std::vector<std::unique_ptr<Pipeline>>& pipelines) {
  std::string out;
  metric(out, "records_total", "Records by what became of them: the pipeline's ledger.", "counter");
  for (const auto& pipeline : pipelines) {
    const Ledger l = pipeline->ledger();
    const std::pair<const char*, uint64_t> parts[] = {
        {"in", l.in},           {"created", l.created},   {"copied", l.copied},   {"written", l.written},
        {"filtered", l.filtered}, {"absorbed", l.absorbed}, {"late", l.late},     {"dropped", l.dropped},
        {"failed", l.failed},   {"unused", l.unused},     {"undecodable", l.undecodable}};
    for (const auto& [name, count] : parts)
      out += "streamflow_records_total{pipeline=" + label(pipeline->name) + ",disposition=\"" + name +
             "\"} " + std::to_string(count) + "\n";
  }
  metric(out, "step_records_total", "Records in and out of each step.", "counter");
  for (const auto& pipeline : pipelines)
    for (const auto& node : pipeline->operators)
      for (const auto& [way, count] : {std::pair{"in", node->counts.in}, {"out", node->counts.out}})
        out += "streamflow_step_records_total{pipeline=" + label(pipeline->name) +
               ",step=" + label(node->info.id) + ",verb=" + label(node->info.verb) + ",direction=\"" +
               way + "\"} " + std::to_string(count) + "\n";
  metric(out, "connector_up", "Whether a source or sink is connected.", "gauge");
  const auto up = [&out](const Pipeline& pipeline, const NodeInfo& info, const ConnectorStatus& status,
                         const char* role) {
    const bool is_up = status.state == ConnectorState::kUp || status.state == ConnectorState::kSilent;
    out += "streamflow_connector_up{pipeline=" + label(pipeline.name) + ",node=" + label(info.id) +
           ",kind=" + label(info.verb) + ",role=\"" + role + "\"} " + (is_up ? "1" : "0") + "\n";
  };
  for (const auto& pipeline : pipelines) {
    for (const auto& source : pipeline->sources) up(*pipeline, source->info, source->status, "source");
    for (const auto& sink : pipeline->sinks)
      if (!sink->info.is_chart) up(*pipeline, sink->info, sink->status, "sink");
  }
  metric(out, "sink_queue_bytes", "Bytes that wait in a sink's queue.", "gauge");
  for (const auto& pipeline : pipelines)
    for (const auto& sink : pipeline->sinks)
      if (!sink->info.is_chart)
        out += "streamflow_sink_queue_bytes{pipeline=" + label(pipeline->name) +
               ",node=" + label(sink->info.id) + "} " + std::to_string(sink->waiting_bytes()) + "\n";
  return out;
}

}  // namespace streamflow
