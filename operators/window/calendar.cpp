#include "operators/window/calendar.h"

#include <algorithm>

namespace streamflow {
namespace {

constexpr int64_t kDaySeconds = 86'400;
constexpr Micros kDay = kDaySeconds * kMicrosPerSecond;

int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

}  // namespace

Calendar::Calendar(Unit unit, int64_t length, Micros offset,
                   std::shared_ptr<const expr::TimeZone> zone)
    : unit_(unit),
      length_(length),
      offset_(offset),
      parts_(unit == Unit::kDayPart ? 2 * kDay / length : 0),
      // 1970-01-05 was a Monday.
      first_day_(unit == Unit::kDays && length % 7 == 0 ? 4 : 0),
      zone_(std::move(zone)) {}

int64_t Calendar::local_day(Micros time) const {
  const int64_t seconds = floor_divide(time, kMicrosPerSecond);
  const Micros local = time + Micros{zone_->offset_at(seconds)} * kMicrosPerSecond - offset_;
  int64_t day = floor_divide(local, kDay);
  while (day_start(day) > time) --day;
  while (day_start(day + 1) <= time) ++day;
  return day;
}

Micros Calendar::day_start(int64_t day) const {
  const Micros local = day * kDay + offset_;
  const int64_t seconds = floor_divide(local, kMicrosPerSecond);
  return zone_->from_local(seconds) * kMicrosPerSecond + (local - seconds * kMicrosPerSecond);
}

int64_t Calendar::index_of(Micros time) const {
  const int64_t day = local_day(time);
  switch (unit_) {
    case Unit::kDayPart:
      return day * parts_ + std::min((time - day_start(day)) / length_, parts_ - 1);
    case Unit::kDays:
      return floor_divide(day - first_day_, length_);
    case Unit::kMonths:
      break;
  }
  const CivilDate date = civil_from_days(day);
  return floor_divide((date.year - 1970) * int64_t{12} + date.month - 1, length_);
}

Micros Calendar::start(int64_t index) const {
  switch (unit_) {
    case Unit::kDayPart: {
      const int64_t day = floor_divide(index, parts_);
      return std::min(day_start(day) + (index - day * parts_) * length_, day_start(day + 1));
    }
    case Unit::kDays:
      return day_start(index * length_ + first_day_);
    case Unit::kMonths:
      break;
  }
  const int64_t month = index * length_;
  const int64_t year = floor_divide(month, 12);
  return day_start(days_from_civil(static_cast<int>(1970 + year),
                                   static_cast<unsigned>(month - year * 12 + 1), 1));
}

}  // namespace streamflow
