#include "core/time.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

using namespace streamflow;

namespace {

constexpr Micros kDay = 86'400 * kMicrosPerSecond;

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

}  // namespace

TEST_CASE("duration: one unit or several, largest first") {
  CHECK(parse_duration("250ms") == 250'000);
  CHECK(parse_duration("60s") == 60'000'000);
  CHECK(parse_duration("5m") == 300'000'000);
  CHECK(parse_duration("1h30m") == 5'400'000'000);
  CHECK(parse_duration("1d") == kDay);
  CHECK(parse_duration("2w") == 14 * kDay);
  CHECK(parse_duration("7us") == 7);
  CHECK(parse_duration("1w2d3h4m5s6ms7us") ==
        9 * kDay + 3 * 3'600'000'000 + 4 * 60'000'000 + 5'006'007);
  CHECK(parse_duration("0s") == 0);
  CHECK(parse_duration("9223372036854775807us") == kTimeMax);
}

TEST_CASE("duration: other text is nothing") {
  for (const char* text : {"",
                           "60",
                           "s",
                           "-1s",
                           "+1s",
                           " 1s",
                           "1s ",
                           "1 s",
                           "1S",
                           "1.5s",
                           "1h1h",
                           "30m1h",
                           "1ss",
                           "1min",
                           "1sec",
                           "60s5",
                           "9223372036854775808us",
                           "106751992d",
                           "99999999999999999999s",
                           "106751991d5h",
                           "1\xc2\xb5s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("duration: text reads back equal") {
  CHECK(format_duration(90 * kMicrosPerSecond) == "1m30s");
  CHECK(format_duration(0) == "0s");
  CHECK(format_duration(250'000) == "250ms");
  CHECK(format_duration(1'500'001) == "1s500ms1us");
  CHECK(format_duration(14 * kDay) == "14d");
  CHECK(format_duration(-kMicrosPerSecond) == "-1s");
  CHECK(format_duration(kTimeMin) == "-106751991d4h54s775ms808us");
  for (Micros d : {Micros{1}, Micros{999'999}, kDay - 1, kDay, 400 * kDay + 1, kTimeMax}) {
    CAPTURE(d);
    CHECK(parse_duration(format_duration(d)) == d);
  }
}

TEST_CASE("rfc 3339: all precisions, cut to microseconds") {
  const Micros second = 1'704'067'200 * kMicrosPerSecond;
  CHECK(parse_rfc3339("2024-01-01T00:00:00Z") == second);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.1Z") == second + 100'000);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.12Z") == second + 120'000);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.123Z") == second + 123'000);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.1234Z") == second + 123'400);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.123456Z") == second + 123'456);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.1234569Z") == second + 123'456);
  CHECK(parse_rfc3339("2024-01-01T00:00:00.123456999Z") == second + 123'456);
  CHECK(parse_rfc3339("2024-01-01T23:59:59.999999999Z") == second + kDay - 1);
}

TEST_CASE("rfc 3339: separators, offsets, a missing offset, a bare date") {
  const Micros noon = 1'704'110'400 * kMicrosPerSecond;
  for (const char* text :
       {"2024-01-01T12:00:00Z", "2024-01-01t12:00:00z", "2024-01-01 12:00:00Z",
        "2024-01-01T12:00:00", "2024-01-01T12:00:00-00:00", "2024-01-01T14:00:00+02:00",
        "2024-01-01T02:30:00-09:30", "2024-01-02T02:00:00+14:00", "2023-12-31T12:01:00-23:59"}) {
    CAPTURE(text);
    CHECK(parse_rfc3339(text) == noon);
  }
  CHECK(parse_rfc3339("2024-01-01") == noon - kDay / 2);
  CHECK(parse_rfc3339("2024-01-01T12:00:00.5+02:00") == noon - 7'200'000'000 + 500'000);
}

TEST_CASE("rfc 3339: leap days, the first and last years, before the epoch") {
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
  CHECK(parse_rfc3339("2000-02-29T00:00:00Z").has_value());
  CHECK_FALSE(parse_rfc3339("2023-02-29T00:00:00Z").has_value());
  CHECK_FALSE(parse_rfc3339("1900-02-29T00:00:00Z").has_value());
  CHECK(parse_rfc3339("0001-01-01T00:00:00Z") == -62'135'596'800 * kMicrosPerSecond);
  CHECK(parse_rfc3339("9999-12-31T23:59:59.999999Z") == 253'402'300'800 * kMicrosPerSecond - 1);
  CHECK(parse_rfc3339("1969-12-31T23:59:59.999999Z") == -1);
  CHECK(parse_rfc3339("1969-12-31T23:59:59.9999999Z") == -1);  // cut, not rounded towards zero
}

TEST_CASE("rfc 3339: a leap second is the first second of the next day") {
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2017-01-01T00:00:00Z"));
  CHECK(parse_rfc3339("2017-01-01T00:59:60.5+01:00") == parse_rfc3339("2017-01-01T00:00:00.5Z"));
  CHECK_FALSE(parse_rfc3339("2016-12-31T12:59:60Z").has_value());
  CHECK_FALSE(parse_rfc3339("2016-12-31T23:59:61Z").has_value());
}

TEST_CASE("rfc 3339: other text is nothing, whatever day is cached") {
  for (int round = 0; round < 2; ++round) {
    for (const char* text : {"",
                             "2024",
                             "2024-01",
                             "2024-1-1",
                             "2024-01-01T",
                             "2024-01-01T00",
                             "2024-01-01T00:00",
                             "2024-01-01T00:00Z",
                             "2024-01-01T24:00:00Z",
                             "2024-01-01T00:60:00Z",
                             "2024-01-01T0a:00:00Z",
                             "2024-01-01X00:00:00Z",
                             "2024-01-01T00.00:00Z",
                             "2024-01-01T00:00:00.Z",
                             "2024-01-01T00:00:00.1234567890Z",
                             "2024-01-01T00:00:00.12a4Z",
                             "2024-01-01T00:00:00ZZ",
                             "2024-01-01T00:00:00+2:00",
                             "2024-01-01T00:00:00+0200",
                             "2024-01-01T00:00:00+24:00",
                             "2024-01-01T00:00:00+02:60",
                             "2024-01-01T00:00:00 Z",
                             "2024-01-01Z",
                             "2024-00-01",
                             "2024-13-01",
                             "2024-01-00",
                             "2024-01-32",
                             "2024-04-31",
                             "0000-01-01",
                             "-001-01-01",
                             "2024/01/01",
                             "20240101T000000Z",
                             " 2024-01-01",
                             "2024-01-01 ",
                             "\xff\xff\xff\xff-01-01"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_rfc3339(text).has_value());
    }
    CHECK(parse_rfc3339("2024-01-01").has_value());  // now cached
  }
}

TEST_CASE("rfc 3339: zero bytes are no day") {
  CHECK_FALSE(parse_rfc3339(std::string(10, '\0')).has_value());
  CHECK_FALSE(parse_rfc3339(std::string(20, '\0')).has_value());
}

TEST_CASE("rfc 3339: written with the fewest of 0, 3 or 6 decimals") {
  CHECK(format_rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(format_rfc3339(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(format_rfc3339(1'500'000) == "1970-01-01T00:00:01.500Z");
  CHECK(format_rfc3339(1'500'010) == "1970-01-01T00:00:01.500010Z");
  CHECK(format_rfc3339(-kDay) == "1969-12-31T00:00:00Z");
  CHECK(format_rfc3339(-62'135'596'800 * kMicrosPerSecond) == "0001-01-01T00:00:00Z");
  CHECK(format_rfc3339(kTimeMax) == "294247-01-10T04:00:54.775807Z");
  CHECK(format_rfc3339(kTimeMin) == "-290308-12-21T19:59:05.224192Z");
}

TEST_CASE("rfc 3339: what is written reads back equal") {
  const Micros first = *parse_rfc3339("0001-01-01");
  const Micros last = *parse_rfc3339("9999-12-31T23:59:59.999999Z");
  uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    Micros t = first + static_cast<Micros>((state >> 1) % static_cast<uint64_t>(last - first));
    if (i % 3 == 0) t = floor_to(t, kMicrosPerSecond);
    if (i % 3 == 1) t = floor_to(t, kMicrosPerMilli);
    REQUIRE(parse_rfc3339(format_rfc3339(t)) == t);
  }
}

TEST_CASE("time unit: by magnitude, negative too") {
  CHECK(unit_by_magnitude(0) == TimeUnit::kSeconds);
  CHECK(unit_by_magnitude(1'704'067'200) == TimeUnit::kSeconds);
  CHECK(unit_by_magnitude(-1'704'067'200) == TimeUnit::kSeconds);
  CHECK(unit_by_magnitude(99'999'999'999) == TimeUnit::kSeconds);
  CHECK(unit_by_magnitude(1e11) == TimeUnit::kMillis);
  CHECK(unit_by_magnitude(1.7e12) == TimeUnit::kMillis);
  CHECK(unit_by_magnitude(1e14) == TimeUnit::kMicros);
  CHECK(unit_by_magnitude(1e17) == TimeUnit::kNanos);
  CHECK(unit_by_magnitude(std::nan("")) == TimeUnit::kUnknown);
  CHECK(unit_by_magnitude(std::numeric_limits<double>::infinity()) == TimeUnit::kUnknown);
}

TEST_CASE("number to time: every unit, rounded from seconds, cut from nanoseconds") {
  CHECK(micros_from(int64_t{2}, TimeUnit::kSeconds) == 2'000'000);
  CHECK(micros_from(int64_t{2}, TimeUnit::kMillis) == 2'000);
  CHECK(micros_from(int64_t{2}, TimeUnit::kMicros) == 2);
  CHECK(micros_from(int64_t{1999}, TimeUnit::kNanos) == 1);
  CHECK(micros_from(int64_t{-1}, TimeUnit::kNanos) == -1);
  CHECK(micros_from(int64_t{-1000}, TimeUnit::kNanos) == -1);
  CHECK(micros_from(1704067200.123456, TimeUnit::kSeconds) == 1'704'067'200'123'456);
  CHECK(micros_from(-0.0000015, TimeUnit::kSeconds) == -2);
  CHECK(micros_from(1704067200123.25, TimeUnit::kMillis) == 1'704'067'200'123'250);
  CHECK(micros_from(-0.5, TimeUnit::kNanos) == -1);
}

TEST_CASE("number to time: out of range, not finite or without a unit is nothing") {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  CHECK_FALSE(micros_from(kMax, TimeUnit::kSeconds).has_value());
  CHECK_FALSE(micros_from(-kMax, TimeUnit::kMillis).has_value());
  CHECK_FALSE(micros_from(kMax, TimeUnit::kMicros).has_value());
  CHECK_FALSE(micros_from(std::numeric_limits<int64_t>::min(), TimeUnit::kMicros).has_value());
  CHECK(micros_from(kMax, TimeUnit::kNanos) == kMax / 1000);
  CHECK_FALSE(micros_from(1e30, TimeUnit::kNanos).has_value());
  CHECK_FALSE(micros_from(9.3e12, TimeUnit::kSeconds).has_value());
  CHECK_FALSE(micros_from(9223372036854775808.0, TimeUnit::kMicros).has_value());
  CHECK_FALSE(micros_from(std::nan(""), TimeUnit::kSeconds).has_value());
  CHECK_FALSE(
      micros_from(-std::numeric_limits<double>::infinity(), TimeUnit::kSeconds).has_value());
  CHECK_FALSE(micros_from(1.0, TimeUnit::kUnknown).has_value());
  CHECK_FALSE(micros_from(int64_t{1}, TimeUnit::kUnknown).has_value());
}

TEST_CASE("calendar: every day from 1 to 9999, one after the other") {
  constexpr std::array<unsigned, 12> kLengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t day_number = -719'162;  // 0001-01-01
  bool good = true;
  for (int year = 1; year <= 9999; ++year) {
    for (unsigned month = 1; month <= 12; ++month) {
      const unsigned days = kLengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
      for (unsigned day = 1; day <= days; ++day, ++day_number) {
        const CivilDate date = civil_from_days(day_number);
        good = good && days_from_civil(year, month, day) == day_number && date.year == year &&
               date.month == month && date.day == day;
      }
    }
  }
  CHECK(good);
  CHECK(day_number == 2'932'897);  // 10000-01-01
}

TEST_CASE(
    "floor: intervals start at multiples of the width plus the offset, before the epoch too") {
  CHECK(floor_to(59, 60) == 0);
  CHECK(floor_to(60, 60) == 60);
  CHECK(floor_to(-1, 60) == -60);
  CHECK(floor_to(-60, 60) == -60);
  CHECK(floor_to(10, 60, 15) == -45);
  CHECK(floor_to(75, 60, 15) == 75);
}
