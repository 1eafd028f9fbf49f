// bfill: [a] and interpolate: [a].  Fill a field that is null or missing from the next value of the
// same key: with that value, or on the straight line in event time from the last value to it.
//
//   y(t) = y0 + (y1 - y0) (t - t0) / (t1 - t0);   t1 = t0: y1
//
// A record waits until all its fields are known: at most `within` (in event time, the end
// included), or until the input ends; what is not known by then stays as it is.  `limit` fills the
// records next to the value only: with bfill the last n before it, with interpolate the first n
// after the last.
//
// Records of one key stay in their order, those of others do not wait; the watermark does.  State:
// the waiting records and those of the same key behind them, at most max_records; beyond it the
// oldest goes on as it is, counted.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor bfill_step();
StepDescriptor interpolate_step();

enum class LookAheadKind : unsigned char { kBackward, kLinear };
std::unique_ptr<Operator> build_look_ahead(BuildContext& context, std::string_view option,
                                           LookAheadKind kind);
OptionDescriptor max_records_option();

}  // namespace streamflow
