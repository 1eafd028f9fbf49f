#include "core/time.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace streamflow {
namespace {

constexpr Micros kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr Micros kMicrosPerHour = 60 * kMicrosPerMinute;
constexpr Micros kMicrosPerDay = 24 * kMicrosPerHour;

struct DurationUnit {
  std::string_view name;
  Micros micros;
};
// Largest first.
constexpr std::array<DurationUnit, 7> kDurationUnits = {{{"w", 7 * kMicrosPerDay},
                                                         {"d", kMicrosPerDay},
                                                         {"h", kMicrosPerHour},
                                                         {"m", kMicrosPerMinute},
                                                         {"s", kMicrosPerSecond},
                                                         {"ms", kMicrosPerMilli},
                                                         {"us", 1}}};

constexpr unsigned kNotDigits = 1000;
// What the helpers of parse_rfc3339 return for bad text.  Not std::optional: g++ 12 assembles those
// in memory, which cost 10 of 25 ns a call.
constexpr Micros kBad = kTimeMin;

// The number of two digits at `p`, else kNotDigits.
unsigned two_digits(const char* p) {
  const unsigned tens = static_cast<unsigned char>(p[0]) - unsigned{'0'};
  const unsigned ones = static_cast<unsigned char>(p[1]) - unsigned{'0'};
  return tens > 9 || ones > 9 ? kNotDigits : tens * 10 + ones;
}

unsigned days_in_month(unsigned year, unsigned month) {
  constexpr unsigned char kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Midnight of `YYYY-MM-DD`, 10 bytes at `p`.
Micros parse_day(const char* p) {
  const unsigned century = two_digits(p);
  const unsigned rest = two_digits(p + 2);
  const unsigned month = two_digits(p + 5);
  const unsigned day = two_digits(p + 8);
  if (century == kNotDigits || rest == kNotDigits || p[4] != '-' || p[7] != '-') return kBad;
  const unsigned year = century * 100 + rest;
  if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
    return kBad;
  return days_from_civil(static_cast<int>(year), month, day) * kMicrosPerDay;
}

// The last day that was parsed: streams have long runs of one.
struct DayCache {
  std::array<char, 10> text = {'1', '9', '7', '0', '-', '0', '1', '-', '0', '1'};
  Micros midnight = 0;
};
constinit thread_local DayCache day_cache;

Micros cached_day(const char* p) {
  DayCache& cache = day_cache;
  if (std::memcmp(cache.text.data(), p, cache.text.size()) == 0) return cache.midnight;
  const Micros midnight = parse_day(p);
  if (midnight == kBad) return kBad;
  std::memcpy(cache.text.data(), p, cache.text.size());
  return cache.midnight = midnight;
}

// Seconds since midnight of `HH:MM:SS`, 8 bytes at `p` (`seconds` up to 60: a leap second), else
// kBad.  All bytes at once in one little-endian word: after the exclusive or, digits are 0 to 9
// and the colons 0.
int64_t parse_clock(const char* p) {
  constexpr uint64_t kZeros = 0x30303A30303A3030U;
  constexpr uint64_t kColons = 0x0000FF0000FF0000U;
  constexpr uint64_t kSixes = 0x0606060606060606U;
  constexpr uint64_t kHighNibbles = 0xF0F0F0F0F0F0F0F0U;
  static_assert(std::endian::native == std::endian::little);
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  word ^= kZeros;
  if (((((word + kSixes) | word) & kHighNibbles) | (word & kColons)) != 0) return kBad;
  word = word * 10 + (word >> 8);  // bytes 0, 3 and 6: hours, minutes, seconds
  const auto hour = static_cast<uint32_t>(word & 0xFF);
  const auto minute = static_cast<uint32_t>(word >> 24 & 0xFF);
  const auto second = static_cast<uint32_t>(word >> 48 & 0xFF);
  if (hour > 23 || minute > 59 || second > 60) return kBad;
  return (hour * 60 + minute) * 60 + second;
}

// `.` and 1 to 9 digits at `p`, moved behind them; digits beyond the sixth are cut.
Micros parse_fraction(const char*& p, const char* end) {
  ++p;
  if (end - p == 4) {  // milliseconds and `Z`: by far the most
    const unsigned high = two_digits(p);
    const unsigned low = static_cast<unsigned char>(p[2]) - unsigned{'0'};
    if (high != kNotDigits && low <= 9) {
      p += 3;
      return static_cast<Micros>(high * 10 + low) * kMicrosPerMilli;
    }
  }
  const char* const begin = p;
  Micros micros = 0;
  Micros scale = kMicrosPerSecond / 10;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) break;
    micros += scale * static_cast<Micros>(digit);
    scale /= 10;
  }
  if (p == begin || p - begin > 9) return kBad;
  return micros;
}

