// derive: {name: EXPR, …}.  Adds or replaces fields, in written order, each seeing those above.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor derive_step();

}  // namespace streamflow
