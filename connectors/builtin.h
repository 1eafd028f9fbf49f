// The connectors that every daemon has.
#pragma once

#include "core/ingest.h"
#include "core/registry.h"

namespace streamflow {

// `ingest`: where sources of records that clients send register their paths; null where nothing is served.
void register_connectors(Registry& registry, Ingest* ingest);

}  // namespace streamflow
