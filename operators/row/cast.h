// cast: {field: TYPE}.  Gives fields a type: int, uint, double, number, string, bool, timestamp,
// duration.  Null and missing stay; what cannot be converted becomes null and is counted
// (`on_error: fail_record` fails the record).
//
//   int uint     from a number: cut toward zero, in range; from text: a whole number; a bool: 0 or
//   1; a
//                timestamp: its seconds since the epoch
//   double       from a number, a bool, or text that is a JSON number
//   number       the same, whole numbers staying int
//   string       from anything; a number as it is written in JSON
//   bool         from `true`, `false`; a number: whether it is not zero
//   timestamp    from RFC 3339 text, or a number since the epoch, its unit by magnitude
//   duration     from text such as 1m30s, or a number of seconds
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor cast_step();

}  // namespace streamflow
