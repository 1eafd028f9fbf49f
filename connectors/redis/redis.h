// Redis as the registry sees it: the source and the sink `redis`, for redis://.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_redis(Registry& registry);

}  // namespace streamflow
