// resample: 10s.  One record of each grid interval and key: `window: 10s` with `empty: null` and
// the mean of every numeric field under its own name; `agg` for another aggregate, or one for each
// field.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor resample_step();

}  // namespace streamflow
