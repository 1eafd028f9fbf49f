// `lookup`: records with the row of a table that has their key.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor lookup_step();

}  // namespace streamflow
