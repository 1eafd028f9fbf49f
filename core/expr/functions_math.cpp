// CEL's math extension (cel-go's version 2).
#include <cmath>

#include "core/expr/equality.h"
#include "core/expr/functions.h"
#include "core/expr/numbers.h"

namespace streamflow::expr {
namespace {

// The first of equals stays.
template <int wanted>
Value extreme(bool number, std::span<const Value> values) {
  if (values.empty()) return Value::error("there is no value to choose from");
  const Value* best = &values[0];
  for (const Value& value : values) {
    if (!is_number(value.kind()))
      return Value::error("only numbers can be chosen from, not " + with_article(value.kind()));
    const int order = compare(number, value, *best);
    if (order == kUnordered && values.size() > 1) return Value::error("NaN cannot be ordered");
    if (order == wanted) best = &value;
  }
  return *best;
}

template <int wanted>
Value of_arguments(const Call& call) {
  return extreme<wanted>(call.node.number, call.arguments);
}
template <int wanted>
Value of_list(const Call& call) {
  return extreme<wanted>(call.node.number, call[0].items());
}

template <double (*function)(double)>
Value of_double(const Call& call) {
  return Value::real(function(call[0].as_double()));
}

Value absolute(const Call& call) {
  const Value& v = call[0];
  if (v.is(Kind::kDouble)) return Value::real(std::fabs(v.as_double()));
  if (v.is(Kind::kUint) || v.as_int() >= 0) return v;
  const Number result = negate(Kind::kInt, v.bits());
  if (result.kind == Kind::kError) return Value::error("integer overflow");
  return Value::integer(static_cast<int64_t>(result.bits));
}

Value sign(const Call& call) {
  const Value& v = call[0];
  if (v.is(Kind::kUint)) return Value::unsigned_integer(v.as_uint() > 0 ? 1 : 0);
  if (v.is(Kind::kInt)) return Value::integer((v.as_int() > 0) - (v.as_int() < 0));
  const double d = v.as_double();
  return Value::real(std::isnan(d) ? d : static_cast<double>((d > 0) - (d < 0)));
}

Value square_root(const Call& call) { return Value::real(std::sqrt(call[0].to_double())); }
template <double (*function)(double)>
Value of_number(const Call& call) {
  return Value::real(function(call[0].to_double()));
}
Value power(const Call& call) {
  return Value::real(std::pow(call[0].to_double(), call[1].to_double()));
}
Value angle(const Call& call) {
  return Value::real(std::atan2(call[0].to_double(), call[1].to_double()));
}

Value is_nan(const Call& call) { return Value::boolean(std::isnan(call[0].as_double())); }
Value is_inf(const Call& call) { return Value::boolean(std::isinf(call[0].as_double())); }
Value is_finite(const Call& call) { return Value::boolean(std::isfinite(call[0].as_double())); }

Value word(const Value& like, uint64_t bits) {
  return like.is(Kind::kInt) ? Value::integer(static_cast<int64_t>(bits))
                             : Value::unsigned_integer(bits);
}

Value bit_and(const Call& call) { return word(call[0], call[0].bits() & call[1].bits()); }
Value bit_or(const Call& call) { return word(call[0], call[0].bits() | call[1].bits()); }
Value bit_xor(const Call& call) { return word(call[0], call[0].bits() ^ call[1].bits()); }
Value bit_not(const Call& call) { return word(call[0], ~call[0].bits()); }

// Without the sign, as cel-go: the bits that come in are 0.
template <bool left>
Value shift(const Call& call) {
  const int64_t by = call[1].as_int();
  if (by < 0) return Value::error("a shift cannot be negative");
  if (by >= 64) return word(call[0], 0);
  return word(call[0], left ? call[0].bits() << by : call[0].bits() >> by);
}

}  // namespace

void add_math_functions(FunctionTable& table) {
  table.add({{"math.greatest(list) -> dyn", of_list<1>},
             {"math.greatest(number...) -> number", of_arguments<1>}},
            "The greatest of its arguments, or of a list.", "math.greatest(1, 3.5, 2u)", "3.5");
  table.add({{"math.least(list) -> dyn", of_list<-1>},
             {"math.least(number...) -> number", of_arguments<-1>}},
            "The least of its arguments, or of a list.", "math.least([4, -2, 7])", "-2");
  table.add({{"math.ceil(double) -> double", of_double<std::ceil>}}, "Rounded up.",
            "math.ceil(1.2)", "2.0");
  table.add({{"math.floor(double) -> double", of_double<std::floor>}}, "Rounded down.",
            "math.floor(-1.2)", "-2.0");
  table.add({{"math.round(double) -> double", of_double<std::round>}},
            "Rounded to the nearest whole number, halves away from 0.", "math.round(-1.5)", "-2.0");
  table.add({{"math.trunc(double) -> double", of_double<std::trunc>}}, "Without its fraction.",
            "math.trunc(-1.8)", "-1.0");
  table.add({{"math.abs(int) -> int", absolute},
             {"math.abs(uint) -> uint", absolute},
             {"math.abs(double) -> double", absolute}},
            "Without its sign.", "math.abs(-3)", "3");
  table.add({{"math.sign(int) -> int", sign},
             {"math.sign(uint) -> uint", sign},
             {"math.sign(double) -> double", sign}},
            "-1, 0 or 1.", "math.sign(-2.5)", "-1.0");
  table.add({{"math.sqrt(int) -> double", square_root},
             {"math.sqrt(uint) -> double", square_root},
             {"math.sqrt(double) -> double", square_root}},
            "The square root; of a negative number NaN.", "math.sqrt(81)", "9.0");
  table.add({{"math.isNaN(double) -> bool", is_nan}}, "Whether it is no number.",
            "math.isNaN(0.0 / 0.0)", "true");
  table.add({{"math.isInf(double) -> bool", is_inf}}, "Whether it is infinite.",
            "math.isInf(1.0 / 0.0)", "true");
  table.add({{"math.isFinite(double) -> bool", is_finite}}, "Whether it is neither.",
            "math.isFinite(1.5)", "true");
  table.add(
      {{"math.bitAnd(int, int) -> int", bit_and}, {"math.bitAnd(uint, uint) -> uint", bit_and}},
      "Bits that both have.", "math.bitAnd(6, 3)", "2");
  table.add({{"math.bitOr(int, int) -> int", bit_or}, {"math.bitOr(uint, uint) -> uint", bit_or}},
            "Bits that one of them has.", "math.bitOr(6u, 3u)", "7u");
  table.add(
      {{"math.bitXor(int, int) -> int", bit_xor}, {"math.bitXor(uint, uint) -> uint", bit_xor}},
      "Bits that just one of them has.", "math.bitXor(6, 3)", "5");
  table.add({{"math.bitNot(int) -> int", bit_not}, {"math.bitNot(uint) -> uint", bit_not}},
            "All bits turned.", "math.bitNot(0)", "-1");
  table.add({{"math.bitShiftLeft(int, int) -> int", shift<true>},
             {"math.bitShiftLeft(uint, int) -> uint", shift<true>}},
            "Bits moved up.", "math.bitShiftLeft(1, 4)", "16");
  table.add({{"math.bitShiftRight(int, int) -> int", shift<false>},
             {"math.bitShiftRight(uint, int) -> uint", shift<false>}},
            "Bits moved down, zeros coming in.", "math.bitShiftRight(16, 2)", "4");
  // StreamFlow's own.
  table.add({{"math.pow(number, number) -> double", power}},
            "The first to the power of the second.", "math.pow(2, 10)", "1024.0");
  table.add({{"math.exp(number) -> double", of_number<std::exp>}}, "e to this power.",
            "math.exp(0)", "1.0");
  table.add({{"math.log(number) -> double", of_number<std::log>}},
            "The natural logarithm; of 0 minus infinity, below NaN.", "math.log(1)", "0.0");
  table.add({{"math.log2(number) -> double", of_number<std::log2>}}, "The logarithm to base 2.",
            "math.log2(8)", "3.0");
  table.add({{"math.log10(number) -> double", of_number<std::log10>}}, "The logarithm to base 10.",
            "math.log10(1000)", "3.0");
  table.add({{"math.sin(number) -> double", of_number<std::sin>}},
            "The sine of an angle in radians.", "math.sin(0)", "0.0");
  table.add({{"math.cos(number) -> double", of_number<std::cos>}},
            "The cosine of an angle in radians.", "math.cos(0)", "1.0");
  table.add({{"math.atan2(number, number) -> double", angle}},
            "The angle of the point (second, first) in radians.", "math.atan2(0, 1)", "0.0");
}

}  // namespace streamflow::expr
