#include "web/histogram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/web/chart_support.h"
#include "web/chart.h"

namespace streamflow::web {
namespace {

// Deterministic values, about normal: the sum of twelve uniform ones.
std::vector<double> normal(std::size_t n, double mean, double deviation, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(random()) / 4294967296.0;
    values.push_back(mean + deviation * sum);
  }
  return values;
}

std::uint64_t total(const HistogramState& state) {
  return std::accumulate(state.counts.begin(), state.counts.end(), state.below + state.above);
}

bool nice(double width) {
  const double part = width / std::pow(10.0, std::floor(std::log10(width) + 1e-9));
  for (const double wanted : {1.0, 2.0, 5.0})
    if (std::abs(part - wanted) < 1e-9) return true;
  return false;
}

TEST_CASE("histogram: widths are 1, 2 or 5 times a power of ten, edges multiples of them") {
  for (const double scale : {1e-9, 0.003, 0.7, 1.0, 42.0, 9.9e6}) {
    CAPTURE(scale);
    std::vector<double> values = normal(1000, 20 * scale, scale);
    const HistogramState state = HistogramBins().update(values, 1000, 0);
    CHECK(nice(state.width));
    const double index = state.start / state.width;
    CHECK(std::abs(index - std::round(index)) < 1e-6);
    CHECK(state.counts.size() >= 12);
    CHECK(state.counts.size() <= 60);
    CHECK(total(state) == 1000);
  }
}

TEST_CASE("histogram: Freedman and Diaconis' width, to the nearest nice one") {
  std::vector<double> values = normal(1000, 0, 1);
  CHECK(HistogramBins().update(values, 1000, 0).width == 0.2);  // 2·1.349/10 = 0.27
}

TEST_CASE("histogram: each value is in the bin that its digits say") {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back(i / 10.0);  // 0.3 / 0.1 is a little below 3
  const HistogramState state = HistogramBins({{0.0, 4.0}}, 40).update(values, 40, 0);
  CHECK(state.width == 0.1);
  CHECK(state.start == 0);
  CHECK(state.counts == std::vector<std::uint64_t>(40, 1));
}

TEST_CASE("histogram: whole numbers get no comb") {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i % 15);
  const HistogramState state = HistogramBins().update(values, 1000, 0);
  CHECK(state.width >= 1);
  for (const std::uint64_t count : state.counts) CHECK(count > 0);
}

TEST_CASE("histogram: one value, or one value many times, is one bin") {
  for (const double value : {0.0, 21.5, -3e-7, 1e12}) {
    CAPTURE(value);
    std::vector<double> values(1500, value);
    HistogramBins bins;
    for (int second = 0; second < 60; ++second) {
      const HistogramState state = bins.update(values, 1500, at(second));
      CHECK(state.counts == std::vector<std::uint64_t>{1500});
      CHECK(state.p5 == value);
      CHECK(state.p95 == value);
      CHECK(state.start <= value);
      CHECK(value < state.start + state.width);
    }
  }
}

TEST_CASE("histogram: quantiles are of all values") {
  std::vector<double> values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  const HistogramState state = HistogramBins().update(values, 101, 0);
  CHECK(state.p5 == 5);
  CHECK(state.p50 == 50);
  CHECK(state.p95 == 95);
  CHECK(state.n == 101);
}

TEST_CASE("histogram: far outliers are counted beside, and do not widen the bins") {
  std::vector<double> values = normal(1000, 0, 1);
  values[10] = 1e9;
  values[20] = -1e9;
  values[30] = 1e12;
  const HistogramState state = HistogramBins().update(values, 1000, 0);
  CHECK(state.width == 0.2);
  CHECK(state.below == 1);
  CHECK(state.above == 2);
  CHECK(state.counts.size() <= 60);
  CHECK(total(state) == 1000);
}

