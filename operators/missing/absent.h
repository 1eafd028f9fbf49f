// absent: 5m.  Says when a key has been silent for that long, and when it is back:
//   {keys, status: silent | back, last_seen}
//
// A key is silent once its last record is more than the length old: `silent` is sent when the
// watermark has passed that instant, with that instant as its time.  `back` is sent for the key's
// next record, with its time.  `last_seen` is the time of the last record before the silence, null
// where there was none.
//
// The stream's watermark is the clock: with event time other keys' records move it, and once the
// source is idle the machine's clock does (see `idle`); with arrival time always the machine's
// clock.  In replay only records do, and at the end of input the stream's last time: what would
// fall silent later is not known.
//
// `expect: [a, b]` names keys that never came: they count as last heard when the stream started.
// Without any record that is the first watermark, so with event time nothing is said before the
// first record.
//
// In the order of event time.  State: a time a key, at most max_keys; keys are not forgotten.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor absent_step();

}  // namespace streamflow
