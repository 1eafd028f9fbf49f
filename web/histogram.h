// Bins that hold still: how a histogram chart chooses, keeps and changes its bin width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/time.h"

namespace streamflow::web {

// Bins are [start + i*width, start + (i+1)*width); quantiles are of all n values, also those
// outside.
struct HistogramState {
  double start = 0;
  double width = 1;
  std::vector<std::uint64_t> counts;
  std::uint64_t below = 0;
  std::uint64_t above = 0;
  std::uint64_t n = 0;
  double p5 = 0;
  double p50 = 0;
  double p95 = 0;
};

// 1, 2 or 5 times a power of ten, kept apart so that edges come out as the decimals people expect.
struct BinWidth {
  int mantissa = 1;
  int exponent = 0;

  double value() const { return edge(1); }
  double edge(double index) const;  // index * width, rounded once
  // Of the bin that holds the value; a value within rounding of an edge is on it.
  double index_of(double value) const;
  BinWidth merged() const;  // the next width of which this one is a whole part: 2 or 5 times
  BinWidth split() const;   // the next width that is a whole part of this one

  // The nearest on a logarithmic scale.  raw > 0.
  static BinWidth nearest(double raw);
};

// Edges are multiples of the width, so bins never shift.  Until 1,000 values are known the width
// follows the rule of Freedman and Diaconis (1981), 2·IQR/∛n, but not below the smallest distance
// of two values (else whole numbers give a comb).  After that it changes only when fewer than 12 or
// more than 60 bins are in use for 10 s, and then bins are split or merged as wholes.  Bins in use
// are counted between the extremes of those values that lie within p5 − 1.5·(p95 − p5) and p95
// + 1.5·(p95 − p5); others are counted below and above.
//
// Single-threaded.  O(n) a call, O(n log n) where a width is chosen.
class HistogramBins {
 public:
  static constexpr std::size_t kSampleSize = 1'000;
  static constexpr double kBinsInUseMin = 12;
  static constexpr double kBinsInUseMax = 60;
  static constexpr double kBinsMax = 200;  // beyond, no waiting
  static constexpr Micros kChangeAfter = 10 * kMicrosPerSecond;

  // range: what to show, whatever the values are.  bins: about how many over the values' span (0:
  // by rule).
  explicit HistogramBins(std::optional<std::pair<double, double>> range = {}, std::size_t bins = 0);

  // values: those of the history, finite, at least one, in the order of their arrival; reordered by
  // the call.  received: how many ever came.
  HistogramState update(std::span<double> values, std::uint64_t received, Micros now);

 private:
  struct Extent {
    double low, high;
  };

  static Extent whiskers(std::span<const double> values, const HistogramState& state);
  BinWidth choose(std::span<const double> values) const;
  BinWidth fit(BinWidth width, Extent extent, std::span<const double> values) const;
  double bins_in_use(BinWidth width, Extent extent) const;
  void adapt(Extent extent, std::span<const double> values, Micros now);

  std::optional<std::pair<double, double>> range_;
  std::size_t bins_;
  BinWidth width_;
  bool settled_ = false;
  std::optional<Micros> unfit_since_;
};

}  // namespace streamflow::web
