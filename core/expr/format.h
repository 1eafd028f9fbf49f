// 'text'.format(values), as cel-go's strings extension: %s %d %f %e %x %X %o %b %%, with a
// precision for %f and %e.
#pragma once

#include <string>
#include <string_view>

#include "core/value.h"

namespace streamflow::expr {

inline constexpr int kPrecisionMax = 100;

Value format_text(std::string_view format, const Value::List& values);

}  // namespace streamflow::expr