// `Z`, `z`, `+HH:MM` or `-HH:MM` from `p` to `end`: what to add to get UTC.
Micros parse_offset(const char* p, const char* end) {
  if (end - p == 1 && (*p == 'Z' || *p == 'z')) return 0;
  if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') return kBad;
  const unsigned hours = two_digits(p + 1);
  const unsigned minutes = two_digits(p + 4);
  if (hours > 23 || minutes > 59) return kBad;
  const Micros offset = hours * kMicrosPerHour + minutes * kMicrosPerMinute;
  return *p == '+' ? -offset : offset;
}

Micros parse_date_time(std::string_view text) {
  constexpr size_t kDateSize = 10;  // YYYY-MM-DD
  constexpr size_t kTimeSize = 19;  // YYYY-MM-DDTHH:MM:SS
  if (text.size() < kDateSize) return kBad;
  const char* p = text.data();
  const char* const end = p + text.size();
  const Micros midnight = cached_day(p);
  if (midnight == kBad || text.size() == kDateSize) return midnight;
  if (text.size() < kTimeSize) return kBad;
  if (p[10] != 'T' && p[10] != 't' && p[10] != ' ') return kBad;
  const int64_t clock = parse_clock(p + kDateSize + 1);
  if (clock == kBad) return kBad;
  const bool leap_second = p[17] == '6';
  Micros time = midnight + clock * kMicrosPerSecond;
  p += kTimeSize;
  if (p != end && *p == '.') {
    const Micros fraction = parse_fraction(p, end);
    if (fraction == kBad) return kBad;
    time += fraction;
  }
  if (p != end) {
    const Micros offset = parse_offset(p, end);
    if (offset == kBad) return kBad;
    time += offset;
  }
  // A leap second is the last of a UTC day, and here the first of the next.
  if (leap_second && floor_to(time, kMicrosPerDay) != floor_to(time, kMicrosPerSecond)) return kBad;
  return time;
}

char* put_two(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

char* put_padded(char* out, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

char* put_year(char* out, int year) {
  if (year < 0) *out++ = '-';
  const unsigned magnitude = static_cast<unsigned>(year < 0 ? -year : year);
  if (magnitude <= 9999) return put_padded(out, magnitude, 4);
  return std::to_chars(out, out + 8, magnitude).ptr;
}

// Within int64 and not one of its two ends, which mean "before" and "after everything".
std::optional<Micros> in_range(double micros) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(micros > -kLimit && micros < kLimit)) return {};
  return static_cast<Micros>(micros);
}

}  // namespace

std::optional<Micros> parse_duration(std::string_view text) {
  if (text.empty()) return {};
  const char* p = text.data();
  const char* const end = p + text.size();
  size_t next_unit = 0;
  Micros total = 0;
  while (p != end) {
    if (*p < '0' || *p > '9') return {};
    int64_t number = 0;
    const auto [after, error] = std::from_chars(p, end, number);
    if (error != std::errc()) return {};
    const char* unit_end = after;
    while (unit_end != end && *unit_end >= 'a' && *unit_end <= 'z') ++unit_end;
    const std::string_view name(after, static_cast<size_t>(unit_end - after));
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kDurationUnits.size()) return {};
    Micros part = 0;
    if (__builtin_mul_overflow(number, kDurationUnits[next_unit].micros, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return {};
    }
    ++next_unit;
    p = unit_end;
  }
  return total;
}

