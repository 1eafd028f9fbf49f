#include "core/expr/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

#include "core/expr/eval.h"
#include "core/expr/instant.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

std::string infinite_text(double d) {
  if (std::isnan(d)) return "NaN";
  return d > 0 ? "Infinity" : "-Infinity";
}

// The shortest decimal that reads back equal, without an exponent.
std::string decimal_text(double d) {
  if (!std::isfinite(d)) return infinite_text(d);
  std::array<char, 400> digits;  // 309 before the point, or 324 after it and 17 of them
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), d, std::chars_format::fixed);
  return {digits.data(), written.ptr};
}

void append_any(const Value& value, std::string& out);

void append_map(const Value& value, std::string& out) {
  std::vector<std::pair<std::string, const Value*>> sorted;
  for (const auto& [key, item] : value.entries()) {
    std::string text;
    append_any(key, text);
    sorted.emplace_back(std::move(text), &item);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  out += '{';
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) out += ", ";
    (out += sorted[i].first) += ": ";
    append_any(*sorted[i].second, out);
  }
  out += '}';
}

void append_any(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kBytes:  // a text is always valid
      out += to_valid_utf8(value.text());
      return;
    case Kind::kString:
    case Kind::kType:
      out += value.text();
      return;
    case Kind::kDouble:
      out += decimal_text(value.as_double());
      return;
    case Kind::kTimestamp:
      out += timestamp_text(value);
      return;
    case Kind::kDuration:
      out += duration_text(value);
      return;
    case Kind::kList: {
      out += '[';
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i > 0) out += ", ";
        append_any(value.items()[i], out);
      }
      out += ']';
      return;
    }
    case Kind::kMap:
      append_map(value, out);
      return;
    default:
      append_json(value, out);
  }
}

std::string in_base(uint64_t number, int base) {
  std::array<char, 65> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  return {digits.data(), end};
}

std::string signed_in_base(const Value& value, int base) {
  const bool negative = value.is(Kind::kInt) && value.as_int() < 0;
  return negative ? "-" + in_base(0 - value.as_uint(), base) : in_base(value.as_uint(), base);
}

std::string hexadecimal(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// A whole double as an int or a uint, if it fits in one.
Value as_integer(const Value& value) {
  if (!value.is(Kind::kDouble)) return value;
  const double d = value.as_double();
  if (d != std::trunc(d)) return value;
  if (d >= -0x1p63 && d < 0x1p63) return Value::integer(static_cast<int64_t>(d));
  if (d >= 0 && d < 0x1p64) return Value::unsigned_integer(static_cast<uint64_t>(d));
  return value;
}

void upper(std::string& text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
}

// One clause; false when the value does not suit it.
bool append_clause(char clause, int precision, const Value& value, std::string& out) {
  const Kind kind = value.kind();
  const bool whole = kind == Kind::kInt || kind == Kind::kUint;
  std::string text;
  switch (clause) {
    case 's':
      if (kind == Kind::kOptional || kind == Kind::kError) return false;
      append_any(value, text);
      break;
    case 'd':
      if (whole)
        text = signed_in_base(value, 10);
      else if (kind == Kind::kDouble)
        text = decimal_text(value.as_double());
      else
        return false;
      break;
    case 'b':
      if (kind == Kind::kBool)
        text = value.as_bool() ? "1" : "0";
      else if (whole)
        text = signed_in_base(value, 2);
      else
        return false;
      break;
    case 'o':
      if (!whole) return false;
      text = signed_in_base(value, 8);
      break;
    case 'x':
    case 'X':
      if (whole)
        text = signed_in_base(value, 16);
      else if (kind == Kind::kString || kind == Kind::kBytes)
        text = hexadecimal(value.text());
      else
        return false;
      if (clause == 'X') upper(text);
      break;
    default: {  // f, e
      if (!is_number(kind)) return false;
      const double d = value.to_double();
      if (!std::isfinite(d)) {
        text = infinite_text(d);
        break;
      }
      std::array<char, 512> room;
      const int size =
          std::snprintf(room.data(), room.size(), clause == 'f' ? "%.*f" : "%.*e", precision, d);
      text.assign(room.data(), static_cast<size_t>(size));
    }
  }
  out += text;
  return true;
}

}  // namespace

Value format_text(std::string_view format, const Value::List& values, bool number) {
  std::string out;
  size_t used = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    if (out.size() > kResultBytesMax) return Value::error("the text grows too long");
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    if (++at < format.size() && format[at] == '%') {
      out += '%';
      continue;
    }
    int precision = 6;
    if (at < format.size() && format[at] == '.') {
      const char* end = format.data() + format.size();
      const auto read = std::from_chars(format.data() + at + 1, end, precision);
      if (read.ec != std::errc() || precision < 0 || precision > kPrecisionMax)
        return Value::error("format(): a precision is 0 to 100");
      at = static_cast<size_t>(read.ptr - format.data());
    }
    const std::string clause = at < format.size() ? std::string(1, format[at]) : "";
    if (clause.empty() || std::string_view("sdfexXob").find(clause) == std::string_view::npos)
      return Value::error("format(): unknown clause %" + clause);
    if (used >= values.size()) return Value::error("format(): too few values");
    const bool in_base = clause == "x" || clause == "X" || clause == "o" || clause == "b";
    const Value value = number && in_base ? as_integer(values[used]) : values[used];
    if (!append_clause(clause[0], precision, value, out))
      return Value::error("format(): %" + clause + " does not take " +
                          with_article(values[used].kind()));
    ++used;
  }
  return Value::string(std::move(out));
}

}  // namespace streamflow::expr
