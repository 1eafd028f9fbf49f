// The source `http`: records that clients send to the daemon's own server.
#pragma once

#include "core/ingest.h"
#include "core/registry.h"

namespace streamflow {

// `ingest`: the server's paths, which outlive the sources; null where nothing is served.
void register_http(Registry& registry, Ingest* ingest);

}  // namespace streamflow
