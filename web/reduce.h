// Fewer points that look the same at a given width.
#pragma once

#include <cstddef>
#include <vector>

namespace streamflow::web {

// Parallel columns; a NaN in y is a null value, where a line breaks.
struct Points {
  std::vector<double> x;
  std::vector<double> y;

  std::size_t size() const { return x.size(); }
  void add(double px, double py) {
    x.push_back(px);
    y.push_back(py);
  }
};

// Puts points in the order of x; those with one x stay in the order in which they came.
void sort_by_x(Points& points);

// Cuts [from, to] into columns of equal width and keeps of each the least and the greatest y and,
// if there is a null, one null, in their order: at most three points a column, and every peak.
// Points must be in the order of x; those outside count for the first or last column.  At most
// 2*columns points stay as they are.
Points reduce_to_columns(const Points& points, double from, double to, std::size_t columns);

// Keeps about max points at equal distances, the last one among them.  For scatter charts, where a
// column's extremes would show a shape that is not there.
Points reduce_by_stride(const Points& points, std::size_t max);

}  // namespace streamflow::web
