// rename: {old: new}.  All at once, so that names can be swapped.  Where the old field is missing
// the new one is; a field that has the new name already is replaced.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor rename_step();

}  // namespace streamflow
