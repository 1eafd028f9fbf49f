// fillna: {a: 0, status: unknown}.  Puts a value where a field is null or missing.  Values stand
// for themselves, as YAML has them.  fillna: [a] with `method: forward | backward | linear` is the
// step `ffill`, `bfill` or `interpolate` with the same options.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor fillna_step();

}  // namespace streamflow
