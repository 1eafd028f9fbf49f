#include "web/chart.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/web/chart_support.h"
#include "web/chart_json.h"

namespace streamflow::web {
namespace {

const double kNull = std::numeric_limits<double>::quiet_NaN();

std::size_t points_in(const ChartSnapshot& snapshot) {
  std::size_t points = 0;
  for (const auto& series : snapshot.series) points += series->size;
  return points;
}

const SeriesSnapshot* series_named(const ChartSnapshot& snapshot, std::string_view name) {
  for (const auto& series : snapshot.series)
    if (series->name == name) return series.get();
  return nullptr;
}

TEST_CASE("chart: nothing is seen before flush, and flush publishes at most every 100 ms") {
  Chart chart(line_info());
  CHECK_FALSE(chart.flush(at(0)));
  chart.append("a", at(0), 1);
  CHECK(chart.snapshot()->seq == 0);
  CHECK_FALSE(chart.flush(at(0)));
  CHECK(chart.snapshot()->seq == 1);
  chart.append("a", at(1), 2);
  CHECK(chart.flush(at(0) + 99'000) == at(0) + 100'000);
  CHECK(chart.snapshot()->seq == 1);
  CHECK_FALSE(chart.flush(at(0) + 100'000));
  CHECK(chart.snapshot()->seq == 2);
}

TEST_CASE("chart: a snapshot once taken never changes") {
  Chart chart(line_info());
  chart.append("a", at(0), 1);
  chart.flush(at(0));
  const ChartSnapshotPtr early = chart.snapshot();
  for (int i = 1; i < 5000; ++i) {
    chart.append("a", at(i), i);
    chart.flush(at(i));
  }
  CHECK(points_of(*early, "a") == std::vector<std::pair<double, double>>{{at(0), 1}});
}

TEST_CASE("chart: successive deltas hold every point once, in order") {
  Chart chart(line_info());
  ChartSnapshotPtr before = chart.snapshot();
  std::vector<double> seen;
  double next = 0;
  for (int turn = 0; turn < 300; ++turn) {
    for (int i = 0; i < turn % 7 * (turn % 3 == 0 ? 90 : 1); ++i) {
      const double value = next++;
      chart.append(turn % 2 == 0 ? "a" : "b", at(0) + value, value);
    }
    chart.flush(at(turn));
    const ChartSnapshotPtr after = chart.snapshot();
    std::string json;
    append_chart_delta(json, chart.info(), *before, *after);
    CHECK(json.find("\"from\":" + std::to_string(before->seq) +
                    ",\"seq\":" + std::to_string(after->seq) + ",") == 1);
    for (const double y : numbers_after(json, "\"y\":[")) seen.push_back(y);
    before = after;
  }
  std::vector<double> all;
  for (double value = 0; value < next; ++value) all.push_back(value);
  CHECK(seen == all);
}

TEST_CASE("chart: lines keep points_max points of each series, exactly the newest") {
  ChartInfo info = line_info();
  info.points_max = 1000;
  Chart chart(info);
  for (int i = 0; i < 4321; ++i) {
    chart.append("busy", at(0) + i, i);
    if (i % 10 == 0) chart.append("quiet", at(0) + i, i);
    if (i % 97 == 0) chart.flush(at(0) + i * kMicrosPerMilli);
  }
  chart.flush(at(5));
  const ChartSnapshotPtr snapshot = chart.snapshot();
  const auto busy = points_of(*snapshot, "busy");
  REQUIRE(busy.size() == 1000);
  for (std::size_t i = 0; i < 1000; ++i) CHECK(busy[i].second == 3321.0 + static_cast<double>(i));
  CHECK(points_of(*snapshot, "quiet").size() == 433);
  CHECK(snapshot->seq == 4321 + 433);
}

TEST_CASE("chart: a burst between two flushes is held to points_max too") {
  ChartInfo info = line_info();
  info.points_max = 1000;
  Chart chart(info);
  for (int i = 0; i < 100'000; ++i) chart.append("a", i, i);
  chart.flush(at(0));
  const auto points = points_of(*chart.snapshot(), "a");
  REQUIRE(points.size() == 1000);
  CHECK(points.front().second == 99'000);
  CHECK(points.back().second == 99'999);
  CHECK(chart.snapshot()->seq == 100'000);
}

TEST_CASE("chart: scatter keeps points_max points of all series together") {
  ChartInfo info = line_info();
  info.kind = ChartKind::kScatter;
  info.points_max = 500;
  Chart chart(info);
  for (int i = 0; i < 3000; ++i) {
    chart.append("s" + std::to_string(i % 3), i, i);
    if (i % 50 == 49) chart.flush(at(i));
  }
  CHECK(points_in(*chart.snapshot()) == 500);
  // 900 s of history, a point each second, published by fifties.
  CHECK(chart.snapshot()->in_history >= 900);
  CHECK(chart.snapshot()->in_history <= 950);
  for (const char* name : {"s0", "s1", "s2"})
    for (const auto& [x, y] : points_of(*chart.snapshot(), name)) CHECK(y >= 3000 - 500 - 50);
}

TEST_CASE("chart: points leave when they are older than the history, by arrival") {
  ChartInfo info = line_info();
  info.history_us = 60 * kMicrosPerSecond;
  Chart chart(info);
  for (int i = 0; i < 300; ++i) {
    chart.append("a", 0, i);  // x is old from the start, which does not matter
    chart.flush(at(i));
  }
  const auto points = points_of(*chart.snapshot(), "a");
  CHECK(points.back().second == 299);
  CHECK(points.front().second <= 239);
  CHECK(points.front().second >= 237);  // a chunk spans a sixtieth of the history
}

TEST_CASE("chart: a series that stopped leaves with its points, and finds its slot again") {
  ChartInfo info = line_info();
  info.history_us = 10 * kMicrosPerSecond;
  Chart chart(info);
  chart.append("gone", at(0), 1);
  for (int i = 0; i < 30; ++i) {
    chart.append("stays", at(i), 1);
    chart.flush(at(i));
  }
  CHECK(series_named(*chart.snapshot(), "gone")->size == 0);
  CHECK(data_of(chart).find("gone") == std::string::npos);
  chart.append("gone", at(31), 1);
  chart.flush(at(31));
  CHECK(series_named(*chart.snapshot(), "gone")->slot == 1);
}

TEST_CASE(
    "chart: history counts from the newest arrival, so that a source that stops stays visible") {
  Chart chart(line_info());
  chart.append("a", at(0), 1);
  chart.flush(at(0));
  CHECK_FALSE(chart.flush(at(100'000)));
  CHECK(points_in(*chart.snapshot()) == 1);
}

TEST_CASE("chart: the first eight series have a slot, the others none") {
  Chart chart(line_info());
  for (int i = 0; i < 12; ++i) chart.append("s" + std::to_string(i), at(0), 1);
  chart.flush(at(0));
  std::vector<int> slots;
  for (const auto& series : chart.snapshot()->series) slots.push_back(series->slot);
  CHECK(slots == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0});
}

TEST_CASE(
    "chart: of more than 50 keys the busiest take the places without a slot; the rest is counted") {
  Chart chart(line_info());
  for (int second = 0; second <= 12; ++second) {
    for (int i = 0; i < 60; ++i) chart.append("s" + std::to_string(i), at(second), 1);
    for (int i = 0; i < 5; ++i) chart.append("s55", at(second), 1);
    chart.flush(at(second));
  }
  const ChartSnapshotPtr snapshot = chart.snapshot();
  CHECK(snapshot->series.size() == 50);
  CHECK(series_named(*snapshot, "s55") != nullptr);
  CHECK(series_named(*snapshot, "s56") == nullptr);
  for (int i = 0; i < 8; ++i)
    CHECK(series_named(*snapshot, "s" + std::to_string(i))->slot == i + 1);
  CHECK(snapshot->unshown > 0);
  CHECK(snapshot->seq == 13 * 65);
}

TEST_CASE("chart: many keys that come once cost bounded memory and leave the places alone") {
  Chart chart(line_info());
  for (int i = 0; i < 50; ++i) chart.append("k" + std::to_string(i), at(0), 1);
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 50; ++i) chart.append("k" + std::to_string(i), at(second), 1);
    for (int i = 0; i < 3000; ++i)
      chart.append("once" + std::to_string(second * 3000 + i), at(second), 1);
    chart.flush(at(second));
  }
  for (int i = 0; i < 50; ++i)
    CHECK(series_named(*chart.snapshot(), "k" + std::to_string(i)) != nullptr);
  CHECK(chart.snapshot()->unshown == 90'000);
}

TEST_CASE("chart: names of series are bounded, and those that begin alike stay apart") {
  Chart chart(line_info());
  const std::string most(Chart::kNameBytesMax, 'm');
  std::string accents;
  while (accents.size() < 1000) accents += "é";
  chart.append(most, 1, 1);
  chart.append(accents + "1", 1, 1);
  chart.append(accents + "2", 1, 1);
  chart.append(accents + "1", 2, 2);
  for (int i = 0; i < 2000; ++i)
    chart.append(std::string(100'000, 'k') + std::to_string(i), 1, 1);
  chart.flush(at(0));
  const ChartSnapshotPtr snapshot = chart.snapshot();
  CHECK(snapshot->series[0]->name == most);
  CHECK(snapshot->series[1]->size == 2);
  CHECK(snapshot->series[2]->size == 1);
  for (const auto& series : snapshot->series) CHECK(series->name.size() <= Chart::kNameBytesMax);
  CHECK(snapshot->series[1]->name.find("é… ") != std::string::npos);
}

TEST_CASE("chart: charts that share their slots agree on a key's colour") {
  const auto slots = std::make_shared<SeriesSlots>();
  Chart first(line_info(), slots);
  Chart second(line_info(), slots);
  for (const char* name : {"a", "b", "c"}) first.append(name, 1, 1);
  for (const char* name : {"c", "d", "a"}) second.append(name, 1, 1);
  first.flush(at(0));
  second.flush(at(0));
  CHECK(series_named(*first.snapshot(), "c")->slot == 3);
  CHECK(series_named(*second.snapshot(), "c")->slot == 3);
  CHECK(series_named(*second.snapshot(), "d")->slot == 4);
  CHECK(series_named(*second.snapshot(), "a")->slot == 1);
}

TEST_CASE("chart: what cannot be drawn is counted or becomes null") {
  Chart chart(line_info());
  chart.append("a", kNull, 1);
  chart.append("a", std::numeric_limits<double>::infinity(), 1);
  chart.append("a", at(1), kNull);
  chart.append("a", at(2), -std::numeric_limits<double>::infinity());
  chart.append("a", at(3), 3);
  chart.flush(at(3));
  CHECK(chart.snapshot()->seq == 5);
  CHECK(chart.snapshot()->unshown == 2);
  CHECK(data_of(chart).find("\"y\":[null,null,3]") != std::string::npos);
}

TEST_CASE("chart json: data is as the contract says") {
  Chart chart(line_info());
  chart.append("dev-01", 1'764'099'000'000'000.0, 25.5);
  chart.append("dev-01", 1'764'099'001'500'500.0, kNull);
  chart.append("dev-\"2\"", 1'764'099'000'000'000.0, 0.1);
  chart.flush(at(0));
  CHECK(
      data_of(chart, {}, 1'764'099'012'345'000) ==
      R"({"id":"temperature.main.3","seq":3,"now":1764099012345,"received":3,"drawn":3,"series":[)"
      R"({"name":"dev-01","slot":1,"x":[1764099000000,1764099001500.5],"y":[25.5,null]},)"
      R"({"name":"dev-\"2\"","slot":2,"x":[1764099000000],"y":[0.1]}]})");
}

TEST_CASE("chart json: before the first point") {
  CHECK(data_of(Chart(line_info()), {}, 0) ==
        R"({"id":"temperature.main.3","seq":0,"now":0,"received":0,"drawn":0,"series":[]})");
  ChartInfo info = line_info();
  info.kind = ChartKind::kHistogram;
  CHECK(data_of(Chart(info), {}, 0) ==
        R"({"id":"temperature.main.3","seq":0,"now":0,"received":0,"drawn":0,"histogram":null})");
}

TEST_CASE("chart json: the description is as the contract says") {
  ChartInfo info = line_info();
  info.title = "Température moyenne par minute";
  info.subtitle = "60s mean, by device";
  info.unit = "°C";
  info.x = "window_start";
  info.y = {"temperature_mean"};
  info.by = {"device"};
  info.expected_us = 60 * kMicrosPerSecond;
  info.next_at = 1'764'099'060'000'000;
  std::string json;
  append_chart_info(json, info, false);
  CHECK(
      json ==
      R"({"id":"temperature.main.3","pipeline":"temperature","kind":"line","title":"Température moyenne par minute",)"
      R"("subtitle":"60s mean, by device","unit":"°C","x":"window_start","x_is_time":true,"y":["temperature_mean"],)"
      R"("by":["device"],"range":null,"history_ms":900000,"expected_ms":60000,"next_at":1764099060000})");
  info.range = {0.0, 1.5};
  info.expected_us.reset();
  json.clear();
  append_chart_info(json, info, true);
  CHECK(json.find(R"("range":[0,1.5],"history_ms":900000,"expected_ms":null,"next_at":null})") !=
        std::string::npos);
}

TEST_CASE("chart json: from and to choose, px reduces, and peaks stay") {
  Chart chart(line_info());
  for (int i = 0; i < 9000; ++i)
    chart.append("a", at(i), i == 4567 ? 1000 : i == 1234 ? -1000 : i % 10);
  chart.flush(at(0));
  DataQuery query;
  query.columns = 100;
  const std::string whole = data_of(chart, query);
  const std::vector<double> y = numbers_after(whole, "\"y\":[");
  CHECK(y.size() <= 200);
  CHECK(std::count(y.begin(), y.end(), 1000) == 1);
  CHECK(std::count(y.begin(), y.end(), -1000) == 1);
  CHECK(whole.find("\"received\":9000,\"drawn\":" + std::to_string(y.size())) != std::string::npos);
  query.from = at(10);
  query.to = at(19);
  CHECK(numbers_after(data_of(chart, query), "\"y\":[") ==
        std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  query.to = at(5);
  CHECK(data_of(chart, query).find("\"received\":0,\"drawn\":0") != std::string::npos);
}

TEST_CASE("chart json: points that came late stand in their place") {
  Chart chart(line_info());
  for (const int second : {1, 2, 4, 3}) chart.append("a", at(second), second);
  chart.flush(at(0));
  CHECK(numbers_after(data_of(chart), "\"y\":[") == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("chart json: a reply is bounded however many series there are") {
  Chart chart(line_info());
  for (int i = 0; i < 10'000; ++i)
    for (int s = 0; s < 50; ++s) chart.append("s" + std::to_string(s), at(i), i % 100);
  chart.flush(at(0));
  DataQuery query;
  query.columns = 100'000;
  CHECK(numbers_after(data_of(chart, query), "\"y\":[").size() <= kReplyPointsMax);
}

TEST_CASE("chart json: a delta of very many points is reduced") {
  for (const ChartKind kind : {ChartKind::kLine, ChartKind::kScatter}) {
    ChartInfo info = line_info();
    info.kind = kind;
    Chart chart(info);
    const ChartSnapshotPtr before = chart.snapshot();
    for (int i = 0; i < 9000; ++i) chart.append("a", at(i), i == 4567 ? 1000 : i % 10);
    chart.flush(at(0));
    std::string json;
    append_chart_delta(json, info, *before, *chart.snapshot());
    const std::vector<double> y = numbers_after(json, "\"y\":[");
    CHECK(y.size() <= kDeltaPointsMax);
    CHECK(y.size() >= kDeltaPointsMax / 2);
    if (kind == ChartKind::kLine) CHECK(std::count(y.begin(), y.end(), 1000) == 1);
  }
}

TEST_CASE("chart: one thread writes while another reads") {
  Chart chart(line_info());
  std::atomic<bool> done = false;
  std::thread reader([&] {
    std::uint64_t last = 0;
    while (!done) {
      const ChartSnapshotPtr snapshot = chart.snapshot();
      CHECK(snapshot->seq >= last);
      last = snapshot->seq;
      data_of(chart);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    chart.append(i % 3 == 0 ? "a" : "b", at(i), i);
    chart.flush(at(i));
  }
  done = true;
  reader.join();
  CHECK(chart.snapshot()->seq == 2000);
}

}  // namespace
}  // namespace streamflow::web
