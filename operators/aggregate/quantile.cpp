#include "operators/aggregate/quantile.h"

#include <algorithm>
#include <cmath>

#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

struct Values {
  std::vector<double> values;
  uint32_t most = kAggregateValuesMax;
  bool over = false;  // there were more than `most`

  void add(double x) {
    if (over) return;
    if (values.size() == most) {
      give_up();
    } else {
      values.push_back(x);
    }
  }
  void merge(const Values& later) {
    if (over) return;
    if (later.over || values.size() + later.values.size() > most) return give_up();
    values.insert(values.end(), later.values.begin(), later.values.end());
  }
  void save(std::string& out) const {
    out.push_back(over ? 1 : 0);
    save_count(values.size(), out);
    for (const double x : values) save_real(x, out);
  }
  void load(StateReader& in) {
    over = in.byte() != 0;
    values.clear();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) values.push_back(in.real());
  }

 private:
  void give_up() {
    over = true;
    values = {};
  }
};

class QuantileAggregate final : public GroupedAggregate<Values> {
 public:
  QuantileAggregate(const AggregateCallSpec& spec, double q)
      : GroupedAggregate<Values>(Values{{}, spec.values_max, false}), name_(spec.function), q_(q) {}

  void add(const Contribution& input, Selection& wrong) override {
    for_numbers(input, wrong, [&](size_t i, double x) { states_[input.groups[i]].add(x); });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    std::vector<double> sorted;
    write_states(states_, first, count, out, first_row,
                 [&](const Values& values, Column& to, uint32_t row) {
                   if (values.over) {
                     to.set(row, Value::error(name_ + ": more than max_values values"));
                   } else if (values.values.empty()) {
                     to.set_null(row);
                   } else {
                     sorted = values.values;
                     to.set_real(row, quantile(sorted, q_));
                   }
                 });
  }

 private:
  std::string name_;
  double q_;
};

}  // namespace

double quantile_of(const AggregateCallSpec& spec) {
  if (spec.constants.empty() || !is_number(spec.constants[0].kind())) return 0.5;
  return std::clamp(spec.constants[0].to_double(), 0.0, 1.0);
}

QuantilePlace quantile_place(size_t n, double q) {
  const double place = static_cast<double>(n - 1) * q;
  const double low = std::floor(place);
  return {static_cast<size_t>(low), place - low};
}

double between(double a, double b, double fraction) {
  if (fraction == 0 || a == b) return a;
  if (fraction == 0.5) {
    const double sum = a + b;
    return std::isfinite(sum) ? sum / 2 : a / 2 + b / 2;
  }
  const double step = b - a;
  return std::isfinite(step) ? a + step * fraction : a * (1 - fraction) + b * fraction;
}

double quantile(std::span<double> values, double q) {
  const QuantilePlace place = quantile_place(values.size(), q);
  const auto low = values.begin() + static_cast<ptrdiff_t>(place.low);
  std::nth_element(values.begin(), low, values.end());
  if (place.fraction == 0) return *low;
  return between(*low, *std::min_element(low + 1, values.end()), place.fraction);
}

std::unique_ptr<Aggregate> make_median(const AggregateCallSpec& spec) {
  return std::make_unique<QuantileAggregate>(spec, 0.5);
}

std::unique_ptr<Aggregate> make_quantile(const AggregateCallSpec& spec) {
  return std::make_unique<QuantileAggregate>(spec, quantile_of(spec));
}

}  // namespace streamflow
