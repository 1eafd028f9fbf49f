// The calendar's cuts of time: hours of local days, days, weeks, months.
#pragma once

#include <cstdint>
#include <memory>

#include "core/expr/timezone.h"
#include "core/time.h"

namespace streamflow {

// Cut number i begins at start(i), which never falls with i.  Days begin at local midnight (where
// that does not exist, when the clocks change), so they have 23 to 25 hours; weeks begin on
// Mondays, months on their first days.  Parts of a day are counted from its start and the last one
// ends with the day.  All are moved by `offset` of local time.
class Calendar {
 public:
  enum class Unit : unsigned char { kDayPart, kDays, kMonths };

  // `length`: of a day's part in microseconds, a divisor of a day; else in days or months.
  Calendar(Unit unit, int64_t length, Micros offset, std::shared_ptr<const expr::TimeZone> zone);

  int64_t index_of(Micros time) const;  // the last i with start(i) <= time
  Micros start(int64_t index) const;

 private:
  int64_t local_day(Micros time) const;  // days since the epoch, moved by offset
  Micros day_start(int64_t day) const;

  Unit unit_;
  int64_t length_;
  Micros offset_;
  int64_t parts_;  // numbers that a day takes: more than it has parts, for days of 25 hours
  int64_t first_day_;
  std::shared_ptr<const expr::TimeZone> zone_;
};

}  // namespace streamflow
