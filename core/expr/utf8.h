// UTF-8, code point by code point.  Text that is valid stays so; what is not decodes to U+FFFD one
// byte at a time, so that no function here can read past the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamflow::expr {

inline constexpr uint32_t kReplacement = 0xFFFD;

struct CodePoint {
  uint32_t value = kReplacement;
  uint32_t length = 1;  // bytes
  bool valid = false;
};
CodePoint decode_utf8(std::string_view text, size_t at);  // at < size
void append_utf8(uint32_t code_point, std::string& out);
bool valid_utf8(std::string_view text);
// The text with U+FFFD in place of each byte that is not UTF-8: what may stand in a JSON document.
std::string to_valid_utf8(std::string_view text);
size_t count_code_points(std::string_view text);
// The byte offset of code point `index`; the size of the text for the one past the last.
size_t offset_of_code_point(std::string_view text, size_t index);
// No surrogate, at most U+10FFFF.
inline bool is_scalar_value(uint32_t c) { return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF); }
// May start or continue a name: letters, digits (not at the start) and `_`; beyond ASCII everything
// but blanks, controls, punctuation and symbols of the common blocks.
bool is_name_start(uint32_t c);
bool is_name_part(uint32_t c);
bool is_name(std::string_view text);

// The first bytes of a text, for messages, without half a character.
std::string_view clipped(std::string_view text, size_t bytes = 60);

}  // namespace streamflow::expr
