// Rows in the order of their times, for steps whose result depends on it.
//
// A row is handled as soon as the stream's watermark, with this row counted in, reaches its time: in
// the order of time, then of arrival.  So rows that come in order with no lateness wait for nothing,
// and results do not depend on the order of arrival within the lateness.  A row older than one
// already handled is late.
#pragma once

#include <memory>

#include "core/registry.h"

namespace streamflow {

// `order: time | arrival`.
OptionDescriptor order_option();

// The step that `inner` makes when it gets its rows in the order of time.  `inner` sees each row with
// a watermark that is not below its time, so its own deadlines hold as for any operator.
std::unique_ptr<Operator> in_time_order(std::unique_ptr<Operator> inner);

// As the step's `order` option says.
std::unique_ptr<Operator> in_order(const Params& params, std::unique_ptr<Operator> op);

}  // namespace streamflow
