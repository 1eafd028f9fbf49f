#include "web/hub.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "web/chart_json.h"
#include "web/json_text.h"

namespace streamflow::web {
namespace {

Response json_response(std::string body) {
  Response response;
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

Response text_response(std::string body, std::string_view content_type = "text/plain") {
  Response response = json_response(std::move(body));
  response.content_type = content_type;
  return response;
}

// Reads a finite number from the query into `out`.  False: the parameter is there and is not a
// number.
bool read_number(const Request& request, std::string_view name, std::optional<double>& out) {
  const std::string* text = find_text(request.query, name);
  if (text == nullptr || text->empty()) return true;
  double value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return false;
  out = value;
  return true;
}

std::optional<DataQuery> read_query(const Request& request, bool x_is_time) {
  DataQuery query;
  std::optional<double> columns;
  if (!read_number(request, "from", query.from) || !read_number(request, "to", query.to) ||
      !read_number(request, "px", columns))
    return std::nullopt;
  if (x_is_time && query.from) *query.from *= static_cast<double>(kMicrosPerMilli);
  if (x_is_time && query.to) *query.to *= static_cast<double>(kMicrosPerMilli);
  if (columns)
    query.columns = static_cast<std::size_t>(std::clamp(*columns, 1.0, double{kColumnsMax}));
  return query;
}

void append_metric(std::string& out, std::string_view name, std::string_view type,
                   std::string_view help, std::uint64_t value) {
  out.append("# HELP streamflow_http_").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE streamflow_http_").append(name).append(" ").append(type).append("\n");
  out.append("streamflow_http_").append(name).append(" ");
  append_json_count(out, value);
  out += '\n';
}

void append_server_metrics(std::string& out, const ServerCounters& now) {
  append_metric(out, "connections", "gauge", "Open connections.", now.connections);
  append_metric(out, "viewers", "gauge", "Open event streams.", now.viewers);
  append_metric(out, "accepted_total", "counter", "Connections accepted.", now.accepted);
  append_metric(out, "evicted_total", "counter", "Idle connections closed to make room.",
                now.evicted);
  append_metric(out, "turned_away_total", "counter", "Connections closed for want of room.",
                now.turned_away);
  append_metric(out, "requests_total", "counter", "Requests answered.", now.requests);
  append_metric(out, "refused_total", "counter",
                "Requests refused by a rule, a limit or a deadline.", now.refused);
  append_metric(out, "ingest_accepted_total", "counter", "Bodies of records that were taken.",
                now.ingest_accepted);
  append_metric(out, "ingest_records_total", "counter", "Records in them.", now.ingest_records);
  append_metric(out, "ingest_busy_total", "counter", "Bodies answered 429.", now.ingest_busy);
  append_metric(out, "ingest_rejected_total", "counter", "Bodies answered 400 or 503.",
                now.ingest_rejected);
  append_metric(out, "stalled_total", "counter", "Connections closed because nothing was read.",
                now.stalled);
  append_metric(out, "events_total", "counter", "Events published.", now.events);
  append_metric(out, "events_skipped_total", "counter", "Events that a slow viewer did not get.",
                now.events_skipped);
}

}  // namespace

Hub::Hub(HubOptions options)
    : wall_clock_(std::move(options.wall_clock)), server_(std::move(options.server)) {
  add_routes();
  server_.assets(options.assets);
  server_.every(options.charts_every, [this] { publish_charts(); });
}

void Hub::add_routes() {
  server_.stream("/api/v1/stream", [this] { return greeting(); });
  server_.get("/api/v1/pipelines", [this](const Request&) { return status_response(); });
  server_.get("/api/v1/charts", [this](const Request&) { return charts_response(); });
  server_.get("/api/v1/charts/{id}/data",
              [this](const Request& request) { return data_response(request); });
  server_.get("/metrics", [this](const Request&) { return metrics_response(); });
  server_.get("/healthz", [](const Request&) { return text_response("ok\n"); });
  server_.get("/readyz", [this](const Request&) { return ready_response(); });
}

void Hub::add(std::shared_ptr<const Chart> chart) {
  Entry entry{chart, chart->snapshot()};
  const std::lock_guard lock(charts_mutex_);
  const auto same = std::find_if(charts_.begin(), charts_.end(), [&chart](const Entry& other) {
    return other.chart->info().id == chart->info().id;
  });
  if (same == charts_.end())
    charts_.push_back(std::move(entry));
  else if (same->chart != chart)
    *same = std::move(entry);
}

void Hub::remove(const Chart& chart) {
  const std::lock_guard lock(charts_mutex_);
  std::erase_if(charts_, [&chart](const Entry& entry) { return entry.chart.get() == &chart; });
}

std::shared_ptr<SeriesSlots> Hub::slots(const ChartInfo& info) {
  std::string what = info.pipeline;
  for (const std::string& key : info.by) what += '\n' + key;
  if (info.y.size() > 1) {
    what += '\n';
    for (const std::string& field : info.y) what += '\n' + field;
  }
  const std::lock_guard lock(charts_mutex_);
  std::erase_if(slots_, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<SeriesSlots> shared = slots_[what].lock();
  if (!shared) slots_[what] = shared = std::make_shared<SeriesSlots>();
  return shared;
}

void Hub::set_status(std::shared_ptr<const std::string> json) {
  {
    const std::lock_guard lock(documents_mutex_);
    status_ = json;
  }
  server_.publish("status", std::move(json));
}

void Hub::set_metrics(std::shared_ptr<const std::string> text) {
  const std::lock_guard lock(documents_mutex_);
  metrics_ = std::move(text);
}

void Hub::set_ready(bool ready, std::string_view reason) {
  const std::lock_guard lock(documents_mutex_);
  ready_ = ready;
  not_ready_reason_ = reason;
}

void Hub::reloaded(Micros at, bool ok, std::string_view error, bool charts_changed) {
  auto json = std::make_shared<std::string>(R"({"at":)");
  append_json_number(*json, static_cast<double>(at) / static_cast<double>(kMicrosPerMilli));
  json->append(ok ? R"(,"ok":true,"error":)" : R"(,"ok":false,"error":)");
  if (error.empty())
    *json += "null";
  else
    append_json_string(*json, error);
  json->append(charts_changed ? R"(,"charts_changed":true})" : R"(,"charts_changed":false})");
  server_.publish("reload", std::move(json));
}

// Snapshots move on without viewers too: the next one must find /data fresh.
void Hub::publish_charts() {
  const bool watched = server_.viewers() > 0;
  std::string charts;
  {
    const std::lock_guard lock(charts_mutex_);
    for (Entry& entry : charts_) {
      ChartSnapshotPtr newest = entry.chart->snapshot();
      if (newest->seq == entry.announced->seq) continue;
      const ChartSnapshotPtr before = std::exchange(entry.announced, std::move(newest));
      if (!watched) continue;
      if (!charts.empty()) charts += ',';
      append_json_string(charts, entry.chart->info().id);
      charts += ':';
      append_chart_delta(charts, entry.chart->info(), *before, *entry.announced);
    }
  }
  if (charts.empty()) return;
  auto event = std::make_shared<std::string>(R"({"now":)");
  event->reserve(charts.size() + 64);
  append_json_number(*event,
                     static_cast<double>(wall_clock_()) / static_cast<double>(kMicrosPerMilli));
  event->append(R"(,"charts":{)").append(charts).append("}}");
  server_.publish("charts", std::move(event));
}

std::vector<Event> Hub::greeting() const {
  const std::lock_guard lock(documents_mutex_);
  if (!status_) return {};
  return {{"status", status_}};
}

Response Hub::status_response() const {
  const std::lock_guard lock(documents_mutex_);
  if (!status_) return error_response(503, "starting");
  Response response;
  response.body = status_;
  return response;
}

Response Hub::charts_response() const {
  std::string out = R"({"charts":[)";
  const std::lock_guard lock(charts_mutex_);
  for (const Entry& entry : charts_) {
    if (out.back() != '[') out += ',';
    append_chart_info(out, entry.chart->info(), entry.announced->seq > 0);
  }
  return json_response(out + "]}");
}

Response Hub::data_response(const Request& request) const {
  const std::string* id = find_text(request.params, "id");
  Entry found;
  {
    const std::lock_guard lock(charts_mutex_);
    for (const Entry& entry : charts_)
      if (id != nullptr && entry.chart->info().id == *id) found = entry;
  }
  if (!found.chart) return error_response(404, "there is no chart of this id");
  const ChartInfo& info = found.chart->info();
  const std::optional<DataQuery> query = read_query(request, info.x_is_time);
  if (!query) return error_response(400, "from, to and px must be numbers");
  std::string out;
  append_chart_data(out, info, *found.announced, *query, wall_clock_());
  return json_response(std::move(out));
}

Response Hub::metrics_response() const {
  std::string out;
  {
    const std::lock_guard lock(documents_mutex_);
    if (metrics_) out = *metrics_;
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
  append_server_metrics(out, server_.counters());
  return text_response(std::move(out), "text/plain; version=0.0.4; charset=utf-8");
}

Response Hub::ready_response() const {
  const std::lock_guard lock(documents_mutex_);
  return ready_ ? text_response("ready\n") : error_response(503, not_ready_reason_);
}

}  // namespace streamflow::web
