#include "operators/noise/outlier_rules.h"

#include <cmath>

namespace streamflow {
namespace {

constexpr double kNormal =
    1.4826;  // MAD to standard deviation of normal values, as in Hampel's rule

// By the distance from a center in units of `unit`; 0: any other value is an outlier.
void by_distance(Verdict& verdict, double x, double center, double unit, double k) {
  verdict.low = center - k * unit;
  verdict.high = center + k * unit;
  verdict.outlier = std::abs(x - center) > k * unit;
  if (unit == 0) return;
  verdict.scored = true;
  verdict.score = (x - center) / unit;
}

void by_quartiles(Verdict& verdict, const ValueWindow& window, double x, double k) {
  const double q1 = window.quantile(0.25);
  const double q3 = window.quantile(0.75);
  const double range = q3 - q1;
  verdict.low = q1 - k * range;
  verdict.high = q3 + k * range;
  verdict.outlier = x < verdict.low || x > verdict.high;
  if (range == 0) return;
  verdict.scored = true;
  if (x > q3) verdict.score = (x - q3) / range;
  if (x < q1) verdict.score = (x - q1) / range;
}

void by_mean(Verdict& verdict, const ValueWindow& window, double x, double k) {
  const double mean = window.mean();
  const double spread = window.spread(mean);
  if (spread == 0) {
    verdict.low = verdict.high = x;
    return;
  }
  by_distance(verdict, x, mean, spread, k);
}

}  // namespace

OutlierMethod outlier_method(std::string_view name) {
  if (name == "zscore") return OutlierMethod::kZscore;
  if (name == "iqr") return OutlierMethod::kIqr;
  return name == "mad" ? OutlierMethod::kMad : OutlierMethod::kHampel;
}

Verdict judge(OutlierMethod method, ValueWindow& window, double x, size_t n, double k) {
  Verdict verdict;
  if (method == OutlierMethod::kHampel) window.add(x, n);
  verdict.decided = window.size() == n;
  if (verdict.decided) {
    verdict.median = window.median();
    switch (method) {
      case OutlierMethod::kHampel:
      case OutlierMethod::kMad:
        by_distance(verdict, x, verdict.median, kNormal * window.deviation(verdict.median), k);
        break;
      case OutlierMethod::kZscore:
        by_mean(verdict, window, x, k);
        break;
      case OutlierMethod::kIqr:
        by_quartiles(verdict, window, x, k);
        break;
    }
  }
  if (method != OutlierMethod::kHampel) window.add(x, n);
  return verdict;
}

}  // namespace streamflow
