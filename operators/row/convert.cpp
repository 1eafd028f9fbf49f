#include "operators/row/convert.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "core/time.h"

namespace streamflow {
namespace {

constexpr size_t kShownMax = 60;  // bytes of a value in a message

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

Value refused(const Value& value, Type type) {
  std::string shown;
  append_json(value, shown);
  if (shown.size() > kShownMax) {
    size_t end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;
    shown.resize(end);
    shown += "…";
  }
  return Value::error("cannot make " + with_article(type) + " of " + shown);
}

template <class T>
std::optional<T> whole(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> real(std::string_view text) {
  if (text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) {
    return std::nullopt;  // from_chars also reads inf and nan
  }
  if (text.front() == '+') text.remove_prefix(1);
  return whole<double>(text);
}

Value to_int(const Value& value) {
  if (value.is(Kind::kUint) && value.as_uint() > INT64_MAX) return {};
  if (is_number(value.kind())) {
    const double d = value.to_double();
    if (!value.is(Kind::kDouble)) return Value::integer(value.as_int());
    if (!(d > -9223372036854775809.0 && d < 9223372036854775808.0)) return {};
    return Value::integer(static_cast<int64_t>(d));
  }
  if (value.is(Kind::kBool)) return Value::integer(value.as_bool() ? 1 : 0);
  if (value.is(Kind::kTimestamp)) {
    return Value::integer(floor_to(value.as_micros(), kMicrosPerSecond) / kMicrosPerSecond);
  }
  if (!value.is(Kind::kString)) return {};
  const auto number = whole<int64_t>(trimmed(value.text()));
  return number ? Value::integer(*number) : Value();
}

Value to_uint(const Value& value) {
  if (value.is(Kind::kUint)) return value;
  if (value.is(Kind::kInt)) {
    return value.as_int() < 0 ? Value() : Value::unsigned_integer(value.as_uint());
  }
  if (value.is(Kind::kDouble)) {
    const double d = value.as_double();
    if (!(d > -1.0 && d < 18446744073709551616.0)) return {};
    return Value::unsigned_integer(static_cast<uint64_t>(d));
  }
  if (value.is(Kind::kBool)) return Value::unsigned_integer(value.as_bool() ? 1 : 0);
  if (!value.is(Kind::kString)) return {};
  const auto number = whole<uint64_t>(trimmed(value.text()));
  return number ? Value::unsigned_integer(*number) : Value();
}

Value to_double(const Value& value) {
  if (is_number(value.kind())) return Value::real(value.to_double());
  if (value.is(Kind::kBool)) return Value::real(value.as_bool() ? 1 : 0);
  if (!value.is(Kind::kString)) return {};
  const auto number = real(trimmed(value.text()));
  return number ? Value::real(*number) : Value();
}

Value to_number(const Value& value) {
  if (is_number(value.kind())) return value;
  if (value.is(Kind::kString)) {
    const std::string_view text = trimmed(value.text());
    if (const auto number = whole<int64_t>(text)) return Value::integer(*number);
    if (const auto number = whole<uint64_t>(text)) return Value::unsigned_integer(*number);
  }
  return value.is(Kind::kBool) ? to_int(value) : to_double(value);
}

Value to_string(const Value& value) {
  if (value.is(Kind::kString)) return value;
  std::string text;
  append_json(value, text);
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return Value::string(std::move(text));
}

Value to_bool(const Value& value) {
  if (value.is(Kind::kBool)) return value;
  if (is_number(value.kind())) return Value::boolean(value.to_double() != 0);
  if (!value.is(Kind::kString)) return {};
  const std::string_view text = trimmed(value.text());
  if (text == "true" || text == "True" || text == "TRUE") return Value::boolean(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value::boolean(false);
  return {};
}

Value to_timestamp(const Value& value) {
  if (value.is(Kind::kTimestamp)) return value;
  std::optional<Micros> time;
  if (value.is(Kind::kString)) {
    time = parse_rfc3339(trimmed(value.text()));
  } else if (value.is(Kind::kInt)) {
    time = micros_from(value.as_int(), unit_by_magnitude(value.to_double()));
  } else if (is_number(value.kind())) {
    time = micros_from(value.to_double(), unit_by_magnitude(value.to_double()));
  }
  return time ? Value::timestamp(*time) : Value();
}

Value to_duration(const Value& value) {
  if (value.is(Kind::kDuration)) return value;
  std::optional<Micros> length;
  if (value.is(Kind::kString)) {
    length = parse_duration(trimmed(value.text()));
  } else if (is_number(value.kind())) {
    length = micros_from(value.to_double(), TimeUnit::kSeconds);
  }
  return length ? Value::duration(*length) : Value();
}

Value converted(const Value& value, Type type) {
  switch (type) {
    case Type::kInt:
      return to_int(value);
    case Type::kUint:
      return to_uint(value);
    case Type::kDouble:
      return to_double(value);
    case Type::kNumber:
      return to_number(value);
    case Type::kString:
      return to_string(value);
    case Type::kBool:
      return to_bool(value);
    case Type::kTimestamp:
      return to_timestamp(value);
    case Type::kDuration:
      return to_duration(value);
    default:
      return {};
  }
}

}  // namespace

Type cast_type(std::string_view name) {
  for (const Type type : {Type::kInt, Type::kUint, Type::kDouble, Type::kNumber, Type::kString,
                          Type::kBool, Type::kTimestamp, Type::kDuration}) {
    if (type_name(type) == name) return type;
  }
  return Type::kDyn;
}

Value convert(const Value& value, Type type) {
  if (value.is_absent() || value.is_error()) return value;
  Value result = converted(value, type);
  return result.is(Kind::kMissing) ? refused(value, type) : result;
}

}  // namespace streamflow
