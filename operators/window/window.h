// window: SIZE.  Its options, read and checked; the work is time_window.h's.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor window_step();

}  // namespace streamflow
