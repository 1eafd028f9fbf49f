// Everything this daemon can do, in one registry.
#pragma once

#include "core/registry.h"
#include "web/hub.h"

namespace streamflow {

// `hub`: where charts go; null where nothing is served.
Registry make_registry(web::Hub* hub = nullptr);

}  // namespace streamflow
