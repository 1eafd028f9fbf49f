#include "operators/aggregate/relation.h"

#include <algorithm>
#include <cmath>

#include "operators/aggregate/exact.h"
#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

struct Relation {
  uint64_t count = 0;
  double x0 = 0, y0 = 0;   // of a record of the group
  Exact x, y, xx, yy, xy;  // sums of distances from it and of their products

  void add(double a, double b) {
    if (count++ == 0) {
      x0 = a;
      y0 = b;
      return;
    }
    const Exact dx = exact_difference(a, x0).normal();
    const Exact dy = exact_difference(b, y0).normal();
    x.add(dx);
    y.add(dy);
    xx.add(product(dx, dx));
    yy.add(product(dy, dy));
    xy.add(product(dx, dy));
  }

  // With a - x0 = (a - later.x0) + shift.
  void merge(const Relation& later) {
    if (later.count == 0) return;
    if (count == 0) {
      *this = later;
      return;
    }
    const Exact n{static_cast<double>(later.count), 0};
    const Exact sx = exact_difference(later.x0, x0).normal();
    const Exact sy = exact_difference(later.y0, y0).normal();
    const Exact lx = later.x.normal(), ly = later.y.normal();
    add_moved(xx, later.xx, lx, sx, lx, sx, n);
    add_moved(yy, later.yy, ly, sy, ly, sy, n);
    add_moved(xy, later.xy, lx, sx, ly, sy, n);
    x.add(lx);
    x.add(product(sx, n));
    y.add(ly);
    y.add(product(sy, n));
    count += later.count;
  }

  // The sum of products of distances from the means.
  double about_means(const Exact& products, const Exact& a, const Exact& b) const {
    const Exact part = quotient(product(a.normal(), b.normal()), static_cast<double>(count));
    return difference(products.normal(), part).rounded();
  }

  void save(std::string& out) const {
    save_count(count, out);
    save_real(x0, out);
    save_real(y0, out);
    for (const Exact* sum : {&x, &y, &xx, &yy, &xy}) {
      save_real(sum->high, out);
      save_real(sum->low, out);
    }
  }
  void load(StateReader& in) {
    count = in.count();
    x0 = in.real();
    y0 = in.real();
    for (Exact* sum : {&x, &y, &xx, &yy, &xy}) {
      sum->high = in.real();
      sum->low = in.real();
    }
  }

 private:
  // The sum of (a + s)(b + t) over n records, of which sums of ab, a and b are given.
  static void add_moved(Exact& to, const Exact& ab, const Exact& a, const Exact& s, const Exact& b,
                        const Exact& t, const Exact& n) {
    to.add(ab);
    to.add(product(a, t));
    to.add(product(b, s));
    to.add(product(product(s, t), n));
  }
};

class CorrAggregate final : public GroupedAggregate<Relation> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind a = input.value->kind(row), b = input.second->kind(row);
      if (is_number(a) && is_number(b)) {
        const double x = input.value->number(row), y = input.second->number(row);
        if (!std::isnan(x) && !std::isnan(y)) states_[input.groups[i]].add(x, y);
      } else if ((a > Kind::kNull && !is_number(a)) || (b > Kind::kNull && !is_number(b))) {
        wrong.push_back(row);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(
        states_, first, count, out, first_row, [](const Relation& r, Column& to, uint32_t row) {
          const double xx = r.count < 2 ? 0 : r.about_means(r.xx, r.x, r.x);
          const double yy = r.count < 2 ? 0 : r.about_means(r.yy, r.y, r.y);
          if (!(xx > 0) || !(yy > 0)) return to.set_null(row);
          const double value = r.about_means(r.xy, r.x, r.y) / (std::sqrt(xx) * std::sqrt(yy));
          to.set_real(row, std::clamp(value, -1.0, 1.0));
        });
  }
};

class SlopeAggregate final : public GroupedAggregate<Relation> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    for_numbers(input, wrong, [&](size_t i, double x) {
      states_[input.groups[i]].add(static_cast<double>(input.time[input.rows[i]]), x);
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(
        states_, first, count, out, first_row, [](const Relation& r, Column& to, uint32_t row) {
          const double xx = r.count < 2 ? 0 : r.about_means(r.xx, r.x, r.x);
          if (!(xx > 0)) return to.set_null(row);
          to.set_real(row,
                      r.about_means(r.xy, r.x, r.y) / xx * static_cast<double>(kMicrosPerSecond));
        });
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_corr(const AggregateCallSpec&) {
  return std::make_unique<CorrAggregate>();
}

std::unique_ptr<Aggregate> make_slope(const AggregateCallSpec&) {
  return std::make_unique<SlopeAggregate>();
}

}  // namespace streamflow
