#include "operators/noise/smoother.h"

#include <algorithm>
#include <cmath>

namespace streamflow {

SmoothMethod smooth_method(std::string_view name) {
  if (name == "mean") return SmoothMethod::kMean;
  if (name == "median") return SmoothMethod::kMedian;
  if (name == "savgol") return SmoothMethod::kSavgol;
  return name == "kalman" ? SmoothMethod::kKalman : SmoothMethod::kEwm;
}

// With polynomials p_k that are orthogonal over the points, the fit at the newest point z is
// sum_k p_k(z) sum_i p_k(i) x_i / sum_i p_k(i)^2.  p_{k+1} = (t - a_k) p_k - b_k p_{k-1}; points
// lie in
// [-1, 1], the newest at 1.
std::vector<double> savgol_weights(size_t m, size_t degree) {
  std::vector<double> weights(m, 0);
  std::vector<double> point(m, 1), before(m, 0), now(m, 1);
  for (size_t i = 0; m > 1 && i < m; ++i)
    point[i] = 1 - 2 * static_cast<double>(i) / static_cast<double>(m - 1);
  double norm_before = 1;
  for (size_t k = 0; k <= std::min(degree, m - 1); ++k) {
    double norm = 0, moment = 0;
    for (size_t i = 0; i < m; ++i) {
      norm += now[i] * now[i];
      moment += point[i] * now[i] * now[i];
    }
    for (size_t i = 0; i < m; ++i) weights[i] += now[0] * now[i] / norm;
    const double a = moment / norm;
    const double b = k == 0 ? 0 : norm / norm_before;
    norm_before = norm;
    for (size_t i = 0; i < m; ++i) {
      const double next = (point[i] - a) * now[i] - b * before[i];
      before[i] = now[i];
      now[i] = next;
    }
  }
  return weights;
}

double Smoother::add(const SmoothPlan& plan, double x, Micros time) {
  switch (plan.method) {
    case SmoothMethod::kEwm:
      return ewm(plan, x, time);
    case SmoothMethod::kKalman:
      return kalman(plan, x, time);
    case SmoothMethod::kMean:
      window_.add(x, plan.n);
      return window_.mean();
    case SmoothMethod::kMedian:
      window_.add(x, plan.n);
      return window_.median();
    case SmoothMethod::kSavgol:
      break;
  }
  window_.add(x, plan.n);
  const std::vector<double>& weights = plan.weights[window_.size() - 1];
  double y = 0;
  for (size_t i = 0; i < weights.size(); ++i) y += weights[i] * window_.newest(i);
  return y;
}

double Smoother::ewm(const SmoothPlan& plan, double x, Micros time) {
  if (plan.half_life == 0) {
    level_ = started_ ? plan.alpha * x + (1 - plan.alpha) * level_ : x;
  } else if (!started_) {
    level_ = x;
    variance_ = 1;
  } else {
    const auto since = static_cast<double>(std::max<Micros>(time - time_, 0));
    variance_ = variance_ * std::exp2(-since / static_cast<double>(plan.half_life)) + 1;
    level_ += (x - level_) / variance_;
  }
  time_ = started_ ? std::max(time_, time) : time;  // `order: arrival` may bring an older one
  started_ = true;
  return level_;
}

double Smoother::kalman(const SmoothPlan& plan, double x, Micros time) {
  if (!started_) {
    started_ = true;
    level_ = x;
    variance_ = plan.measurement_noise;
  } else {
    const double seconds = static_cast<double>(std::max<Micros>(time - time_, 0)) / 1e6;
    const double variance = variance_ + plan.process_noise * seconds;
    const double gain = variance / (variance + plan.measurement_noise);
    level_ += gain * (x - level_);
    variance_ = (1 - gain) * variance;
  }
  time_ = time;
  return level_;
}

void Smoother::save(std::string& out) const {
  out.push_back(started_ ? 1 : 0);
  save_real(level_, out);
  save_real(variance_, out);
  save_micros(time_, out);
  window_.save(out);
}

void Smoother::load(StateReader& in) {
  started_ = in.byte() != 0;
  level_ = in.real();
  variance_ = in.real();
  time_ = in.micros();
  window_.load(in);
}

}  // namespace streamflow
