// Option texts as values, and the nearest right text where one is wrong.  Durations are in
// core/time.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"

namespace streamflow {

// `64KiB`, `8MiB`; units B KiB MiB GiB TiB, a whole number, no blank.  Nothing for other text, a
// bare number included, or beyond int64.
std::optional<int64_t> parse_size(std::string_view text);
// Decimal, with an optional minus; `010` is ten.
std::optional<int64_t> parse_integer(std::string_view text);
// Decimal, with fraction and exponent; finite.
std::optional<double> parse_number(std::string_view text);
// A length of time: a duration (core/time.h), or a whole number of months (`mo`) or years (`y`), at
// most 12,000 months, whose lengths the calendar knows.
struct Length {
  Micros time = 0;
  int64_t months = 0;  // 1 or more: then time is 0
};
std::optional<Length> parse_length(std::string_view text);
// `true` or `false`.
std::optional<bool> parse_flag(std::string_view text);

// What was likely meant by a wrong text: `60 sec` is 60s, `8MB` 8MiB, `yes` true; else empty.
std::string likely_duration(std::string_view text);
std::string likely_size(std::string_view text);
std::string_view likely_flag(std::string_view text);

// `scheme:` at the start, and its name in lower case; empty where there is none.
std::string scheme_of(std::string_view text);
// [A-Za-z_][A-Za-z0-9_-]*
bool is_stream_name(std::string_view text);
// The same with an optional `.late` or `.errors`: what may be read from.
bool is_stream_reference(std::string_view text);

// The text as a quoted YAML scalar, in single quotes where that needs no doubling.
std::string quoted(std::string_view text);

}  // namespace streamflow
