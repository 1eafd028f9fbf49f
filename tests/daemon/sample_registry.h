// Descriptors like the real ones, without anything to build: what front-end tests need.
#pragma once

#include "core/registry.h"

namespace streamflow {

Registry sample_registry();

// What planning checks of a spec without building it: verbs, sources, sinks and their options.
void validate_all(const PipelineSpec& spec, const Registry& registry, Diagnostics& diagnostics);

}  // namespace streamflow