std::string format_duration(Micros duration) {
  if (duration == 0) return "0s";
  std::string out = duration < 0 ? "-" : "";
  uint64_t rest = duration < 0 ? uint64_t{0} - static_cast<uint64_t>(duration)
                               : static_cast<uint64_t>(duration);
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name == "w") continue;  // "14d" says more than "2w"
    const auto micros = static_cast<uint64_t>(unit.micros);
    if (rest < micros) continue;
    out += std::to_string(rest / micros);
    out += unit.name;
    rest %= micros;
  }
  return out;
}

std::optional<Micros> parse_rfc3339(std::string_view text) {
  const Micros time = parse_date_time(text);
  if (time == kBad) return {};
  return time;
}

size_t format_rfc3339(Micros time, char (&out)[kRfc3339Max]) {
  const Micros midnight =
      floor_to(time / kMicrosPerSecond - (time % kMicrosPerSecond < 0 ? 1 : 0),
               kMicrosPerDay / kMicrosPerSecond);  // in seconds: cannot overflow
  const CivilDate date = civil_from_days(midnight / (kMicrosPerDay / kMicrosPerSecond));
  const Micros rest = time % kMicrosPerDay;
  const auto in_day = static_cast<uint64_t>(rest < 0 ? rest + kMicrosPerDay : rest);
  const auto second = static_cast<unsigned>(in_day / static_cast<uint64_t>(kMicrosPerSecond));
  const auto fraction = static_cast<unsigned>(in_day % static_cast<uint64_t>(kMicrosPerSecond));
  char* p = put_year(out, date.year);
  *p++ = '-';
  p = put_two(p, date.month);
  *p++ = '-';
  p = put_two(p, date.day);
  *p++ = 'T';
  p = put_two(p, second / 3600);
  *p++ = ':';
  p = put_two(p, second / 60 % 60);
  *p++ = ':';
  p = put_two(p, second % 60);
  if (fraction != 0) {
    *p++ = '.';
    p = fraction % 1000 == 0 ? put_padded(p, fraction / 1000, 3) : put_padded(p, fraction, 6);
  }
  *p++ = 'Z';
  return static_cast<size_t>(p - out);
}

std::string format_rfc3339(Micros time) {
  char text[kRfc3339Max];
  return std::string(text, format_rfc3339(time, text));
}

TimeUnit unit_by_magnitude(double number) {
  const double magnitude = std::fabs(number);
  if (magnitude < 1e11) return TimeUnit::kSeconds;
  if (magnitude < 1e14) return TimeUnit::kMillis;
  if (magnitude < 1e17) return TimeUnit::kMicros;
  return std::isfinite(number) ? TimeUnit::kNanos : TimeUnit::kUnknown;
}

std::optional<Micros> micros_from(double number, TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return in_range(std::round(number * 1e6));
    case TimeUnit::kMillis:
      return in_range(std::round(number * 1e3));
    case TimeUnit::kMicros:
      return in_range(std::floor(number));
    case TimeUnit::kNanos:
      return in_range(std::floor(number / 1e3));
    case TimeUnit::kUnknown:
      break;
  }
  return {};
}

std::optional<Micros> micros_from(int64_t number, TimeUnit unit) {
  Micros micros = 0;
  switch (unit) {
    case TimeUnit::kSeconds:
      if (__builtin_mul_overflow(number, kMicrosPerSecond, &micros)) return {};
      return micros;
    case TimeUnit::kMillis:
      if (__builtin_mul_overflow(number, kMicrosPerMilli, &micros)) return {};
      return micros;
    case TimeUnit::kMicros:
      if (number == kTimeMin || number == kTimeMax) return {};  // not times: the ends of everything
      return number;
    case TimeUnit::kNanos:
      return number / 1000 - (number % 1000 < 0 ? 1 : 0);
    case TimeUnit::kUnknown:
      break;
  }
  return {};
}

int64_t days_from_civil(int year, unsigned month, unsigned day) {
  const int64_t y = static_cast<int64_t>(year) - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t m = static_cast<int64_t>(month);
  const int64_t day_of_year =
      (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + static_cast<int64_t>(day) - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilDate civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t m = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * m + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(m < 10 ? m + 3 : m - 9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), month, day};
}

}  // namespace streamflow
