// `alert`: when a condition has held long enough, and when it is over; nothing in between.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor alert_step();

}  // namespace streamflow
