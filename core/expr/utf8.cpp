#include "core/expr/utf8.h"

#include <algorithm>
#include <array>

namespace streamflow::expr {
namespace {

bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

struct Range {
  uint32_t first, last;
};

// What is no part of a name beyond ASCII: blanks, punctuation, signs and what has no meaning.
constexpr std::array kNotNames = {
    Range{0x80, 0xA9},     Range{0xAB, 0xB4},     Range{0xB6, 0xB9},     Range{0xBB, 0xBF},
    Range{0xD7, 0xD7},     Range{0xF7, 0xF7},     Range{0x1680, 0x1680}, Range{0x2000, 0x203E},
    Range{0x2041, 0x2053}, Range{0x2055, 0x206F}, Range{0x20A0, 0x20CF}, Range{0x2190, 0x2BFF},
    Range{0x2E00, 0x2E7F}, Range{0x3000, 0x3004}, Range{0x3008, 0x3020}, Range{0x3030, 0x3030},
    Range{0xD800, 0xF8FF}, Range{0xFD3E, 0xFD3F}, Range{0xFE10, 0xFE1F}, Range{0xFE30, 0xFE32},
    Range{0xFE35, 0xFE4C}, Range{0xFE50, 0xFE6F}, Range{0xFEFF, 0xFEFF}, Range{0xFF01, 0xFF0F},
    Range{0xFF1A, 0xFF20}, Range{0xFF3B, 0xFF3E}, Range{0xFF5B, 0xFF65}, Range{0xFFE0, 0xFFFF},
};

bool is_name_beyond_ascii(uint32_t c) {
  return is_scalar_value(c) && std::none_of(kNotNames.begin(), kNotNames.end(),
                                            [c](Range r) { return c >= r.first && c <= r.last; });
}

}  // namespace

CodePoint decode_utf8(std::string_view text, size_t at) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  const uint32_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return {};
  uint32_t value = lead & (0x7Fu >> length);
  for (uint32_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(at + i))) return {};
    value = value << 6 | (byte(at + i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || !is_scalar_value(value)) return {};
  return {value, length, true};
}

void append_utf8(uint32_t c, std::string& out) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid) return false;
    at += c.length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (point.valid) {
      out += text.substr(at, point.length);
    } else {
      append_utf8(kReplacement, out);
    }
    at += point.length;
  }
  return out;
}

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return !is_continuation(static_cast<unsigned char>(c));
  }));
}

size_t offset_of_code_point(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) {
    ++at;
    while (at < text.size() && is_continuation(static_cast<unsigned char>(text[at]))) ++at;
  }
  return at;
}

bool is_name_start(uint32_t c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= 0x80 && is_name_beyond_ascii(c));
}

bool is_name_part(uint32_t c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

bool is_name(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid || !(at == 0 ? is_name_start(c.value) : is_name_part(c.value))) return false;
    at += c.length;
  }
  return !text.empty();
}

std::string_view clipped(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (text[bytes] & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace streamflow::expr
