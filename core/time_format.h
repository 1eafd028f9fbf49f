// Times by a strptime/strftime format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/expr/timezone.h"
#include "core/time.h"

namespace streamflow {

inline constexpr size_t kTimeFormatMax = 256;  // bytes of a format

// `%f` is a fraction of a second, one to nine digits, cut to microseconds.  A format without `%z`
// and
// `%s` is a time of `zone` (null: UTC).  Nothing for text that is not wholly of the format, or
// names a day that does not exist.
std::optional<Micros> parse_time(std::string_view text, std::string_view format,
                                 const expr::TimeZone* zone);
// In `zone` (null: UTC), in English; `%f` has six digits.  Nothing for a format that is too long or
// makes a text of more than a kilobyte.
std::optional<std::string> format_time(Micros time, std::string_view format,
                                       const expr::TimeZone* zone);

}  // namespace streamflow
