// Time zones of the system's database (RFC 8536 files under /usr/share/zoneinfo), and fixed
// offsets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace streamflow::expr {

class TimeZone {
 public:
  // `Europe/Paris`, `UTC`, `+05:30`, `-08:00`, `02:00`; null when there is no such zone.  Files are
  // read once per thread.
  static std::shared_ptr<const TimeZone> find(std::string_view name);

  // Seconds east of UTC at a moment.
  int32_t offset_at(int64_t unix_seconds) const;
  // The moment of a local time; of two the earlier, of none (a gap) as if the clock had not moved.
  int64_t from_local(int64_t local_seconds) const;

 private:
  struct Change {
    int64_t at;
    int32_t offset;  // from then on
  };
  // A date of a year, as POSIX TZ strings give it: Mm.w.d, Jn or n, and a time of day.
  struct Rule {
    char kind = 'M';
    int month = 0, week = 0, day = 0;
    int32_t time = 7200;
    int64_t local_seconds(int year) const;
  };
  static std::shared_ptr<const TimeZone> fixed(int32_t offset);
  static std::shared_ptr<const TimeZone> load(const std::string& name);
  bool read(std::string_view file);
  void read_footer(std::string_view text);
  int32_t offset_by_rules(int64_t unix_seconds) const;

  int32_t first_offset_ = 0;
  std::vector<Change> changes_;
  bool has_rules_ = false, has_summer_ = false;
  int32_t standard_ = 0, summer_ = 0;
  Rule summer_begins_, summer_ends_;
};

}  // namespace streamflow::expr
