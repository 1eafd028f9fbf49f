// rolling: SPAN or COUNT, and aggregate: {name: aggregate}.  Their options, read and checked; the
// work is trailing.h's.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor rolling_step();
StepDescriptor aggregate_step();

}  // namespace streamflow
