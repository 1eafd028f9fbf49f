// `top`: the first records of each window and key in a given order.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor top_step();

}  // namespace streamflow
