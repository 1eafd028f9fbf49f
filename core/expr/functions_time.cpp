// Parts of timestamps and durations.
#include "core/expr/functions.h"
#include "core/expr/instant.h"
#include "core/expr/timezone.h"
#include "core/expr/utf8.h"
#include "core/time_format.h"

namespace streamflow::expr {
namespace {

constexpr int64_t kDay = 86400;

// A timestamp as clock and calendar show it in a zone.
struct Local {
  int64_t day = 0;     // since 1970
  int64_t second = 0;  // of the day
};

enum class Part {
  kFullYear,
  kMonth,
  kDate,
  kDayOfMonth,
  kDayOfYear,
  kDayOfWeek,
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds,
};

int64_t part_of(Part part, const Local& local, int64_t micros_of_second) {
  const CivilDate date = civil_from_days(local.day);
  switch (part) {
    case Part::kFullYear:
      return date.year;
    case Part::kMonth:
      return date.month - 1;
    case Part::kDate:
      return date.day;
    case Part::kDayOfMonth:
      return date.day - 1;
    case Part::kDayOfYear:
      return local.day - days_from_civil(date.year, 1, 1);
    case Part::kDayOfWeek:
      return ((local.day + 4) % 7 + 7) % 7;
    case Part::kHours:
      return local.second / 3600;
    case Part::kMinutes:
      return local.second / 60 % 60;
    case Part::kSeconds:
      return local.second % 60;
    case Part::kMilliseconds:
      return micros_of_second / 1000;
  }
  return 0;
}

// The zone of an optional last argument, '' for UTC as in cel-go; an error where there is no such
// zone.
Value find_zone(const Call& call, size_t at, std::shared_ptr<const TimeZone>& zone) {
  if (call.size() <= at) return Value();
  const std::string_view name = call[at].text();
  zone = TimeZone::find(name.empty() ? "UTC" : name);
  if (zone) return Value();
  return Value::error("unknown time zone '" + std::string(clipped(name)) + "'");
}

template <Part part>
Value of_timestamp(const Call& call) {
  const Micros micros = call[0].as_micros();
  const Micros start = floor_to(micros, kMicrosPerSecond);
  int64_t seconds = start / kMicrosPerSecond;
  std::shared_ptr<const TimeZone> zone;
  if (Value error = find_zone(call, 1, zone); error.is_error()) return error;
  if (zone) seconds += zone->offset_at(seconds);
  const int64_t day = floor_to(seconds, kDay) / kDay;
  return Value::integer(part_of(part, {day, seconds - day * kDay}, micros - start));
}

Value parse(const Call& call) {
  std::shared_ptr<const TimeZone> zone;
  if (Value error = find_zone(call, 2, zone); error.is_error()) return error;
  const auto time = parse_time(call[0].text(), call[1].text(), zone.get());
  if (!time)
    return Value::error("'" + std::string(clipped(call[0].text())) + "' is no time of the form " +
                        std::string(clipped(call[1].text())));
  return timestamp_from(static_cast<Nanos>(*time) * 1000);
}

Value format(const Call& call) {
  std::shared_ptr<const TimeZone> zone;
  if (Value error = find_zone(call, 2, zone); error.is_error()) return error;
  auto text = format_time(call[0].as_micros(), call[1].text(), zone.get());
  if (!text)
    return Value::error("formatTime() cannot use the form " + std::string(clipped(call[1].text())));
  return Value::string(std::move(*text));
}

template <int64_t unit>
Value of_duration(const Call& call) {
  return Value::integer(call[0].as_micros() / unit);
}

Value milliseconds_of_duration(const Call& call) {
  return Value::integer(call[0].as_micros() / kMicrosPerMilli % 1000);
}

template <Part part>
void add_part(FunctionTable& table, const std::string& name, const char* help,
              const std::string& example, const char* result) {
  const std::string plain = "timestamp." + name + "() -> int";
  const std::string zoned = "timestamp." + name + "(string) -> int";
  table.add({{plain.c_str(), of_timestamp<part>}, {zoned.c_str(), of_timestamp<part>}}, help,
            ("timestamp('2024-02-29T23:30:15.250Z')." + name + "(" + example + ")").c_str(),
            result);
}

}  // namespace

void add_time_functions(FunctionTable& table) {
  add_part<Part::kFullYear>(table, "getFullYear", "The year; a time zone may be given.", "",
                            "2024");
  add_part<Part::kMonth>(table, "getMonth", "The month, 0 to 11.", "", "1");
  add_part<Part::kDate>(table, "getDate", "The day of the month, 1 to 31.", "'Europe/Paris'", "1");
  add_part<Part::kDayOfMonth>(table, "getDayOfMonth", "The day of the month, 0 to 30.", "", "28");
  add_part<Part::kDayOfYear>(table, "getDayOfYear", "The day of the year, 0 to 365.", "", "59");
  add_part<Part::kDayOfWeek>(table, "getDayOfWeek", "The day of the week, 0 is Sunday.", "", "4");
  add_part<Part::kHours>(table, "getHours", "The hour; of a duration all its hours.", "'+02:00'",
                         "1");
  add_part<Part::kMinutes>(table, "getMinutes", "The minute; of a duration all its minutes.", "",
                           "30");
  add_part<Part::kSeconds>(table, "getSeconds", "The second; of a duration all its seconds.", "",
                           "15");
  add_part<Part::kMilliseconds>(table, "getMilliseconds", "The milliseconds within the second.", "",
                                "250");
  table.add({{"parseTime(string, string) -> timestamp", parse},
             {"parseTime(string, string, string) -> timestamp", parse}},
            "A time from text by a strptime format, in a time zone (UTC); %f is a fraction of a "
            "second.",
            "parseTime('29/02/2024 08:30', '%d/%m/%Y %H:%M', 'Europe/Paris')",
            "timestamp('2024-02-29T07:30:00Z')");
  table.add({{"formatTime(timestamp, string) -> string", format},
             {"formatTime(timestamp, string, string) -> string", format}},
            "A time as text by a strftime format, in a time zone (UTC); %f is microseconds.",
            "formatTime(timestamp('2024-02-29T23:30:00Z'), '%A %H:%M', 'Europe/Paris')",
            "'Friday 00:30'");
  table.add({{"duration.getHours() -> int", of_duration<3600 * kMicrosPerSecond>}}, "", "", "");
  table.add({{"duration.getMinutes() -> int", of_duration<60 * kMicrosPerSecond>}}, "", "", "");
  table.add({{"duration.getSeconds() -> int", of_duration<kMicrosPerSecond>}}, "", "", "");
  table.add({{"duration.getMilliseconds() -> int", milliseconds_of_duration}}, "", "", "");
}

}  // namespace streamflow::expr
