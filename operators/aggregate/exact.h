// Arithmetic with twice the bits of a double: an unevaluated sum of two (T. J. Dekker, "A
// floating-point technique for extending the available precision", 1971; D. E. Knuth, TAOCP 2,
// 4.2.2).  Sums kept this way are off by about n 2^-106, so that their rounded result is that of
// the exact sum, in whatever order the parts came.  Needs strict IEEE arithmetic: no -ffast-math.
#pragma once

#include <cstdint>

namespace streamflow {

struct Exact {
  double high = 0;
  double low = 0;

  double rounded() const { return high + low; }

  void add(double x) {
    const double sum = high + x;
    const double back = sum - high;
    low += (high - (sum - back)) + (x - back);
    high = sum;
  }
  void add(const Exact& x) {
    add(x.high);
    low += x.low;
  }
  // high is the rounded value, low what it lacks.
  Exact normal() const {
    const double sum = high + low;
    return {sum, low - (sum - high)};
  }
};

inline Exact exact_difference(double a, double b) {
  const double high = a - b;
  const double back = high - a;
  return {high, (a - (high - back)) - (b + back)};
}

inline Exact exact_product(double a, double b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double high = a * b;
  const double as = kSplit * a, bs = kSplit * b;
  const double a1 = as - (as - a), b1 = bs - (bs - b);
  const double a2 = a - a1, b2 = b - b1;
  return {high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
}

inline Exact product(const Exact& a, const Exact& b) {
  Exact result = exact_product(a.high, b.high);
  result.low += a.high * b.low + a.low * b.high;
  return result.normal();
}

inline Exact quotient(const Exact& a, double b) {
  const double first = a.high / b;
  const Exact back = exact_product(first, b);
  const double rest = ((a.high - back.high) - back.low + a.low) / b;
  if (!(rest - rest == 0)) return {first, 0};  // the split overflowed: too near the greatest double
  return Exact{first, rest}.normal();
}

inline Exact difference(const Exact& a, const Exact& b) {
  Exact result = exact_difference(a.high, b.high);
  result.low += a.low - b.low;
  return result.normal();
}

inline Exact exact_integer(int64_t i) {
  const double high = static_cast<double>(i);
  // The rounded value may be 2^63, which no int64 holds.
  const double low = high >= 9223372036854775808.0
                         ? static_cast<double>(i - INT64_MAX) - 1.0
                         : static_cast<double>(i - static_cast<int64_t>(high));
  return {high, low};
}

inline Exact exact_integer(uint64_t u) {
  const double high = static_cast<double>(u);
  const double low =
      high >= 18446744073709551616.0
          ? -static_cast<double>(UINT64_MAX - u) - 1.0
          : static_cast<double>(static_cast<int64_t>(u - static_cast<uint64_t>(high)));
  return {high, low};
}

}  // namespace streamflow
