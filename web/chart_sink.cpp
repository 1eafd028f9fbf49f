#include "web/chart_sink.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/encode.h"
#include "core/option_value.h"

namespace streamflow::web {
namespace {

constexpr size_t kFieldsMax = 8;  // y fields of one chart
constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

ChartKind kind_of(const std::string& word) {
  if (word == "histogram") return ChartKind::kHistogram;
  return word == "scatter" ? ChartKind::kScatter : ChartKind::kLine;
}

bool may_be_number(Type type) { return type == Type::kDyn || (type >= Type::kInt && type <= Type::kNumber); }

// A cell as a coordinate; NaN where it is none.
double coordinate(const Column& column, uint32_t row) {
  switch (column.kind(row)) {
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return column.number(row);
    case Kind::kTimestamp:
    case Kind::kDuration:
      return static_cast<double>(static_cast<int64_t>(column.bits(row)));
    case Kind::kBool:
      return column.bits(row) != 0 ? 1 : 0;
    case Kind::kString: {
      const auto time = parse_rfc3339(column.text(row));
      return time ? static_cast<double>(*time) : kNull;
    }
    default:
      return kNull;
  }
}

class ChartSink final : public Sink {
 public:
  ChartSink(ChartInfo info, Hub* hub, bool window, Micros window_us)
      : info_(std::move(info)), hub_(hub), window_us_(window ? window_us : 0) {
    // From here on, so that those of the version that this one replaces live on.
    if (hub_ != nullptr && !info_.by.empty()) slots_ = hub_->slots(info_);
  }

  void start(Loop& loop, SinkHost& host) override {
    loop_ = &loop;
    host_ = &host;
    if (window_us_ > 0) info_.next_at = floor_to(loop.now(), window_us_) + window_us_;
    chart_ = std::make_shared<Chart>(info_, slots_);
    if (hub_ != nullptr) hub_->add(chart_);
    host.state(ConnectorState::kUp, "", 0);
  }

  void write(const Batch& batch) override {
    const size_t n = batch.count();
    if (info_.kind == ChartKind::kHistogram) {
      write_histogram(batch);
    } else {
      write_points(batch);
    }
    host_->written(n);
  }

  void flush() override {
    if (timer_ != 0) return;
    const auto again = chart_->flush(loop_->now());
    if (!again) return;
    timer_ = loop_->after(std::max<Micros>(*again - loop_->now(), 0), [this] {
      timer_ = 0;
      flush();
    });
  }

  void stop() override {
    loop_->cancel(timer_);
    timer_ = 0;
    if (hub_ != nullptr && chart_) hub_->remove(*chart_);
  }

 private:
  void write_histogram(const Batch& batch) {
    const ColumnPtr column = batch.field(info_.x);
    if (!column) return;
    column->decode(batch.selected.get());
    for (size_t i = 0; i < batch.count(); ++i) chart_->append(coordinate(*column, batch.row_at(i)));
  }

  void write_points(const Batch& batch) {
    const ColumnPtr x = info_.x == "time" ? nullptr : batch.field(info_.x);
    if (x) x->decode(batch.selected.get());
    std::vector<ColumnPtr> ys, keys;
    for (const auto& name : info_.y) ys.push_back(batch.field(name));
    for (const auto& name : info_.by) keys.push_back(batch.field(name));
    for (const auto& list : {&ys, &keys})
      for (const auto& column : *list)
        if (column) column->decode(batch.selected.get());
    for (size_t i = 0; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const double at = x                        ? coordinate(*x, row)
                        : info_.x == "time"      ? static_cast<double>((*batch.time)[row])
                                                 : kNull;
      series_.clear();
      for (const auto& key : keys) {
        if (!series_.empty()) series_ += " · ";
        if (key) append_cell_text(*key, row, TimestampStyle::kRfc3339, series_);
      }
      const size_t key_length = series_.size();
      for (size_t f = 0; f < ys.size(); ++f) {
        series_.resize(key_length);
        if (ys.size() > 1 || keys.empty()) {
          if (key_length != 0) series_ += " · ";
          series_ += info_.y[f];
        }
        chart_->append(series_, at, ys[f] ? coordinate(*ys[f], row) : kNull);
      }
    }
  }

