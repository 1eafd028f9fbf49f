// The two pieces of JSON that are easy to get wrong: numbers and strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamflow::web {

// Appends the shortest text that reads back as the same number; integers below 2^53 without an
// exponent. JSON has no infinities and no NaN: those become null.
void append_json_number(std::string& out, double value);
void append_json_integer(std::string& out, std::int64_t value);
void append_json_count(std::string& out, std::uint64_t value);

// Appends text as a JSON string with its quotes.  Each invalid UTF-8 sequence (as Unicode, 3.9,
// table 3-8 cuts them) becomes one U+FFFD, so that the document is valid whatever a device sent as
// its name.
void append_json_string(std::string& out, std::string_view text);

}  // namespace streamflow::web
