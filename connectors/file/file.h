// Files as the registry sees them: the source and the sink `file`.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_file(Registry& registry);

}  // namespace streamflow
