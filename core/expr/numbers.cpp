#include "core/expr/numbers.h"

namespace streamflow::expr {
namespace {

uint64_t magnitude(Kind kind, uint64_t bits) {
  const bool negative = kind == Kind::kInt && static_cast<int64_t>(bits) < 0;
  return negative ? 0 - bits : bits;
}

template <class T, Op op>
Number checked(T a, T b, Kind kind, const char*& error) {
  T out = 0;
  if (overflows<op>(a, b, out)) {
    error = "integer overflow";
    return {};
  }
  return {kind, static_cast<uint64_t>(out)};
}

template <class T>
Number integers(Op op, Kind kind, T a, T b, const char*& error) {
  switch (op) {
    case Op::kAdd:
      return checked<T, Op::kAdd>(a, b, kind, error);
    case Op::kSubtract:
      return checked<T, Op::kSubtract>(a, b, kind, error);
    case Op::kMultiply:
      return checked<T, Op::kMultiply>(a, b, kind, error);
    default:
      break;
  }
  if (b == 0) {
    error = op == Op::kDivide ? "division by zero" : "modulus by zero";
    return {};
  }
  if (kind == Kind::kInt && static_cast<int64_t>(a) == INT64_MIN && static_cast<int64_t>(b) == -1) {
    error = "integer overflow";
    return {};
  }
  return {kind, static_cast<uint64_t>(op == Op::kDivide ? a / b : a % b)};
}

}  // namespace

// The sign is the dividend's, as in C and CEL.
Number remainder_wide(Kind a_kind, uint64_t a, Kind b_kind, uint64_t b) {
  const uint64_t divisor = magnitude(b_kind, b);
  if (divisor == 0) return real_number(std::nan(""));
  const uint64_t rest = magnitude(a_kind, a) % divisor;
  const bool negative = a_kind == Kind::kInt && static_cast<int64_t>(a) < 0;
  if (negative) return {Kind::kInt, 0 - rest};
  if (a_kind == Kind::kUint && b_kind == Kind::kUint) return {Kind::kUint, rest};
  return {rest <= uint64_t{INT64_MAX} ? Kind::kInt : Kind::kUint, rest};
}

Number calculate(Op op, Kind a_kind, uint64_t a, Kind b_kind, uint64_t b) {
  switch (op) {
    case Op::kAdd:
      return calculate<Op::kAdd>(a_kind, a, b_kind, b);
    case Op::kSubtract:
      return calculate<Op::kSubtract>(a_kind, a, b_kind, b);
    case Op::kMultiply:
      return calculate<Op::kMultiply>(a_kind, a, b_kind, b);
    case Op::kDivide:
      return calculate<Op::kDivide>(a_kind, a, b_kind, b);
    default:
      return calculate<Op::kRemainder>(a_kind, a, b_kind, b);
  }
}

Number negate(Kind kind, uint64_t bits) {
  if (kind == Kind::kDouble) return real_number(-std::bit_cast<double>(bits));
  if (kind == Kind::kInt)
    return static_cast<int64_t>(bits) == INT64_MIN ? Number{} : Number{Kind::kInt, 0 - bits};
  return bits <= uint64_t{1} << 63 ? Number{Kind::kInt, 0 - bits} : Number{};
}

Number calculate_pure(Op op, Kind kind, uint64_t a, uint64_t b, const char*& error) {
  if (kind == Kind::kInt)
    return integers(op, kind, static_cast<int64_t>(a), static_cast<int64_t>(b), error);
  if (kind == Kind::kUint) return integers(op, kind, a, b, error);
  if (op == Op::kRemainder) {
    error = "% of doubles";
    return {};
  }
  return calculate(op, kind, a, kind, b);
}

}  // namespace streamflow::expr
