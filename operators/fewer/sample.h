// sample: 0.1.  Keeps this part of the records, by the hash of each one's number in the stream: the
// same records for the same input and `seed`.  With `by`, all records of that part of the keys, by
// the hash of the key, and without any state.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor sample_step();

}  // namespace streamflow
