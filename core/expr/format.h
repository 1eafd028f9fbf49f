// 'text'.format(values), as cel-go's strings extension version 4: %s %d %f %e %x %X %o %b %%, with
// a precision for %f and %e.  `number`: values are StreamFlow's `number`, whose whole doubles are
// as good as ints: %x %o %b take them.
#pragma once

#include <string>
#include <string_view>

#include "core/value.h"

namespace streamflow::expr {

inline constexpr int kPrecisionMax = 100;

Value format_text(std::string_view format, const Value::List& values, bool number);

}  // namespace streamflow::expr
