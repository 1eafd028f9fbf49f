// Times and durations: int64 microseconds everywhere inside; text such as `60s` or RFC 3339 is
// converted at the edge, here.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace streamflow {

using Micros = int64_t;  // a time: microseconds since the Unix epoch, UTC; or a length of time

inline constexpr Micros kMicrosPerMilli = 1'000;
inline constexpr Micros kMicrosPerSecond = 1'000'000;
inline constexpr Micros kTimeMin = std::numeric_limits<Micros>::min();  // "before everything"
inline constexpr Micros kTimeMax = std::numeric_limits<Micros>::max();  // "after everything"

// `250ms`, `60s`, `5m`, `1h30m`, `1d`; units us ms s m h d w, largest first, no sign, no blanks.
// Nothing for other text, a bare number included, or beyond int64.
std::optional<Micros> parse_duration(std::string_view text);
// The shortest such text: 90s is "1m30s".
std::string format_duration(Micros duration);

// RFC 3339 with any offset and up to nanoseconds (cut to microseconds); `T`, `t` or a blank between
// date and time; a missing offset is UTC; a bare date is its midnight.  Years 0001 to 9999.  About
// 14 ns a call: the day is cached per thread.
std::optional<Micros> parse_rfc3339(std::string_view text);

inline constexpr size_t kRfc3339Max = 32;
// UTC with the fewest of 0, 3 or 6 decimals that is exact; returns the length written to `out`.
size_t format_rfc3339(Micros time, char (&out)[kRfc3339Max]);
std::string format_rfc3339(Micros time);

enum class TimeUnit : unsigned char { kUnknown, kSeconds, kMillis, kMicros, kNanos };
// The unit that a number read as an epoch time has by its magnitude: below 1e11 seconds, 1e14
// milliseconds, 1e17 microseconds, else nanoseconds.
TimeUnit unit_by_magnitude(double number);
// A number of `unit` since the epoch; nothing when out of range or not finite.
std::optional<Micros> micros_from(double number, TimeUnit unit);
std::optional<Micros> micros_from(int64_t number, TimeUnit unit);

// The calendar, proleptic Gregorian (H. Hinnant, "chrono-compatible low-level date algorithms").
int64_t days_from_civil(int year, unsigned month, unsigned day);
struct CivilDate {
  int year;
  unsigned month;  // 1..12
  unsigned day;    // 1..31
};
CivilDate civil_from_days(int64_t days);

// Without overflow: what is before or after everything stays there.  `length` is not negative.
constexpr Micros plus(Micros time, Micros length) {
  return time > kTimeMax - length ? kTimeMax : time + length;
}
constexpr Micros minus(Micros time, Micros length) {
  return time < kTimeMin + length ? kTimeMin : time - length;
}

// Floor division: the start of the interval of `width` that holds `time`, intervals starting at
// `offset` plus multiples of `width`.
constexpr Micros floor_to(Micros time, Micros width, Micros offset = 0) {
  const Micros shifted = time - offset;
  const Micros rest = shifted % width;
  return time - (rest < 0 ? rest + width : rest);
}

}  // namespace streamflow
