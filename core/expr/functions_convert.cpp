// Conversions between types, as CEL defines them: strict, with an error where a value does not fit.
#include <array>
#include <charconv>
#include <cmath>

#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/expr/instant.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

Value same(const Call& call) { return call[0]; }

Value not_a(std::string_view type, std::string_view text) {
  std::string shown(clipped(text));
  return Value::error("'" + shown + "' is not " + std::string(type));
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  if (std::is_signed_v<T> && text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  T out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return {};
  return out;
}

Value to_int(const Call& call) {
  const Value& v = call[0];
  switch (v.kind()) {
    case Kind::kUint:
      if (v.as_uint() > uint64_t{INT64_MAX}) return Value::error("int out of range");
      return Value::integer(v.as_int());
    case Kind::kDouble:
      // The ends themselves are refused, as other implementations do: they are rounded numbers.
      if (!(v.as_double() > -kTwo63 && v.as_double() < kTwo63))
        return Value::error("int out of range");
      return Value::integer(static_cast<int64_t>(v.as_double()));
    case Kind::kTimestamp:
      return Value::integer(floor_to(v.as_micros(), kMicrosPerSecond) / kMicrosPerSecond);
    case Kind::kString: {
      const auto parsed = parse_whole<int64_t>(v.text());
      return parsed ? Value::integer(*parsed) : not_a("an int", v.text());
    }
    default:
      return v;
  }
}

Value to_uint(const Call& call) {
  const Value& v = call[0];
  switch (v.kind()) {
    case Kind::kInt:
      if (v.as_int() < 0) return Value::error("uint out of range");
      return Value::unsigned_integer(v.as_uint());
    case Kind::kDouble:
      if (!(v.as_double() > -1 && v.as_double() < kTwo64) || v.as_double() < 0)
        return Value::error("uint out of range");
      return Value::unsigned_integer(static_cast<uint64_t>(v.as_double()));
    case Kind::kString: {
      const auto parsed = parse_whole<uint64_t>(v.text());
      return parsed ? Value::unsigned_integer(*parsed) : not_a("a uint", v.text());
    }
    default:
      return v;
  }
}

std::optional<double> parse_double(std::string_view text) {
  std::string_view digits = text;
  bool negative = false;
  if (digits.starts_with('+') || digits.starts_with('-')) {
    negative = digits.front() == '-';
    digits.remove_prefix(1);
  }
  if (digits.empty() || digits.front() == '-' || digits.front() == '+' ||
      digits.find('(') != std::string_view::npos)
    return {};
  const bool no_number = digits.front() == 'n' || digits.front() == 'N';
  if (no_number && digits.size() < text.size()) return {};  // -NaN
  double d = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), d);
  if (read.ptr != digits.data() + digits.size()) return {};
  if (read.ec == std::errc::result_out_of_range) {  // too small is 0, too large no double
    d = std::strtod(std::string(digits).c_str(), nullptr);
    if (std::isinf(d)) return {};
  } else if (read.ec != std::errc()) {
    return {};
  }
  return negative ? -d : d;
}

Value to_double(const Call& call) {
  const Value& v = call[0];
  if (!v.is(Kind::kString)) return Value::real(v.to_double());
  const auto parsed = parse_double(v.text());
  return parsed ? Value::real(*parsed) : not_a("a double", v.text());
}

Value to_bool(const Call& call) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0",     "f",     "F",
                                                             "false", "FALSE", "False"};
  const std::string_view text = call[0].text();
  for (const std::string_view word : kTrue)
    if (word == text) return Value::boolean(true);
  for (const std::string_view word : kFalse)
    if (word == text) return Value::boolean(false);
  return not_a("a bool", text);
}

// The shortest text that reads back equal.  CEL's has an exponent from 1e+06 on, as cel-go's %g;
// for a `number`, where 1000000 and 1000000.0 are one, only numbers that would be long have.
std::string double_text(double d, bool number) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "+Inf" : "-Inf";
  std::string text;
  constexpr double kExponentFrom = 1e6;
  if (!number && std::fabs(d) >= kExponentFrom) {
    std::array<char, 32> room;
    return {room.data(),
            std::to_chars(room.data(), room.data() + room.size(), d, std::chars_format::scientific)
                .ptr};
  }
  append_json_double(d, text);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

Value to_string(const Call& call) {
  const Value& v = call[0];
  switch (v.kind()) {
    case Kind::kInt:
      return Value::string(std::to_string(v.as_int()));
    case Kind::kUint:
      return Value::string(std::to_string(v.as_uint()));
    case Kind::kDouble:
      return Value::string(double_text(v.as_double(), call.node.number));
    case Kind::kBool:
      return Value::string(v.as_bool() ? "true" : "false");
    case Kind::kTimestamp:
      return Value::string(timestamp_text(v));
    case Kind::kDuration:
      return Value::string(duration_text(v));
    case Kind::kBytes:
      if (!valid_utf8(v.text())) return Value::error("these bytes are not UTF-8");
      return Value::string(std::string(v.text()));
    default:
      return v;
  }
}

