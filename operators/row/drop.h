// drop: [a, b].  Removes fields.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor drop_step();

}  // namespace streamflow
