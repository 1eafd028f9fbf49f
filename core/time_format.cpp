#include "core/time_format.h"

#include <time.h>

namespace streamflow {
namespace {

constexpr unsigned kDecimalsMax = 9;  // of a second

// `.250`'s digits as microseconds, and past them; finer ones are cut off.
std::optional<Micros> read_fraction(const char*& text) {
  Micros micros = 0;
  unsigned digits = 0;
  for (; *text >= '0' && *text <= '9'; ++text, ++digits)
    if (digits < 6) micros = micros * 10 + (*text - '0');
  if (digits == 0 || digits > kDecimalsMax) return std::nullopt;
  for (; digits < 6; ++digits) micros *= 10;
  return micros;
}

// Calls `part` for what stands before each `%f`, and `fraction` for that; false when one fails.
template <class Part, class Fraction>
bool by_fractions(std::string_view format, Part part, Fraction fraction) {
  for (;;) {
    size_t mark = 0;
    while (mark + 1 < format.size() && !(format[mark] == '%' && format[mark + 1] == 'f'))
      mark += format[mark] == '%' ? 2 : 1;
    const bool last = mark + 1 >= format.size();
    if (!part(std::string(last ? format : format.substr(0, mark)))) return false;
    if (last) return true;
    if (!fraction()) return false;
    format.remove_prefix(mark + 2);
  }
}

tm calendar(int64_t seconds, int32_t offset) {
  const int64_t local = seconds + offset;
  const int64_t day = floor_to(local, 86'400) / 86'400;
  const int64_t second = local - day * 86'400;
  const CivilDate date = civil_from_days(day);
  tm out{};
  out.tm_year = date.year - 1900;
  out.tm_mon = static_cast<int>(date.month) - 1;
  out.tm_mday = static_cast<int>(date.day);
  out.tm_hour = static_cast<int>(second / 3'600);
  out.tm_min = static_cast<int>(second / 60 % 60);
  out.tm_sec = static_cast<int>(second % 60);
  out.tm_yday = static_cast<int>(day - days_from_civil(date.year, 1, 1));
  out.tm_wday = static_cast<int>(((day + 4) % 7 + 7) % 7);
  out.tm_gmtoff = offset;
  out.tm_zone = offset == 0 ? "UTC" : "";
  return out;
}

}  // namespace

std::optional<Micros> parse_time(std::string_view text, std::string_view format,
                                 const expr::TimeZone* zone) {
  if (format.size() > kTimeFormatMax) return std::nullopt;
  const std::string copy(text);
  const char* at = copy.c_str();
  tm parts{};
  parts.tm_mday = 1;
  parts.tm_year = 70;
  Micros fraction = 0;
  const bool read = by_fractions(
      format,  // strptime knows no fractions: it reads what is between them
      [&](const std::string& part) {
        at = strptime(at, part.c_str(), &parts);
        return at != nullptr;
      },
      [&] {
        const auto digits = read_fraction(at);
        fraction = digits.value_or(0);
        return digits.has_value();
      });
  if (!read || at != copy.c_str() + copy.size()) return std::nullopt;
  const auto day = static_cast<unsigned>(parts.tm_mday);
  const int64_t days =
      days_from_civil(parts.tm_year + 1900, static_cast<unsigned>(parts.tm_mon + 1), day);
  if (civil_from_days(days).day != day) return std::nullopt;  // 31 February
  int64_t seconds = days * 86'400 + parts.tm_hour * 3'600 + parts.tm_min * 60 + parts.tm_sec;
  const bool has_offset =
      format.find("%z") != std::string_view::npos || format.find("%s") != std::string_view::npos;
  if (has_offset)
    seconds -= parts.tm_gmtoff;
  else if (zone)
    seconds = zone->from_local(seconds);
  return seconds * kMicrosPerSecond + fraction;
}

std::optional<std::string> format_time(Micros time, std::string_view format,
                                       const expr::TimeZone* zone) {
  if (format.size() > kTimeFormatMax) return std::nullopt;
  const Micros start = floor_to(time, kMicrosPerSecond);
  const int64_t seconds = start / kMicrosPerSecond;
  const tm parts = calendar(seconds, zone ? zone->offset_at(seconds) : 0);
  std::string out;
  const bool written = by_fractions(
      format,
      [&](const std::string& part) {
        if (part.empty()) return true;
        char room[1024];
        const size_t size = strftime(room, sizeof room, part.c_str(), &parts);
        out.append(room, size);
        return size > 0 || part == "%p" || part == "%P" || part == "%Z";  // those may be empty
      },
      [&] {
        out += std::to_string(1'000'000 + (time - start)).substr(1);
        return true;
      });
  if (!written) return std::nullopt;
  return out;
}

}  // namespace streamflow
