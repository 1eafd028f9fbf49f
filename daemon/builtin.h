// Everything this daemon can do, in one registry.
#pragma once

#include "core/registry.h"
#include "web/hub.h"

namespace streamflow {

// `hub`: where charts go, and whose server takes records; null where nothing is served.
Registry make_registry(web::Hub* hub = nullptr);

}  // namespace streamflow
