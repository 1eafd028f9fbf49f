// MQTT as the registry sees it: the source and the sink `mqtt`, for mqtt:// and mqtts://.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_mqtt(Registry& registry);

}  // namespace streamflow
