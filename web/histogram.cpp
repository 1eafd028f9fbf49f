#include "web/histogram.h"

#include <algorithm>
#include <cmath>

namespace streamflow::web {
namespace {

constexpr double kFence = 1.5;
constexpr int kExponentMax = 300;  // keeps 10^e a normal number
// Below this part of the greatest magnitude a double has too few digits left for edges to mean
// anything.
constexpr double kWidthMinRelative = 1e-12;

// Linear interpolation between order statistics (Hyndman and Fan's type 7).  Reorders values.
double quantile(std::span<double> values, double q) {
  const double position = q * static_cast<double>(values.size() - 1);
  const auto k = static_cast<std::ptrdiff_t>(position);
  std::nth_element(values.begin(), values.begin() + k, values.end());
  const double low = values[static_cast<std::size_t>(k)];
  const double part = position - static_cast<double>(k);
  if (part == 0) return low;
  const double high = *std::min_element(values.begin() + k + 1, values.end());
  return low + part * (high - low);
}

std::vector<double> sorted_copy(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// The smallest distance of two different values; 0 if all are equal.
double smallest_gap(const std::vector<double>& sorted) {
  double gap = 0;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const double d = sorted[i] - sorted[i - 1];
    if (d > 0 && (gap == 0 || d < gap)) gap = d;
  }
  return gap;
}

std::size_t count_distinct(std::vector<double> sorted) {
  return static_cast<std::size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
}

}  // namespace

double BinWidth::edge(double index) const {
  const double m = index * mantissa;
  return exponent >= 0 ? m * std::pow(10.0, exponent) : m / std::pow(10.0, -exponent);
}

double BinWidth::index_of(double v) const {
  const double quotient = v / value();
  const double nearest_edge = std::round(quotient);
  const double tolerance = 1e-9 * std::max(1.0, std::abs(quotient));
  return std::abs(quotient - nearest_edge) <= tolerance ? nearest_edge : std::floor(quotient);
}

BinWidth BinWidth::merged() const {
  if (mantissa == 1) return {2, exponent};
  return {1, exponent + 1};  // 2 to 10 and 5 to 10: five and two bins in one
}

BinWidth BinWidth::split() const {
  if (mantissa == 1) return {5, exponent - 1};
  return {1, exponent};  // 2 to 1 and 5 to 1
}

BinWidth BinWidth::nearest(double raw) {
  int exponent = static_cast<int>(std::floor(std::log10(raw)));
  exponent = std::clamp(exponent, -kExponentMax, kExponentMax);
  const double part = raw / std::pow(10.0, exponent);
  if (part < std::sqrt(2.0)) return {1, exponent};
  if (part < std::sqrt(10.0)) return {2, exponent};
  if (part < std::sqrt(50.0)) return {5, exponent};
  return {1, exponent + 1};
}

HistogramBins::HistogramBins(std::optional<std::pair<double, double>> range, std::size_t bins)
    : range_(range), bins_(bins) {}

HistogramState HistogramBins::update(std::span<double> values, std::uint64_t received, Micros now) {
  HistogramState state;
  state.n = values.size();
  if (!settled_) width_ = choose(values.first(std::min(values.size(), kSampleSize)));
  state.p5 = quantile(values, 0.05);
  state.p50 = quantile(values, 0.50);
  state.p95 = quantile(values, 0.95);
  const Extent extent = range_ ? Extent{range_->first, range_->second} : whiskers(values, state);

  if (settled_)
    adapt(extent, values, now);
  else
    width_ = fit(width_, extent, values);
  settled_ = received >= kSampleSize;

  const double first = width_.index_of(extent.low);
  const double bins = bins_in_use(width_, extent);
  state.width = width_.value();
  state.start = width_.edge(first);
  state.counts.assign(static_cast<std::size_t>(bins), 0);
  for (const double value : values) {
    const double i = width_.index_of(value) - first;
    if (i < 0)
      ++state.below;
    else if (i >= bins)
      ++state.above;
    else
      ++state.counts[static_cast<std::size_t>(i)];
  }
  return state;
}

// The extremes of the values that lie within the fences, as the whiskers of a box plot (Tukey,
// 1977).
HistogramBins::Extent HistogramBins::whiskers(std::span<const double> values,
                                              const HistogramState& state) {
  const double spread = state.p95 - state.p5;
  const double low_fence = state.p5 - kFence * spread, high_fence = state.p95 + kFence * spread;
  Extent extent{state.p50, state.p50};
  for (const double value : values) {
    if (value < extent.low && value >= low_fence) extent.low = value;
    if (value > extent.high && value <= high_fence) extent.high = value;
  }
  return extent;
}

BinWidth HistogramBins::choose(std::span<const double> values) const {
  const std::vector<double> sorted = sorted_copy(values);
  const double span = range_ ? range_->second - range_->first : sorted.back() - sorted.front();
  // Of nearly all values: a single huge one must not make the others' bins coarse.
  const double magnitude = std::max(std::abs(sorted[sorted.size() / 20]),
                                    std::abs(sorted[sorted.size() - 1 - sorted.size() / 20]));
  const double n = static_cast<double>(sorted.size());
  double raw = 0;
  if (bins_ > 0) {
    raw = span / static_cast<double>(bins_);
  } else {
    std::vector<double> scratch = sorted;
    const double iqr = quantile(scratch, 0.75) - quantile(scratch, 0.25);
    raw = iqr > 0 ? 2 * iqr / std::cbrt(n) : span / std::sqrt(n);
    raw = std::max(raw, smallest_gap(sorted));
  }
  if (!(raw > 0) || !std::isfinite(raw)) raw = magnitude > 0 ? magnitude / 10 : 1;
  return BinWidth::nearest(std::max(raw, magnitude * kWidthMinRelative));
}

double HistogramBins::bins_in_use(BinWidth width, Extent extent) const {
  const double first = width.index_of(extent.low);
  double last = width.index_of(extent.high);
  if (range_ && last > first && width.edge(last) >= extent.high)
    --last;  // a range ends before its end
  return last - first + 1;
}

// Splits or merges until the number of bins in use is right.  Splitting ends where bins would be
// finer than the values: with fewer than 12 different ones it could only make holes.
BinWidth HistogramBins::fit(BinWidth width, Extent extent, std::span<const double> values) const {
  while (bins_in_use(width, extent) > (bins_ > 0 ? kBinsMax : kBinsInUseMax) &&
         width.exponent < kExponentMax)
    width = width.merged();
  if (bins_ > 0 || range_ || bins_in_use(width, extent) >= kBinsInUseMin) return width;
  const std::vector<double> sorted = sorted_copy(values);
  if (count_distinct(sorted) < static_cast<std::size_t>(kBinsInUseMin)) return width;
  const double finest =
      std::max(smallest_gap(sorted) * 0.99,
               kWidthMinRelative * std::max(std::abs(extent.low), std::abs(extent.high)));
  while (bins_in_use(width, extent) < kBinsInUseMin && width.split().value() >= finest &&
         width.exponent > -kExponentMax)
    width = width.split();
  return width;
}

void HistogramBins::adapt(Extent extent, std::span<const double> values, Micros now) {
  const double bins = bins_in_use(width_, extent);
  if (bins >= kBinsInUseMin && bins <= kBinsInUseMax) {
    unfit_since_.reset();
    return;
  }
  if (!unfit_since_ || *unfit_since_ > now) unfit_since_ = now;
  if (bins <= kBinsMax && now - *unfit_since_ < kChangeAfter) return;
  width_ = fit(width_, extent, values);
  unfit_since_.reset();
}

}  // namespace streamflow::web
