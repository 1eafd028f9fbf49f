// Small things that several chart tests need.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "web/chart.h"
#include "web/chart_json.h"

namespace streamflow::web {

// Seconds after some moment, as Micros.
inline Micros at(int seconds) { return 1'764'099'000'000'000 + seconds * kMicrosPerSecond; }

inline ChartInfo line_info() {
  ChartInfo info;
  info.id = "temperature.main.3";
  info.pipeline = "temperature";
  return info;
}

inline std::vector<std::pair<double, double>> points_of(const ChartSnapshot& snapshot,
                                                        std::string_view name) {
  std::vector<std::pair<double, double>> points;
  for (const auto& series : snapshot.series) {
    if (series->name != name) continue;
    std::size_t skip = series->skip;
    for (const auto& chunk : series->chunks) {
      for (std::size_t i = skip; i < chunk->x.size(); ++i)
        points.emplace_back(chunk->x[i], chunk->y[i]);
      skip = 0;
    }
  }
  return points;
}

inline std::string data_of(const Chart& chart, const DataQuery& query = {}, Micros now = 0) {
  std::string json;
  append_chart_data(json, chart.info(), *chart.snapshot(), query, now);
  return json;
}

// All numbers of all lists that follow the mark; null is NaN.
inline std::vector<double> numbers_after(const std::string& json, std::string_view mark) {
  std::vector<double> numbers;
  for (std::size_t i = json.find(mark); i != std::string::npos; i = json.find(mark, i)) {
    i += mark.size();
    while (json[i] != ']') {
      numbers.push_back(json[i] == 'n' ? std::numeric_limits<double>::quiet_NaN()
                                       : std::atof(json.c_str() + i));
      i = json.find_first_of(",]", i);
      if (json[i] == ',') ++i;
    }
  }
  return numbers;
}

}  // namespace streamflow::web
