// filter: EXPR.  Keeps the records for which it is true; the columns are shared, the selection
// narrows.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor filter_step();

}  // namespace streamflow
