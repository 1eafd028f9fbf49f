#include <algorithm>
#include <cmath>

#include "operators/aggregate/approximate.h"
#include "operators/aggregate/grouped.h"
#include "operators/aggregate/quantile.h"

namespace streamflow {
namespace {

constexpr double kAccuracy = 0.001;
constexpr unsigned kLevelMax = 12;  // at the 11th all doubles are in fewer than kSketchBucketsMax

const double kLogRatio = std::log((1 + kAccuracy) / (1 - kAccuracy));

// Bucket k of level n holds magnitudes in (r^(k-1), r^k], r = ratio^(2^n).
int32_t bucket_of(double magnitude) {
  return static_cast<int32_t>(std::ceil(std::log(magnitude) / kLogRatio));
}
int32_t joined(int32_t bucket) { return (bucket + (bucket > 0 ? 1 : 0)) / 2; }  // ceil(k / 2)
double middle_of(int32_t bucket, unsigned level) {
  const double log_ratio = std::ldexp(kLogRatio, static_cast<int>(level));
  const double top = log_ratio * bucket;
  return 2 * std::exp(top) / (1 + std::exp(log_ratio));
}

struct Buckets {
  std::vector<uint64_t> counts;  // of buckets first, first + 1…
  int32_t first = 0;
  uint64_t total = 0;

  size_t span_with(int32_t bucket) const {
    if (counts.empty()) return 1;
    const int32_t last = first + static_cast<int32_t>(counts.size()) - 1;
    return static_cast<size_t>(std::max(last, bucket) - std::min(first, bucket)) + 1;
  }
  void add(int32_t bucket, uint64_t times) {
    if (counts.empty()) first = bucket;
    if (bucket < first) {
      counts.insert(counts.begin(), static_cast<size_t>(first - bucket), 0);
      first = bucket;
    }
    const auto at = static_cast<size_t>(bucket - first);
    if (at >= counts.size()) counts.resize(at + 1);
    counts[at] += times;
    total += times;
  }
  void join_pairs() {
    Buckets wide;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] != 0) wide.add(joined(first + static_cast<int32_t>(i)), counts[i]);
    }
    *this = std::move(wide);
  }
  void save(std::string& out) const {
    save_micros(first, out);
    save_count(counts.size(), out);
    for (const uint64_t times : counts) save_count(times, out);
  }
  void load(StateReader& in) {
    *this = {};
    first = static_cast<int32_t>(std::clamp<int64_t>(in.micros(), -2'000'000, 2'000'000));
    uint64_t n = in.count();
    if (n > kSketchBucketsMax) return in.fail();
    for (; n > 0 && in.ok(); --n) {
      counts.push_back(in.count());
      total += counts.back();
    }
  }
};

struct Sketch {
  Buckets above, below;  // zero, by magnitude
  uint64_t zeros = 0;
  double least = 0, greatest = 0;
  unsigned level = 0;

  uint64_t total() const { return above.total + below.total + zeros; }
  void bound(double low, double high) {
    const bool any = total() != 0;
    least = any ? std::min(least, low) : low;
    greatest = any ? std::max(greatest, high) : high;
  }
  void add(double x) {
    bound(x, x);
    const double magnitude = std::abs(x);
    if (magnitude == 0) {
      ++zeros;
      return;
    }
    int32_t bucket = bucket_of(magnitude);
    for (unsigned i = 0; i < level; ++i) bucket = joined(bucket);
    add(x > 0, bucket, 1);
  }
  void merge(const Sketch& later) {
    if (later.total() == 0) return;
    bound(later.least, later.greatest);
    zeros += later.zeros;
    while (level < later.level) join_pairs();
    for (const bool positive : {true, false}) {
      const Buckets& from = positive ? later.above : later.below;
      for (size_t i = 0; i < from.counts.size(); ++i) {
        if (from.counts[i] == 0) continue;
        int32_t bucket = from.first + static_cast<int32_t>(i);
        for (unsigned at = later.level; at < level; ++at) bucket = joined(bucket);
        add(positive, bucket, from.counts[i]);
      }
    }
  }
  // The value of the rank-th, from 0, in ascending order.
  double value_at(uint64_t rank) const {
    if (rank == 0) return least;
    if (rank + 1 >= total()) return greatest;
    double value = 0;
    if (rank < below.total) {
      value = -middle_of(bucket_at(below, below.total - 1 - rank), level);
    } else if (rank >= below.total + zeros) {
      value = middle_of(bucket_at(above, rank - below.total - zeros), level);
    }
    return std::clamp(value, least, greatest);
  }
  void save(std::string& out) const {
    save_count(level, out);
    save_count(zeros, out);
    save_real(least, out);
    save_real(greatest, out);
    above.save(out);
    below.save(out);
  }
  void load(StateReader& in) {
    level = static_cast<unsigned>(std::min<uint64_t>(in.count(), kLevelMax));
    zeros = in.count();
    least = in.real();
    greatest = in.real();
    above.load(in);
    below.load(in);
  }

 private:
  void add(bool positive, int32_t bucket, uint64_t times) {
    while ((positive ? above : below).span_with(bucket) > kSketchBucketsMax && level < kLevelMax) {
      join_pairs();
      bucket = joined(bucket);
    }
    (positive ? above : below).add(bucket, times);
  }
  void join_pairs() {
    above.join_pairs();
    below.join_pairs();
    ++level;
  }
  static int32_t bucket_at(const Buckets& buckets, uint64_t rank) {
    for (size_t i = 0; i < buckets.counts.size(); ++i) {
      if (rank < buckets.counts[i]) return buckets.first + static_cast<int32_t>(i);
      rank -= buckets.counts[i];
    }
    return buckets.first + static_cast<int32_t>(buckets.counts.size()) - 1;
  }
};

class ApproxQuantile final : public GroupedAggregate<Sketch> {
 public:
  explicit ApproxQuantile(double q) : q_(q) {}

  void add(const Contribution& input, Selection& wrong) override {
    for_numbers(input, wrong, [&](size_t i, double x) {
      if (std::isfinite(x)) states_[input.groups[i]].add(x);
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [this](const Sketch& sketch, Column& to, uint32_t row) {
                   const uint64_t n = sketch.total();
                   if (n == 0) return to.set_null(row);
                   const QuantilePlace place = quantile_place(n, q_);
                   const double low = sketch.value_at(place.low);
                   const double next = place.fraction == 0 ? low : sketch.value_at(place.low + 1);
                   to.set_real(row, between(low, next, place.fraction));
                 });
  }

 private:
  double q_;
};

}  // namespace

std::unique_ptr<Aggregate> make_approx_quantile(const AggregateCallSpec& spec) {
  return std::make_unique<ApproxQuantile>(quantile_of(spec));
}

}  // namespace streamflow