Value to_bytes(const Call& call) { return Value::bytes(std::string(call[0].text())); }

// With T, and Z or an offset: what parse_timestamp takes beside that is no RFC 3339.
bool is_rfc3339(std::string_view text) {
  constexpr size_t kDate = 10, kSeconds = 19, kOffset = 6;
  if (text.size() <= kSeconds || text[kDate] != 'T') return false;
  if (text[kSeconds - 2] == '6') return false;  // a leap second
  const char sign = text[text.size() - kOffset];
  return text.back() == 'Z' || ((sign == '+' || sign == '-') && text.size() >= kSeconds + kOffset);
}

Value to_timestamp(const Call& call) {
  const Value& v = call[0];
  if (v.is(Kind::kInt)) return timestamp_from(static_cast<Nanos>(v.as_int()) * kNanosPerSecond);
  const bool exact = !call.evaluator.pure() || is_rfc3339(v.text());
  const auto parsed = exact ? parse_timestamp(v.text()) : std::nullopt;
  return parsed ? timestamp_from(*parsed) : not_a("a timestamp (RFC 3339)", v.text());
}

Value to_duration(const Call& call) {
  const std::string_view text = call[0].text();
  const bool exact = !call.evaluator.pure() || text.find_first_of("dw") == std::string_view::npos;
  const auto parsed = exact ? parse_duration_text(text) : std::nullopt;
  return parsed ? duration_from(*parsed) : not_a("a duration such as 1h30m", call[0].text());
}

Value type_value(const Call& call) {
  switch (call[0].kind()) {
    case Kind::kMissing:
    case Kind::kNull:
      return Value::type("null_type");
    case Kind::kTimestamp:
      return Value::type("google.protobuf.Timestamp");
    case Kind::kDuration:
      return Value::type("google.protobuf.Duration");
    case Kind::kOptional:
      return Value::type("optional_type");
    default:
      return Value::type(std::string(kind_name(call[0].kind())));
  }
}

Value dyn(const Call& call) { return call[0]; }

}  // namespace

void add_conversions(FunctionTable& table) {
  table.add({{"int(int) -> int", same},
             {"int(uint) -> int", to_int},
             {"int(double) -> int", to_int},
             {"int(string) -> int", to_int},
             {"int(timestamp) -> int", to_int}},
            "A whole number: of a double without its fraction, of a timestamp the seconds since "
            "1970.",
            "int('42')", "42");
  table.add({{"uint(uint) -> uint", same},
             {"uint(int) -> uint", to_uint},
             {"uint(double) -> uint", to_uint},
             {"uint(string) -> uint", to_uint}},
            "An unsigned whole number.", "uint(7)", "7u");
  table.add({{"double(double) -> double", same},
             {"double(int) -> double", to_double},
             {"double(uint) -> double", to_double},
             {"double(string) -> double", to_double}},
            "A double.", "double('21.5')", "21.5");
  table.add({{"bool(bool) -> bool", same}, {"bool(string) -> bool", to_bool}},
            "true or false from text.", "bool('true')", "true");
  table.add({{"string(string) -> string", same},
             {"string(bool) -> string", to_string},
             {"string(int) -> string", to_string},
             {"string(uint) -> string", to_string},
             {"string(double) -> string", to_string},
             {"string(bytes) -> string", to_string},
             {"string(timestamp) -> string", to_string},
             {"string(duration) -> string", to_string}},
            "The value as text.", "string(21.5)", "'21.5'");
  table.add({{"bytes(bytes) -> bytes", same}, {"bytes(string) -> bytes", to_bytes}},
            "The UTF-8 bytes of a text.", "bytes('é')", "b'\\xc3\\xa9'");
  table.add({{"timestamp(timestamp) -> timestamp", same},
             {"timestamp(string) -> timestamp", to_timestamp},
             {"timestamp(int) -> timestamp", to_timestamp}},
            "A timestamp from RFC 3339 text, or from seconds since 1970; in pipelines the T may be "
            "a blank, "
            "and a time without offset is UTC. For other text: parseTime().",
            "timestamp('2024-01-01T00:00:00Z') < timestamp('2024-01-01T01:00:00+00:30')", "true");
  table.add(
      {{"duration(duration) -> duration", same}, {"duration(string) -> duration", to_duration}},
      "A duration from text such as 90s, 1h30m, 250ms; in pipelines also 2d, 1w.",
      "duration('1h30m') == duration('90m')", "true");
  table.add({{"type(any) -> type", type_value}}, "The type of a value.", "type(1) == int", "true");
  table.add({{"dyn(any) -> dyn", dyn}}, "The value itself; the checker forgets its type.",
            "dyn(1) == 'a'", "false");
}

}  // namespace streamflow::expr
