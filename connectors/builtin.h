// The connectors that every daemon has.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_connectors(Registry& registry);

}  // namespace streamflow
