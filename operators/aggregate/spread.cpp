#include "operators/aggregate/spread.h"

#include <algorithm>
#include <cmath>

#include "operators/aggregate/exact.h"
#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

struct Spread {
  uint64_t count = 0;
  double origin = 0;
  Exact sum;      // of x - origin
  Exact squares;  // of (x - origin)^2

  void add(double x) {
    if (count++ == 0) {
      origin = x;
      return;
    }
    const Exact d = exact_difference(x, origin);
    sum.add(d);
    squares.add(exact_product(d.high, d.high));
    squares.low += 2 * d.high * d.low;
  }

  // With x - a = (x - b) + (b - a):  sums over x of later move from its origin b to ours, a.
  void merge(const Spread& later) {
    if (later.count == 0) return;
    if (count == 0) {
      *this = later;
      return;
    }
    const Exact shift = exact_difference(later.origin, origin);
    const auto n = static_cast<double>(later.count);
    const Exact later_sum = later.sum.normal();
    const Exact shifts = product(shift, Exact{n, 0});
    Exact cross = product(later_sum, shift);
    cross = {2 * cross.high, 2 * cross.low};
    sum.add(later_sum);
    sum.add(shifts);
    squares.add(later.squares);
    squares.add(cross);
    squares.add(product(shifts, shift));
    count += later.count;
  }

  // Squared distances from the mean.
  double squares_about_mean() const {
    const Exact s = sum.normal();
    const Exact mean_part = quotient(product(s, s), static_cast<double>(count));
    const double result = difference(squares.normal(), mean_part).rounded();
    return result < 0 ? 0 : result;  // NaN, of values too great to be squared, stays
  }

  void save(std::string& out) const {
    save_count(count, out);
    for (const double d : {origin, sum.high, sum.low, squares.high, squares.low}) {
      save_real(d, out);
    }
  }
  void load(StateReader& in) {
    count = in.count();
    for (double* d : {&origin, &sum.high, &sum.low, &squares.high, &squares.low}) *d = in.real();
  }
};

class SpreadAggregate final : public GroupedAggregate<Spread> {
 public:
  SpreadAggregate(bool root, uint64_t ddof) : root_(root), ddof_(ddof) {}

  void add(const Contribution& input, Selection& wrong) override {
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind kind = input.value->kind(row);
      if (is_number(kind)) {
        const double x = input.value->number(row);
        if (!std::isnan(x)) states_[input.groups[i]].add(x);
      } else if (kind > Kind::kNull) {
        wrong.push_back(row);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      const auto row = first_row + static_cast<uint32_t>(i);
      const Spread& spread = states_[first + i];
      if (spread.count <= ddof_) {
        out.set_null(row);
        continue;
      }
      const double var = spread.squares_about_mean() / static_cast<double>(spread.count - ddof_);
      out.set_real(row, root_ ? std::sqrt(var) : var);
    }
  }

 private:
  bool root_;
  uint64_t ddof_;
};

std::unique_ptr<Aggregate> make_spread(const AggregateCallSpec& spec, bool root) {
  uint64_t ddof = 1;
  if (!spec.constants.empty() && is_number(spec.constants[0].kind())) {
    ddof = static_cast<uint64_t>(std::clamp(spec.constants[0].to_double(), 0.0, 1e9));
  }
  return std::make_unique<SpreadAggregate>(root, ddof);
}

}  // namespace

std::unique_ptr<Aggregate> make_std(const AggregateCallSpec& spec) {
  return make_spread(spec, true);
}

std::unique_ptr<Aggregate> make_var(const AggregateCallSpec& spec) {
  return make_spread(spec, false);
}

}  // namespace streamflow
