// Conversions of single values between types, for `cast`.
#pragma once

#include <string_view>

#include "core/schema.h"
#include "core/value.h"

namespace streamflow {

// The type that `cast` names, or kDyn where it is none.
Type cast_type(std::string_view name);
// The value as that type; kError with the reason where it has none.  Null and missing stay.
Value convert(const Value& value, Type type);

}  // namespace streamflow
