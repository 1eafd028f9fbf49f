// clip: {a: [lo, hi]}.  Brings numbers into a range: what is below lo becomes lo, what is above hi
// becomes hi; a bound that is null is open.  Null and missing stay; what is no number becomes null
// and is counted, so that afterwards the field is in its range or null.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor clip_step();

}  // namespace streamflow
