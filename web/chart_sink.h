// The verb `chart`: records become points of a chart that the hub shows.  Never pushes back.
#pragma once

#include "core/registry.h"
#include "web/hub.h"

namespace streamflow::web {

// `hub` may be null where nothing is served (check, test, replay); else it outlives every sink.
void register_chart(Registry& registry, Hub* hub);

}  // namespace streamflow::web
