// A chart as the HTTP API writes it (docs/http-api.md).  Times become milliseconds here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/time.h"
#include "web/chart.h"

namespace streamflow::web {

// What one reply or event may hold, however many series there are: it is written on the server's
// thread.
inline constexpr std::size_t kReplyPointsMax = 20'000;
inline constexpr std::size_t kDeltaPointsMax = 2'000;
inline constexpr std::size_t kColumnsDefault = 1'000;
inline constexpr std::size_t kColumnsMax = 4'000;

struct DataQuery {
  std::optional<double> from;  // in x's own unit, Micros for a time; both ends are part of it
  std::optional<double> to;
  std::size_t columns = kColumnsDefault;
};

// One element of GET /api/v1/charts.
void append_chart_info(std::string& out, const ChartInfo& info, bool has_points);

// The reply of GET /api/v1/charts/ID/data.  Lines are put in the order of x and reduced to at most
// three points (least, greatest, a null) a column; scatter points are all there, since points_max
// bounds them.
void append_chart_data(std::string& out, const ChartInfo& info, const ChartSnapshot& snapshot,
                       const DataQuery& query, Micros now);

// The chart's entry in a `charts` event: what came between two snapshots.  Points are in the order
// of arrival.  A delta of more than kDeltaPointsMax points is reduced, lines by columns and scatter
// by distance; `seq` tells how many there were.
void append_chart_delta(std::string& out, const ChartInfo& info, const ChartSnapshot& before,
                        const ChartSnapshot& after);

}  // namespace streamflow::web
