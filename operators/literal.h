// Values in options that stand for themselves.
#pragma once

#include "core/spec.h"
#include "core/value.h"

namespace streamflow {

// A scalar as YAML 1.2's core schema has it: null, true and false, numbers as JSON writes them, all
// else and what is quoted a string.  Missing for lists and maps.
Value literal_of(const SpecValue& value);

}  // namespace streamflow
