// Text as a terminal shows it: what is printable, and the columns that it takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamflow {

// 0 for combining marks, 2 for wide East Asian characters and emoji (Unicode UAX 11, by its
// blocks), else 1.
int columns_of(char32_t code_point);

// For messages: control characters and bytes that are not UTF-8 become U+FFFD, so that a hostile
// text cannot steer the terminal.
void append_printable(std::string_view text, std::string& out);

}  // namespace streamflow
