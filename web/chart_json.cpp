#include "web/chart_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "web/json_text.h"
#include "web/reduce.h"

namespace streamflow::web {
namespace {

constexpr double kMicrosPerMilliFloat = 1000.0;
constexpr std::size_t kColumnsMin = 50;  // of a series in a reply, however many series there are

std::string_view kind_name(ChartKind kind) {
  switch (kind) {
    case ChartKind::kLine:
      return "line";
    case ChartKind::kScatter:
      return "scatter";
    case ChartKind::kHistogram:
      return "histogram";
  }
  return "line";
}

void append_strings(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, texts[i]);
  }
  out += ']';
}

void append_numbers(std::string& out, const std::vector<double>& numbers, double divisor) {
  out += '[';
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ',';
    append_json_number(out, numbers[i] / divisor);
  }
  out += ']';
}

void append_millis(std::string& out, std::optional<Micros> time) {
  if (time)
    append_json_number(out, static_cast<double>(*time) / kMicrosPerMilliFloat);
  else
    out += "null";
}

void append_series(std::string& out, const SeriesSnapshot& series, const Points& points,
                   bool x_is_time) {
  out += R"({"name":)";
  append_json_string(out, series.name);
  out += R"(,"slot":)";
  append_json_integer(out, series.slot);
  out += R"(,"x":)";
  append_numbers(out, points.x, x_is_time ? kMicrosPerMilliFloat : 1.0);
  out += R"(,"y":)";
  append_numbers(out, points.y, 1.0);
  out += '}';
}

void append_histogram(std::string& out, const HistogramState* histogram) {
  out += R"("histogram":)";
  if (histogram == nullptr) {
    out += "null";
    return;
  }
  out += R"({"start":)";
  append_json_number(out, histogram->start);
  out += R"(,"width":)";
  append_json_number(out, histogram->width);
  out += R"(,"counts":[)";
  for (std::size_t i = 0; i < histogram->counts.size(); ++i) {
    if (i > 0) out += ',';
    append_json_count(out, histogram->counts[i]);
  }
  out += R"(],"below":)";
  append_json_count(out, histogram->below);
  out += R"(,"above":)";
  append_json_count(out, histogram->above);
  out += R"(,"n":)";
  append_json_count(out, histogram->n);
  out += R"(,"p5":)";
  append_json_number(out, histogram->p5);
  out += R"(,"p50":)";
  append_json_number(out, histogram->p50);
  out += R"(,"p95":)";
  append_json_number(out, histogram->p95);
  out += '}';
}

// The last `count` points of the history whose x is within [from, to].
Points collect(const SeriesSnapshot& series, std::size_t count, double from, double to) {
  Points points;
  std::size_t skip = series.skip + series.size - std::min(count, series.size);
  for (const auto& chunk : series.chunks) {
    if (skip >= chunk->x.size()) {
      skip -= chunk->x.size();
      continue;
    }
    for (std::size_t i = skip; i < chunk->x.size(); ++i)
      if (chunk->x[i] >= from && chunk->x[i] <= to) points.add(chunk->x[i], chunk->y[i]);
    skip = 0;
  }
  return points;
}

std::uint64_t total_before(const ChartSnapshot& before, std::uint64_t id) {
  for (const auto& series : before.series)
    if (series->id == id) return series->total;
  return 0;
}

struct Fresh {
  const SeriesSnapshot* series;
  Points points;
};

std::vector<Fresh> collect_fresh(const ChartSnapshot& before, const ChartSnapshot& after) {
  std::vector<Fresh> fresh;
  for (const auto& series : after.series) {
    const std::uint64_t count = series->total - total_before(before, series->id);
    if (count == 0) continue;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, series->size));
    fresh.push_back({series.get(), collect(*series, wanted, -HUGE_VAL, HUGE_VAL)});
  }
  return fresh;
}

void reduce_fresh(std::vector<Fresh>& fresh, ChartKind kind) {
  std::size_t points = 0;
  for (const Fresh& one : fresh) points += one.points.size();
  if (points <= kDeltaPointsMax) return;
  const std::size_t share = std::max<std::size_t>(2, kDeltaPointsMax / fresh.size());
  for (Fresh& one : fresh) {
    if (one.points.size() <= share) continue;
    if (kind == ChartKind::kScatter) {
      one.points = reduce_by_stride(one.points, share);
    } else {
      sort_by_x(one.points);
      one.points =
          reduce_to_columns(one.points, one.points.x.front(), one.points.x.back(), share / 2);
    }
  }
}

}  // namespace

