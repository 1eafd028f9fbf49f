// limit: N.  The first N records in the order of event time; with `by`, of each key.  State: a
// counter a key; keys are never forgotten, at most max_keys of them.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor limit_step();

}  // namespace streamflow
