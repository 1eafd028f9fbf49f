// The last n numbers, in their order and sorted: for medians, quartiles and means of few values.
// Adding costs O(n) moves of 8 bytes; the median is found at once, the MAD in O(log n).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/state_bytes.h"

namespace streamflow {

class ValueWindow {
 public:
  static constexpr size_t kValuesMax = 10'000;

  size_t size() const { return sorted_.size(); }
  bool empty() const { return sorted_.empty(); }
  // Adds a finite number; beyond `most` the oldest leaves.
  void add(double value, size_t most);

  double newest(size_t back) const;  // 0: the last one added
  double least() const { return sorted_.front(); }
  double greatest() const { return sorted_.back(); }
  // Type 7 (linear) quantile, as numpy and pandas have it.  Not empty.
  double quantile(double q) const;
  double median() const { return quantile(0.5); }
  // The median of |x - center|.  Not empty.
  double deviation(double center) const;
  double mean() const;               // compensated
  double spread(double mean) const;  // standard deviation, ddof 1; of equal values 0.  At least 2.

  void save(std::string& out) const;
  void load(StateReader& in);

 private:
  // In the order of their coming, so that sums do not depend on where the ring begins.
  template <class Take>
  void each(Take&& take) const {
    for (size_t i = next_; i < ring_.size(); ++i) take(ring_[i]);
    for (size_t i = 0; i < next_; ++i) take(ring_[i]);
  }

  std::vector<double> ring_;
  size_t next_ = 0;  // in ring_, once it is full
  std::vector<double> sorted_;
};

}  // namespace streamflow
