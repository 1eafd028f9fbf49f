// Values as CEL text.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/expr/instant.h"
#include "core/expr/program.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_byte_escape(unsigned char c, std::string& out) {
  (out += "\\x") += kHex[c >> 4];
  out += kHex[c & 15];
}

void append_quoted(std::string_view text, bool bytes, std::string& out) {
  out += '\'';
  for (const char character : text) {
    const auto c = static_cast<unsigned char>(character);
    if (c == '\'' || c == '\\')
      (out += '\\') += character;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (c < 0x20 || c == 0x7F || (bytes && c >= 0x80))
      append_byte_escape(c, out);
    else
      out += character;
  }
  out += '\'';
}

void append_literal(const Value& value, std::string& out);

void append_items(const Value& value, std::string& out) {
  out += '[';
  for (size_t i = 0; i < value.items().size(); ++i) {
    if (i > 0) out += ", ";
    append_literal(value.items()[i], out);
  }
  out += ']';
}

void append_entries(const Value& value, std::string& out) {
  out += '{';
  for (size_t i = 0; i < value.entries().size(); ++i) {
    if (i > 0) out += ", ";
    append_literal(value.entries()[i].first, out);
    out += ": ";
    append_literal(value.entries()[i].second, out);
  }
  out += '}';
}

void append_double(double d, std::string& out) {
  if (std::isnan(d))
    out += "double('NaN')";
  else if (std::isinf(d))
    out += d > 0 ? "double('Infinity')" : "double('-Infinity')";
  else
    append_json_double(d, out);
}

void append_literal(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kString:
      append_quoted(value.text(), false, out);
      return;
    case Kind::kBytes:
      out += 'b';
      append_quoted(value.text(), true, out);
      return;
    case Kind::kUint:
      (out += std::to_string(value.as_uint())) += 'u';
      return;
    case Kind::kDouble:
      append_double(value.as_double(), out);
      return;
    case Kind::kTimestamp:
      ((out += "timestamp('") += timestamp_text(value)) += "')";
      return;
    case Kind::kDuration:
      ((out += "duration('") += duration_text(value)) += "')";
      return;
    case Kind::kList:
      append_items(value, out);
      return;
    case Kind::kMap:
      append_entries(value, out);
      return;
    case Kind::kType:
      out += value.text();
      return;
    case Kind::kOptional:
      if (value.inner().is(Kind::kMissing)) {
        out += "optional.none()";
        return;
      }
      out += "optional.of(";
      append_literal(value.inner(), out);
      out += ')';
      return;
    case Kind::kError:
      (out += "error: ") += value.text();
      return;
    default:
      append_json(value, out);  // bool, int, null
  }
}

}  // namespace

std::string literal(const Value& value) {
  std::string out;
  append_literal(value, out);
  return out;
}

}  // namespace streamflow::expr
