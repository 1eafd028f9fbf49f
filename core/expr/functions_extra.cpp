// StreamFlow's own functions: what users of pandas and SQL look for.
#include <cmath>

#include "core/expr/equality.h"
#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/expr/instant.h"
#include "core/expr/numbers.h"

namespace streamflow::expr {
namespace {

Value coalesce(const Call& call) {
  for (const Value& value : call.arguments)
    if (!value.is_absent()) return value;
  return Value::null();
}

Value between(const Call& call) {
  const bool number = call.node.number;
  const int low = compare(number, call[0], call[1]), high = compare(number, call[0], call[2]);
  if (low == kUnordered || high == kUnordered) {
    if (is_number(call[0].kind()) && is_number(call[1].kind()) && is_number(call[2].kind()))
      return Value::boolean(false);  // NaN
    return Value::error("between() cannot compare " + with_article(call[0].kind()) +
                        " with its bounds");
  }
  return Value::boolean(low >= 0 && high <= 0);
}

Value clamp(const Call& call) {
  const bool number = call.node.number;
  if (compare(number, call[0], call[1]) < 0) return call[1];
  return compare(number, call[0], call[2]) == 1 ? call[2] : call[0];
}

__extension__ using Wide = __int128;
Wide integer_of(const Value& value) {
  return value.is(Kind::kInt) ? Wide{value.as_int()} : Wide{value.as_uint()};
}

// An int or uint stays one: whole numbers are divided exactly.
Value bucket_number(const Call& call) {
  const Value &x = call[0], &width = call[1];
  if (!(width.to_double() > 0)) return Value::error("bucket() needs a width above 0");
  if (!x.is(Kind::kDouble) && !width.is(Kind::kDouble)) {
    const Wide whole = integer_of(x), step = integer_of(width);
    const Wide out = whole - ((whole % step) + step) % step;
    if (out < INT64_MIN) return Value::error("integer overflow");
    return out > INT64_MAX || x.is(Kind::kUint)
               ? Value::unsigned_integer(static_cast<uint64_t>(out))
               : Value::integer(static_cast<int64_t>(out));
  }
  return Value::real(std::floor(x.to_double() / width.to_double()) * width.to_double());
}

Value bucket_time(const Call& call) {
  const Nanos width = nanos_of(call[1]);
  if (width <= 0) return Value::error("bucket() needs a width above 0");
  const Nanos time = nanos_of(call[0]);
  return timestamp_from(time - ((time % width) + width) % width);
}

Value null_if(const Call& call) {
  return equal(call.node.number, call[0], call[1]) ? Value::null() : call[0];
}

// By the shortest decimal text, so that 1.005 rounds to 1.01 as it is read.
Value round_to(const Call& call) {
  const Value& x = call[0];
  const int64_t decimals = call.size() > 1 ? call[1].as_int() : 0;
  if (!x.is(Kind::kDouble) && decimals >= 0) return x;
  const double d = x.to_double();
  if (!std::isfinite(d) || decimals > 300) return Value::real(d);
  if (decimals < -300) return Value::real(0);
  const double scale = std::pow(10.0, static_cast<double>(decimals < 0 ? -decimals : decimals));
  if (decimals < 0) return Value::real(std::round(d / scale) * scale);
  const double scaled = d * scale;
  if (!std::isfinite(scaled)) return Value::real(d);
  double whole = std::round(scaled);
  // 1.005 * 100 is just below 100.5: what is within one step of a half is one.
  const double half = std::trunc(scaled) + std::copysign(0.5, scaled);
  if (std::fabs(scaled - half) <= std::fabs(scaled) * 2.3e-16)
    whole = std::trunc(scaled) + std::copysign(1.0, scaled);
  return Value::real(whole / scale);
}

// Haversine on a sphere of the Earth's mean radius: within 0.5 % of the ellipsoid.
Value distance(const Call& call) {
  constexpr double kRadius = 6'371'008.8, kRadians = 3.14159265358979323846 / 180;
  double d[4];
  for (size_t i = 0; i < 4; ++i) d[i] = call[i].to_double() * kRadians;
  const double lat = std::sin((d[2] - d[0]) / 2), lon = std::sin((d[3] - d[1]) / 2);
  const double h = lat * lat + std::cos(d[0]) * std::cos(d[2]) * lon * lon;
  return Value::real(2 * kRadius * std::asin(std::sqrt(std::fmin(1, h))));
}

}  // namespace

void add_extra_functions(FunctionTable& table) {
  table.add({{"coalesce(any...) -> dyn", coalesce}}, "The first that is not null, else null.",
            "coalesce(null, 5, 6)", "5");
  table.add({{"between(any, any, any) -> bool", between}},
            "Whether the first lies between the others, both ends included.", "between(5, 1, 5)",
            "true");
  table.add({{"clamp(number, number, number) -> number", clamp}},
            "The first, but not below the second nor above the third.", "clamp(12.5, 0, 10)", "10");
  table.add({{"bucket(number, number) -> number", bucket_number},
             {"bucket(timestamp, duration) -> timestamp", bucket_time}},
            "The greatest multiple of the second that is not above the first; times count from "
            "1970.",
            "bucket(27, 10)", "20");
  table.add({{"nullif(any, any) -> dyn", null_if}},
            "The first, or null where both are equal: what marks a missing value in other data.",
            "nullif(-999, -999)", "null");
  table.add({{"round(number) -> number", round_to}, {"round(number, int) -> number", round_to}},
            "Rounded to so many decimals, halves away from 0; below 0 to tens, hundreds….",
            "round(21.5678, 2)", "21.57");
  table.add({{"geo.distance(number, number, number, number) -> double", distance}},
            "Metres between two places, each latitude and longitude in degrees.",
            "math.round(geo.distance(48.8566, 2.3522, 51.5074, -0.1278) / 1000.0)", "344.0");
}

}  // namespace streamflow::expr
