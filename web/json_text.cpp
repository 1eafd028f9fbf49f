#include "web/json_text.h"

#include <charconv>
#include <cmath>
#include <cstddef>

namespace streamflow::web {
namespace {

// Room for the longest shortest-form double (24 characters) and for any 64-bit integer.
constexpr std::size_t kNumberBytesMax = 32;
constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53

template <class Number>
void append_number(std::string& out, Number value) {
  char text[kNumberBytesMax];
  const auto [end, error] = std::to_chars(text, text + kNumberBytesMax, value);
  if (error == std::errc()) out.append(text, end);
}

// The length of the UTF-8 sequence at the start of text, or the negative length of the part to
// replace. Overlong forms, surrogates and values above U+10FFFF fail at their second byte.
int sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  int length = 0;
  unsigned char low = 0x80, high = 0xbf;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    length = 2;
  else if (lead >= 0xe0 && lead <= 0xef)
    length = 3;
  else if (lead >= 0xf0 && lead <= 0xf4)
    length = 4;
  else
    return -1;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (int i = 1; i < length; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (at >= text.size() || byte(at) < low || byte(at) > high) return -i;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[(c >> 4) & 0xf];
      out += kHex[c & 0xf];
  }
}

}  // namespace

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
  } else if (std::abs(value) < kExactIntegerMax && value == std::trunc(value)) {
    append_number(out, static_cast<std::int64_t>(value));
  } else {
    append_number(out, value);
  }
}

void append_json_integer(std::string& out, std::int64_t value) { append_number(out, value); }

void append_json_count(std::string& out, std::uint64_t value) { append_number(out, value); }

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (const int length = sequence_length(text); length > 1) {
      out.append(text.substr(0, static_cast<std::size_t>(length)));
      text.remove_prefix(static_cast<std::size_t>(length));
      continue;
    } else if (length < 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(static_cast<std::size_t>(-length));
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\')
      append_escaped(out, c);
    else
      out += c;
    text.remove_prefix(1);
  }
  out += '"';
}

}  // namespace streamflow::web
