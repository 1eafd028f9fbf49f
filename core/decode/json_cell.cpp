#include "core/decode/json_cell.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "core/expr/utf8.h"
#include "core/json_text.h"

namespace streamflow {
namespace {

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

void set_double(JsonCell& cell, double d) {
  cell.kind = Kind::kDouble;
  cell.bits = std::bit_cast<uint64_t>(d);
}

// The long way: everything that is not a short plain decimal.
void decode_number(const char* begin, const char* end, JsonCell& cell) {
  const std::string_view text = trim_json(begin, end);
  const char* const last = text.data() + text.size();
  const bool integral = text.find_first_of(".eE") == std::string_view::npos;
  if (integral && text != "-0") {
    int64_t i = 0;
    if (std::from_chars(text.data(), last, i).ec == std::errc()) {
      cell.kind = Kind::kInt;
      cell.bits = static_cast<uint64_t>(i);
      return;
    }
    uint64_t u = 0;
    if (text.front() != '-' && std::from_chars(text.data(), last, u).ec == std::errc()) {
      cell.kind = Kind::kUint;
      cell.bits = u;
      return;
    }
  }
  double d = 0;
  const auto result = std::from_chars(text.data(), last, d);
  if (result.ec == std::errc::result_out_of_range) {
    // Too large is infinity, too small is zero: strtod knows which.
    d = std::strtod(std::string(text).c_str(), nullptr);
  }
  set_double(cell, d);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint32_t hex4(const char* p) {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) code = code * 16 + static_cast<uint32_t>(hex_digit(p[i]));
  return code;
}

}  // namespace

std::string_view trim_json(const char* begin, const char* end) {
  while (end > begin && is_json_blank(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

void decode_json_scalar(const char* begin, const char* end, JsonCell& cell) {
  switch (*begin) {
    case 't':
      cell = {Kind::kBool, 1};
      return;
    case 'f':
      cell = {Kind::kBool, 0};
      return;
    case 'n':
      cell = {Kind::kNull, 0};
      return;
    case '[':
      cell = {Kind::kList, 0};
      return;
    case '{':
      cell = {Kind::kMap, 0};
      return;
    default:
      break;
  }
  if (!decode_short_number(begin, end, cell.kind, cell.bits)) decode_number(begin, end, cell);
}

bool plain_json_string(const char* begin, const char* end, std::string_view& text) {
  const std::string_view token = trim_json(begin, end);
  text = token.substr(1, token.size() - 2);
  return text.empty() || std::memchr(text.data(), '\\', text.size()) == nullptr;
}

void unescape_json_string(const char* begin, const char* end, std::string& out) {
  const std::string_view token = trim_json(begin, end);
  const char* p = token.data() + 1;
  const char* const last = token.data() + token.size() - 1;
  while (p < last) {
    if (*p != '\\') {
      out += *p++;
      continue;
    }
    const char escape = p[1];
    p += 2;
    switch (escape) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        uint32_t code = hex4(p);
        p += 4;
        if (code >= 0xD800 && code < 0xDC00 && last - p >= 6 && p[0] == '\\' && p[1] == 'u') {
          const uint32_t low = hex4(p + 2);
          if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            p += 6;
          }
        }
        expr::append_utf8(expr::is_scalar_value(code) ? code : expr::kReplacement, out);
        break;
      }
      default: out += escape; break;
    }
  }
}

bool valid_json_escapes(const char* begin, const char* end) {
  const std::string_view token = trim_json(begin, end);
  for (size_t i = 1; i + 1 < token.size(); ++i) {
    if (token[i] != '\\') continue;
    const char escape = token[++i];
    if (i + 1 >= token.size()) return false;
    if (escape == 'u') {
      if (i + 5 >= token.size()) return false;
      for (size_t k = 1; k <= 4; ++k)
        if (hex_digit(token[i + k]) < 0) return false;
      i += 4;
    } else if (std::strchr("\"\\/bfnrt", escape) == nullptr || escape == 0) {
      return false;
    }
  }
  return true;
}

bool valid_json_number(const char* begin, const char* end) {
  const char* p = begin;
  if (p < end && *p == '-') ++p;
  if (p >= end || !is_digit(*p)) return false;
  if (*p == '0') {
    ++p;
  } else {
    while (p < end && is_digit(*p)) ++p;
  }
  if (p < end && *p == '.') {
    ++p;
    if (p >= end || !is_digit(*p)) return false;
    while (p < end && is_digit(*p)) ++p;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '+' || *p == '-')) ++p;
    if (p >= end || !is_digit(*p)) return false;
    while (p < end && is_digit(*p)) ++p;
  }
  while (p < end && is_json_blank(*p)) ++p;
  return p == end;
}

}  // namespace streamflow
