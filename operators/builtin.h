// The verbs of this folder.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_operators(Registry& registry);

}  // namespace streamflow