  ChartInfo info_;
  Hub* hub_;
  Micros window_us_;
  Loop* loop_ = nullptr;
  SinkHost* host_ = nullptr;
  std::shared_ptr<SeriesSlots> slots_;
  std::shared_ptr<Chart> chart_;
  Loop::Id timer_ = 0;
  std::string series_;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// A field that a closed record does not have: said here, with the nearest one that it has.
void check_field(BuildContext& context, const SpecValue* place, const std::string& name) {
  if (name == "time" || context.input.open || context.input.find(name) != nullptr) return;
  const std::string likely = nearest(name, context.input.names());
  context.diagnostics.error("E0211", place ? place->span : context.params.verb_span,
                            "the records here have no field '" + name + "'",
                            likely.empty() ? "" : "did you mean '" + likely + "'?",
                            "they have: " + joined(context.input.names()));
}

std::vector<std::string> default_y(BuildContext& context, const ChartInfo& info) {
  std::vector<std::string> fields;
  for (const Field& field : context.input.fields) {
    const bool key = std::find(info.by.begin(), info.by.end(), field.name) != info.by.end();
    if (key || field.name == info.x || field.name.starts_with("window_") || field.name == "partial" ||
        !may_be_number(field.type))
      continue;
    if (fields.size() < kFieldsMax) fields.push_back(field.name);
  }
  return fields;
}

void default_fields(BuildContext& context, ChartInfo& info) {
  const Params& params = context.params;
  info.by = params.has("by") ? params.texts("by") : context.input.keys;
  if (info.kind == ChartKind::kHistogram) {
    info.x = params.text("x");
    const auto candidates = default_y(context, info);
    if (info.x.empty() && !context.input.open && candidates.size() == 1) info.x = candidates.front();
    if (info.x.empty())
      context.diagnostics.error("E0210", context.params.verb_span, "a histogram needs `x`: the field to count",
                                "write x: FIELD",
                                candidates.empty() ? "" : "numeric fields here: " + joined(candidates));
    return;
  }
  const bool after_window = context.input.find("window_start") != nullptr;
  info.x = params.has("x") ? params.text("x")
           : info.kind == ChartKind::kLine && after_window ? "window_start"
                                                           : "time";
  info.y = params.texts("y");
  if (info.y.empty() && info.kind == ChartKind::kLine && !context.input.open)
    info.y = default_y(context, info);
  if (info.y.empty())
    context.diagnostics.error("E0210", context.params.verb_span,
                              info.kind == ChartKind::kScatter ? "a scatter chart needs `y`"
                                                               : "this chart needs `y`: what to draw",
                              "write y: FIELD",
                              context.input.open ? "the records here may have any fields"
                                                 : "fields here: " + joined(context.input.names()));
}

std::optional<std::pair<double, double>> read_range(BuildContext& context) {
  const auto texts = context.params.list("range");
  if (texts.empty()) return std::nullopt;
  const auto refuse = [&context](Span place, const char* message, const char* label) {
    context.diagnostics.error("E0212", place, message, label);
    return std::nullopt;
  };
  if (texts.size() != 2)
    return refuse(context.params.span("range"), "`range` takes two numbers", "write [0, 100]");
  double ends[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    const std::optional<double> number = parse_number(texts[i]->text);
    if (!number || std::abs(*number) > Chart::kMagnitudeMax)
      return refuse(texts[i]->span, "an end of `range` is a number", "as in [0, 100]");
    ends[i] = *number;
  }
  if (!(ends[0] < ends[1]))
    return refuse(texts[1]->span, "`range` is from the least to the greatest", "this must be the greater");
  return std::make_pair(ends[0], ends[1]);
}

SinkBuild build_chart(BuildContext& context, Hub* hub) {
  const Params& params = context.params;
  ChartInfo info;
  info.id = context.pipeline + "." + context.id;
  info.pipeline = context.pipeline;
  info.kind = kind_of(params.text("chart"));
  default_fields(context, info);
  if (params.has("x")) check_field(context, params.value("x"), info.x);
  for (const SpecValue* y : params.list("y")) check_field(context, y, y->text);
  for (const SpecValue* by : params.list("by")) check_field(context, by, by->text);
  const Field* x = context.input.find(info.x);
  info.x_is_time = info.x == "time" || info.x == "window_start" || info.x == "window_end" ||
                   (x != nullptr && x->type == Type::kTimestamp);
  info.unit = params.text("unit");
  info.bins = static_cast<size_t>(params.integer("bins"));
  info.history_us = params.duration("history", 15 * 60 * kMicrosPerSecond);
  info.range = read_range(context);
  const Micros window = context.input.window_us;
  if (window > 0) {
    info.expected_us = window;
    info.subtitle = format_duration(window) + " window";
  }
  if (!info.by.empty() && info.kind != ChartKind::kHistogram)
    info.subtitle += (info.subtitle.empty() ? "by " : ", by ") + joined(info.by);
  info.title = params.has("title") ? params.text("title")
               : info.kind == ChartKind::kHistogram ? info.x
                                                    : joined(info.y);
  context.reads.insert(info.x);
  context.reads.insert(info.y.begin(), info.y.end());
  context.reads.insert(info.by.begin(), info.by.end());
  context.reads.erase("time");
  SinkBuild build;
  build.address = params.text("chart") + " " + info.title;
  build.is_chart = true;
  build.guarantee_reason = "a chart shows what it got; it keeps nothing";
  build.sink = std::make_unique<ChartSink>(std::move(info), hub, context.input.arrival_time, window);
  return build;
}

}  // namespace

void register_chart(Registry& registry, Hub* hub) {
  using enum OptionType;
  SinkDescriptor chart;
  chart.kind = "chart";
  chart.summary = "draw the records on the live dashboard";
  chart.argument = {.name = "chart",
                    .type = kChoice,
                    .help = "what kind",
                    .choices = {"line", "histogram", "scatter"},
                    .required = true};
  chart.options = {
      {.name = "x", .type = kName, .help = "field along; time, or window_start after a window"},
      {.name = "y", .type = kNames, .help = "fields to draw; of a line every number after a window"},
      {.name = "by", .type = kNames, .help = "one series per value of these; the keys of the window above"},
      {.name = "title", .type = kText, .help = "the heading"},
      {.name = "unit", .type = kText, .help = "unit of y, as in °C"},
      {.name = "range", .type = kTexts, .help = "least and greatest y, as in [0, 100]"},
      {.name = "bins", .type = kInteger, .help = "about how many bins a histogram has", .least = 1, .greatest = 200},
      {.name = "history", .type = kDuration, .help = "how far back it shows", .fallback = "15m"},
  };
  chart.example = "- chart: line\n  y: temperature_mean\n  title: Mean temperature\n";
  chart.build = [hub](BuildContext& context) { return build_chart(context, hub); };
  registry.sink(std::move(chart));
}

}  // namespace streamflow::web
