#include "operators/noise/value_window.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace streamflow {
namespace {

// Quantile at a place between the sorted values.
template <class At>
double between(size_t count, double q, At at) {
  const double place = q * static_cast<double>(count - 1);
  const auto low = static_cast<size_t>(place);
  const double part = place - static_cast<double>(low);
  const double value = at(low);
  if (part == 0) return value;
  if (part == 0.5) return std::midpoint(value, at(low + 1));  // a median: the very digits of (a + b) / 2
  return value + (at(low + 1) - value) * part;
}

}  // namespace

void ValueWindow::add(double value, size_t most) {
  if (ring_.size() < most) {
    ring_.push_back(value);
  } else {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), ring_[next_]));
    ring_[next_] = value;
    next_ = next_ + 1 == most ? 0 : next_ + 1;
  }
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value), value);
}

double ValueWindow::newest(size_t back) const {
  const size_t last = next_ == 0 ? ring_.size() : next_;
  return ring_[last > back ? last - 1 - back : ring_.size() + last - 1 - back];
}

double ValueWindow::quantile(double q) const {
  return between(sorted_.size(), q, [this](size_t i) { return sorted_[i]; });
}

// The distances on either side of the center are sorted: the k-th of both is found by bisection.
double ValueWindow::deviation(double center) const {
  const auto middle = std::lower_bound(sorted_.begin(), sorted_.end(), center);
  const auto below = static_cast<size_t>(middle - sorted_.begin());
  const size_t above = sorted_.size() - below;
  const auto down = [&](size_t i) { return center - sorted_[below - 1 - i]; };
  const auto up = [&](size_t i) { return sorted_[below + i] - center; };
  const auto kth = [&](size_t k) {
    // i of the k least are below: the least i that leaves no smaller distance out.
    size_t low = k + 1 > above ? k + 1 - above : 0;
    size_t high = std::min(k + 1, below);
    while (low < high) {
      const size_t i = (low + high) / 2;
      if (down(i) < up(k - i)) {
        low = i + 1;
      } else {
        high = i;
      }
    }
    const double from_below = low > 0 ? down(low - 1) : 0;
    const double from_above = k + 1 > low ? up(k - low) : 0;
    if (low == 0) return from_above;
    if (k + 1 == low) return from_below;
    return std::max(from_below, from_above);
  };
  return between(sorted_.size(), 0.5, kth);
}

// A. Neumaier's summation (1974).
double ValueWindow::mean() const {
  double sum = 0, lost = 0;
  each([&](double x) {
    const double next = sum + x;
    lost += std::abs(sum) >= std::abs(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
  });
  return (sum + lost) / static_cast<double>(ring_.size());
}

double ValueWindow::spread(double mean) const {
  if (least() == greatest()) return 0;
  double squares = 0, rest = 0;
  each([&](double x) {
    squares += (x - mean) * (x - mean);
    rest += x - mean;
  });
  const auto count = static_cast<double>(ring_.size());
  return std::sqrt((squares - rest * rest / count) / (count - 1));
}

void ValueWindow::save(std::string& out) const {
  save_count(ring_.size(), out);
  for (size_t i = ring_.size(); i-- > 0;) save_real(newest(i), out);
}

void ValueWindow::load(StateReader& in) {
  *this = ValueWindow();
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) ring_.push_back(in.real());
  if (ring_.size() > kValuesMax) in.fail();
  sorted_ = ring_;
  std::sort(sorted_.begin(), sorted_.end());
}

}  // namespace streamflow
