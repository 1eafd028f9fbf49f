// StreamFlow's own functions: what users of pandas and SQL look for.
#include <cmath>

#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/expr/instant.h"
#include "core/expr/numbers.h"
#include "core/expr/regex.h"

namespace streamflow::expr {
namespace {

Value coalesce(const Call& call) {
  for (const Value& value : call.arguments)
    if (!value.is_absent()) return value;
  return Value::null();
}

Value between(const Call& call) {
  const int low = compare(call[0], call[1]), high = compare(call[0], call[2]);
  if (low == kUnordered || high == kUnordered) {
    if (is_number(call[0].kind()) && is_number(call[1].kind()) && is_number(call[2].kind()))
      return Value::boolean(false);  // NaN
    return Value::error("between() cannot compare " + with_article(call[0].kind()) +
                        " with its bounds");
  }
  return Value::boolean(low >= 0 && high <= 0);
}

Value clamp(const Call& call) {
  if (compare(call[0], call[1]) < 0) return call[1];
  return compare(call[0], call[2]) == 1 ? call[2] : call[0];
}

Value bucket_number(const Call& call) {
  const Value &x = call[0], &width = call[1];
  if (!(width.to_double() > 0)) return Value::error("bucket() needs a width above 0");
  if (x.is(Kind::kInt) && width.is(Kind::kInt)) {
    // Floor division, the lowest bucket cut off at the least int.
    int64_t rest = x.as_int() % width.as_int();
    if (rest < 0) rest += width.as_int();
    int64_t out = 0;
    if (__builtin_sub_overflow(x.as_int(), rest, &out)) return Value::error("integer overflow");
    return Value::integer(out);
  }
  return Value::real(std::floor(x.to_double() / width.to_double()) * width.to_double());
}

Value bucket_time(const Call& call) {
  const Nanos width = nanos_of(call[1]);
  if (width <= 0) return Value::error("bucket() needs a width above 0");
  const Nanos time = nanos_of(call[0]);
  return timestamp_from(time - ((time % width) + width) % width);
}

Value extract(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  if (!call.evaluator.spend(call[0].text().size() / 64)) return Evaluator::too_much();
  re2::StringPiece found;
  const auto text = piece(call[0].text());
  const bool grouped = (*pattern).NumberOfCapturingGroups() > 0;
  re2::StringPiece groups[2];
  if (!(*pattern).Match(text, 0, text.size(), re2::RE2::UNANCHORED, groups, grouped ? 2 : 1))
    return Value::null();
  found = groups[grouped ? 1 : 0];
  if (found.data() == nullptr) return Value::null();
  return Value::string(std::string(found.data(), found.size()));
}

Value replace(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  if (!call.evaluator.spend(call[0].text().size() / 16)) return Evaluator::too_much();
  std::string why;
  if (!(*pattern).CheckRewriteString(piece(call[2].text()), &why))
    return Value::error("regexReplace(): " + why);
  std::string out(call[0].text());
  if (call[2].text().size() > 0 && out.size() > kResultBytesMax / (call[2].text().size() + 1))
    return Value::error("the text grows too long");
  re2::RE2::GlobalReplace(&out, *pattern, piece(call[2].text()));
  return Value::string(std::move(out));
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
  table.add({{"regexExtract(string, string) -> string", extract}},
            "The first group of a regular expression (RE2), or all it matches if it has none; null "
            "where it does not match.",
            "regexExtract('dev-0042', '([0-9]+)')", "'0042'");
  table.add({{"regexReplace(string, string, string) -> string", replace}},
            "With a text in place of all matches of a regular expression; \\1 is its first group.",
            "regexReplace('a1b22', '[0-9]+', '#')", "'a#b#'");
  table.add({{"geo.distance(number, number, number, number) -> double", distance}},
            "Metres between two places, each latitude and longitude in degrees.",
            "math.round(geo.distance(48.8566, 2.3522, 51.5074, -0.1278) / 1000.0)", "344.0");
}

}  // namespace streamflow::expr
