// dropna: [a, b].  Drops the records in which one of the fields is null or missing; with `how:
// all`, those in which all are.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor dropna_step();

}  // namespace streamflow
