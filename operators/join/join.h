// `join`: records of this stream with those of another.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor join_step();

}  // namespace streamflow
