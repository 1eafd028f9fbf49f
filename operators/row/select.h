// select: [a, b, {c: EXPR}] or {a: EXPR, …}.  Keeps and computes only these, in written order.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor select_step();

}  // namespace streamflow
