// dedupe: [keys] and throttle: 1s.  One record of each key in a stretch of event time that starts
// with the key's first one.
//
//   dedupe     for `within`, its end included; without it for the whole stream
//   throttle   for the interval, its end not included: the next one may pass then
//
// `keep: first` lets the first pass at once; `keep: last` sends the last of the stretch when the
// watermark has passed its end, or input ends.  In the order of event time.
//
// State: one entry a key in a running stretch, with `keep: last` its record; at most max_keys,
// beyond them the oldest is forgotten, counted (with `keep: last`: sent early).
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor dedupe_step();
StepDescriptor throttle_step();

}  // namespace streamflow
