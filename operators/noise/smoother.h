// The methods of `smooth`, for one key and field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "operators/noise/value_window.h"

namespace streamflow {

enum class SmoothMethod : unsigned char { kEwm, kMean, kMedian, kSavgol, kKalman };
SmoothMethod smooth_method(std::string_view name);

struct SmoothPlan {
  SmoothMethod method = SmoothMethod::kEwm;
  double alpha = 0.3;
  Micros half_life = 0;  // kEwm: weights by time, not by number
  size_t n = 5;
  size_t degree = 2;
  double process_noise = 0.01;
  double measurement_noise = 1;
  // kSavgol: [m - 1] has the weights of the last m values, the newest first.
  std::vector<std::vector<double>> weights;
};

// Weights of m evenly spaced values, the newest first, that give the least-squares polynomial's
// value at the newest.  By orthogonal polynomials over the points (G. Forsythe, 1957).
std::vector<double> savgol_weights(size_t m, size_t degree);

class Smoother {
 public:
  double add(const SmoothPlan& plan, double x, Micros time);

  void save(std::string& out) const;
  void load(StateReader& in);

 private:
  double ewm(const SmoothPlan& plan, double x, Micros time);
  double kalman(const SmoothPlan& plan, double x, Micros time);

  bool started_ = false;
  double level_ = 0;     // kEwm, kKalman
  double variance_ = 0;  // kKalman; with half_life the sum of weights
  Micros time_ = 0;
  ValueWindow window_;  // others
};

}  // namespace streamflow
