// What each method of `outliers` makes of a value and its window.
#pragma once

#include <string_view>

#include "operators/noise/value_window.h"

namespace streamflow {

struct Verdict {
  bool decided = false;  // the window had n values
  bool outlier = false;
  bool scored = false;
  double score = 0;
  double median = 0;         // of the window
  double low = 0, high = 0;  // what is no outlier lies between them
};

enum class OutlierMethod : unsigned char { kHampel, kZscore, kIqr, kMad };
OutlierMethod outlier_method(std::string_view name);

// Judges x and adds it to the window.
Verdict judge(OutlierMethod method, ValueWindow& window, double x, size_t n, double k);

}  // namespace streamflow
