// Timestamps and durations as CEL counts them: nanoseconds; timestamps within the years 0001 to
// 9999, durations within 292 years.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/value.h"

namespace streamflow::expr {

__extension__ using Nanos = __int128;

inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

inline Nanos nanos_of(const Value& value) {
  return static_cast<Nanos>(value.as_micros()) * 1000 + value.nanos();
}
// kError when out of range.
Value timestamp_from(Nanos nanos);
Value duration_from(Nanos nanos);

// RFC 3339; decimals beyond the ninth are cut off.
std::optional<Nanos> parse_timestamp(std::string_view text);
// `1h30m`, `-1.5s`, `100ms`, `1us`, `2d`: as CEL (Go) writes them, and StreamFlow's d and w.
std::optional<Nanos> parse_duration_text(std::string_view text);
std::string timestamp_text(
    const Value& timestamp);  // "2024-01-01T00:00:00.1Z", as few decimals as are exact
std::string duration_text(const Value& duration);  // "5400s", "-1.5s"

}  // namespace streamflow::expr