void append_chart_info(std::string& out, const ChartInfo& info, bool has_points) {
  out += R"({"id":)";
  append_json_string(out, info.id);
  out += R"(,"pipeline":)";
  append_json_string(out, info.pipeline);
  out.append(R"(,"kind":")").append(kind_name(info.kind)).append(R"(","title":)");
  append_json_string(out, info.title);
  out += R"(,"subtitle":)";
  append_json_string(out, info.subtitle);
  out += R"(,"unit":)";
  append_json_string(out, info.unit);
  out += R"(,"x":)";
  append_json_string(out, info.x);
  out += info.x_is_time ? R"(,"x_is_time":true,"y":)" : R"(,"x_is_time":false,"y":)";
  append_strings(out, info.y);
  out += R"(,"by":)";
  append_strings(out, info.by);
  out += R"(,"range":)";
  if (info.range)
    append_numbers(out, {info.range->first, info.range->second}, 1.0);
  else
    out += "null";
  out += R"(,"history_ms":)";
  append_millis(out, info.history_us);
  out += R"(,"expected_ms":)";
  append_millis(out, info.expected_us);
  out += R"(,"next_at":)";
  append_millis(out, has_points ? std::nullopt : info.next_at);
  out += '}';
}

void append_chart_data(std::string& out, const ChartInfo& info, const ChartSnapshot& snapshot,
                       const DataQuery& query, Micros now) {
  std::uint64_t received = 0, drawn = 0;
  std::string body;
  if (info.kind == ChartKind::kHistogram) {
    received = snapshot.in_history;
    drawn = snapshot.histogram ? snapshot.histogram->n : 0;
    append_histogram(body, snapshot.histogram.get());
  } else {
    const double from = query.from.value_or(-HUGE_VAL), to = query.to.value_or(HUGE_VAL);
    const std::size_t share = std::max(
        kColumnsMin, kReplyPointsMax / 2 / std::max<std::size_t>(1, snapshot.series.size()));
    const std::size_t columns = std::min({query.columns, kColumnsMax, share});
    body += R"("series":[)";
    for (const auto& series : snapshot.series) {
      if (series->size == 0) continue;
      Points points = collect(*series, series->size, from, to);
      received += points.size();
      if (info.kind == ChartKind::kLine && points.size() > 0) {
        sort_by_x(points);
        points = reduce_to_columns(points, query.from.value_or(points.x.front()),
                                   query.to.value_or(points.x.back()), columns);
      }
      drawn += points.size();
      if (body.back() != '[') body += ',';
      append_series(body, *series, points, info.x_is_time);
    }
    body += ']';
    // A scatter chart keeps its newest points only; without a range the reply says how many there
    // were.
    if (info.kind == ChartKind::kScatter && !query.from && !query.to)
      received = snapshot.in_history;
  }
  out += R"({"id":)";
  append_json_string(out, info.id);
  out += R"(,"seq":)";
  append_json_count(out, snapshot.seq);
  out += R"(,"now":)";
  append_millis(out, now);
  out += R"(,"received":)";
  append_json_count(out, received);
  out += R"(,"drawn":)";
  append_json_count(out, drawn);
  out.append(",").append(body).append("}");
}

void append_chart_delta(std::string& out, const ChartInfo& info, const ChartSnapshot& before,
                        const ChartSnapshot& after) {
  out += R"({"from":)";
  append_json_count(out, before.seq);
  out += R"(,"seq":)";
  append_json_count(out, after.seq);
  out += ',';
  if (info.kind == ChartKind::kHistogram) {
    append_histogram(out, after.histogram.get());
  } else {
    std::vector<Fresh> fresh = collect_fresh(before, after);
    reduce_fresh(fresh, info.kind);
    out += R"("series":[)";
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (i > 0) out += ',';
      append_series(out, *fresh[i].series, fresh[i].points, info.x_is_time);
    }
    out += ']';
  }
  out += '}';
}

}  // namespace streamflow::web
