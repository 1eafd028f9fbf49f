// Arithmetic of `number`, the type of values of records (docs/expressions.md): int, uint and double
// mix; an integer stays one where both operands are, and overflow is an error; `/` is true
// division; what IEEE 754 does not define (x / 0, x % 0) is infinite or NaN.  One implementation
// for the scalar evaluator and the column kernels.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/expr/ast.h"
#include "core/value.h"

namespace streamflow::expr {

struct Number {
  Kind kind = Kind::kError;  // kError: integer overflow
  uint64_t bits = 0;
};

inline Number real_number(double d) { return {Kind::kDouble, std::bit_cast<uint64_t>(d)}; }
inline Number int_number(int64_t i) { return {Kind::kInt, static_cast<uint64_t>(i)}; }

inline double to_double(Kind kind, uint64_t bits) {
  if (kind == Kind::kDouble) return std::bit_cast<double>(bits);
  return kind == Kind::kInt ? static_cast<double>(static_cast<int64_t>(bits))
                            : static_cast<double>(bits);
}

template <Op op>
double calculate_doubles(double a, double b) {
  if constexpr (op == Op::kAdd) return a + b;
  if constexpr (op == Op::kSubtract) return a - b;
  if constexpr (op == Op::kMultiply) return a * b;
  if constexpr (op == Op::kDivide) return a / b;
  return std::fmod(a, b);
}

// True when the exact result does not fit in `out`.
template <Op op, class A, class B, class Out>
bool overflows(A a, B b, Out& out) {
  if constexpr (op == Op::kAdd) return __builtin_add_overflow(a, b, &out);
  if constexpr (op == Op::kSubtract) return __builtin_sub_overflow(a, b, &out);
  return __builtin_mul_overflow(a, b, &out);
}

// Where a uint takes part: an int if it fits (a uint if both are), else the other, else overflow.
template <Op op, class A, class B>
Number calculate_wide(A a, B b) {
  int64_t i = 0;
  uint64_t u = 0;
  const bool fits_int = !overflows<op>(a, b, i);
  const bool fits_uint = !overflows<op>(a, b, u);
  constexpr bool both_unsigned = std::is_same_v<A, uint64_t> && std::is_same_v<B, uint64_t>;
  if (fits_int && !(both_unsigned && fits_uint)) return int_number(i);
  return fits_uint ? Number{Kind::kUint, u} : Number{};
}

Number remainder_wide(Kind a_kind, uint64_t a, Kind b_kind, uint64_t b);

// Of two numbers.
template <Op op>
inline Number calculate(Kind a_kind, uint64_t a, Kind b_kind, uint64_t b) {
  if (a_kind == Kind::kDouble && b_kind == Kind::kDouble)
    return real_number(calculate_doubles<op>(std::bit_cast<double>(a), std::bit_cast<double>(b)));
  if (op == Op::kDivide || a_kind == Kind::kDouble || b_kind == Kind::kDouble)
    return real_number(calculate_doubles<op>(to_double(a_kind, a), to_double(b_kind, b)));
  if constexpr (op == Op::kRemainder) return remainder_wide(a_kind, a, b_kind, b);
  const auto i = static_cast<int64_t>(a), j = static_cast<int64_t>(b);
  if (a_kind == Kind::kInt && b_kind == Kind::kInt) {
    int64_t out = 0;
    return overflows<op>(i, j, out) ? Number{} : int_number(out);
  }
  if (a_kind == Kind::kInt) return calculate_wide<op>(i, b);
  return b_kind == Kind::kInt ? calculate_wide<op>(a, j) : calculate_wide<op>(a, b);
}

Number calculate(Op op, Kind a_kind, uint64_t a, Kind b_kind, uint64_t b);
Number negate(Kind kind, uint64_t bits);

// CEL's own rules, for literals and bindings: both of one kind; `error` gets "integer overflow",
// "division by zero"… when the result is kError.
Number calculate_pure(Op op, Kind kind, uint64_t a, uint64_t b, const char*& error);

}  // namespace streamflow::expr
