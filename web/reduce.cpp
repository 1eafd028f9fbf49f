#include "web/reduce.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace streamflow::web {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// What is kept of one column: indexes of the least, the greatest and the first null.
struct Column {
  std::size_t low = kNone, high = kNone, null = kNone;

  void add(const Points& points, std::size_t i) {
    const double y = points.y[i];
    if (std::isnan(y)) {
      if (null == kNone) null = i;
      return;
    }
    if (low == kNone || y < points.y[low]) low = i;
    if (high == kNone || y > points.y[high]) high = i;
  }

  void move_to(const Points& points, Points& out) {
    std::array<std::size_t, 3> kept = {low, high, null};
    std::sort(kept.begin(), kept.end());  // kNone is the greatest
    const auto end = std::unique(kept.begin(), kept.end());
    for (auto i = kept.begin(); i != end && *i != kNone; ++i) out.add(points.x[*i], points.y[*i]);
    *this = {};
  }
};

}  // namespace

void sort_by_x(Points& points) {
  if (std::is_sorted(points.x.begin(), points.x.end())) return;
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&points](std::size_t a, std::size_t b) { return points.x[a] < points.x[b]; });
  Points sorted;
  sorted.x.reserve(points.size());
  sorted.y.reserve(points.size());
  for (const std::size_t i : order) sorted.add(points.x[i], points.y[i]);
  points = std::move(sorted);
}

Points reduce_to_columns(const Points& points, double from, double to, std::size_t columns) {
  if (columns == 0 || points.size() <= 2 * columns) return points;
  const double scale = to > from ? static_cast<double>(columns) / (to - from) : 0;
  const double last = static_cast<double>(columns - 1);
  Points out;
  Column column;
  double present = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double at = std::clamp(std::floor((points.x[i] - from) * scale), 0.0, last);
    if (at != present) column.move_to(points, out);
    present = at;
    column.add(points, i);
  }
  column.move_to(points, out);
  return out;
}

Points reduce_by_stride(const Points& points, std::size_t max) {
  if (max == 0 || points.size() <= max) return points;
  const std::size_t stride = (points.size() + max - 1) / max;
  Points out;
  for (std::size_t i = (points.size() - 1) % stride; i < points.size(); i += stride)
    out.add(points.x[i], points.y[i]);
  return out;
}

}  // namespace streamflow::web