TEST_CASE("histogram: the width is chosen anew until 1,000 values are known, then kept") {
  HistogramBins bins;
  std::vector<double> few = normal(10, 0, 1);
  const double first = bins.update(few, 10, at(0)).width;
  std::vector<double> many = normal(1000, 0, 1);
  const double settled = bins.update(many, 1000, at(1)).width;
  CHECK(first > settled);
  std::vector<double> other = normal(1000, 0, 2, 5);
  CHECK(bins.update(other, 2000, at(2)).width == settled);
}

TEST_CASE(
    "histogram: after 10 s of too many bins they are merged, of too few they are split, as "
    "wholes") {
  HistogramBins bins;
  std::vector<double> values = normal(1000, 0, 1);
  const double settled = bins.update(values, 1000, at(0)).width;
  std::vector<double> wide = normal(1000, 0, 3, 2);
  CHECK(bins.update(wide, 2000, at(1)).width == settled);
  CHECK(bins.update(wide, 2000, at(10)).width == settled);
  const double merged = bins.update(wide, 2000, at(11)).width;
  CHECK(merged > settled);
  CHECK(std::fmod(std::round(merged / settled * 1e6), 1e6) == 0);
  std::vector<double> narrow = normal(1000, 0, 0.1, 3);
  CHECK(bins.update(narrow, 3000, at(20)).width == merged);
  const HistogramState split = bins.update(narrow, 3000, at(30));
  CHECK(split.counts.size() >= 12);
  CHECK(std::fmod(std::round(merged / split.width * 1e6), 1e6) == 0);
}

TEST_CASE("histogram: a short excursion changes nothing") {
  HistogramBins bins;
  std::vector<double> values = normal(1000, 0, 1);
  std::vector<double> wide = normal(1000, 0, 3, 2);
  const double settled = bins.update(values, 1000, at(0)).width;
  for (int second = 1; second < 60; ++second)
    CHECK(bins.update(second % 8 == 0 ? values : wide, 2000, at(second)).width == settled);
}

TEST_CASE("histogram: a jump out of all proportion is followed at once, and stays bounded") {
  HistogramBins bins;
  std::vector<double> values = normal(1000, 0, 1e-6);
  bins.update(values, 1000, at(0));
  std::vector<double> huge = normal(1000, 0, 1e290, 2);
  const HistogramState state = bins.update(huge, 2000, at(1));
  CHECK(state.counts.size() <= 60);
  CHECK(total(state) == 1000);
}

TEST_CASE("histogram: a given range is what is shown") {
  std::vector<double> values = normal(1000, 5, 5);
  const HistogramState state = HistogramBins({{0.0, 10.0}}).update(values, 1000, 0);
  CHECK(state.start == 0);
  CHECK(state.start + state.width * static_cast<double>(state.counts.size()) ==
        doctest::Approx(10));
  CHECK(state.below > 0);
  CHECK(state.above > 0);
}

TEST_CASE("chart: histogram values leave by age and by number; its JSON is as the contract says") {
  ChartInfo info = line_info();
  info.kind = ChartKind::kHistogram;
  info.points_max = 100;
  info.history_us = 60 * kMicrosPerSecond;
  Chart chart(info);
  for (int i = 0; i < 500; ++i) chart.append(i);
  chart.flush(at(0));
  CHECK(chart.snapshot()->histogram->n == 100);
  CHECK(chart.snapshot()->histogram->p50 == 449.5);
  for (int second = 1; second <= 60; ++second) {
    chart.append(1.25);
    chart.append(std::nan(""));
    chart.flush(at(second));
  }
  CHECK(chart.snapshot()->histogram->n == 100);
  chart.append(1.25);
  chart.flush(at(61));
  CHECK(chart.snapshot()->histogram->n == 61);
  CHECK(
      data_of(chart) ==
      R"({"id":"temperature.main.3","seq":621,"now":0,"received":121,"drawn":61,"histogram":{"start":1.2,"width":0.1,)"
      R"("counts":[61],"below":0,"above":0,"n":61,"p5":1.25,"p50":1.25,"p95":1.25}})");
}

}  // namespace
}  // namespace streamflow::web
