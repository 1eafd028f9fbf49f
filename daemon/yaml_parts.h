// The parts of a pipeline that need the registry to be understood: which key of a step is its verb,
// and which key of a `from:` its connector.
#pragma once

#include <optional>
#include <vector>

#include "core/diagnostic.h"
#include "core/registry.h"
#include "core/spec.h"

namespace streamflow {

// One item of `steps:`.  A step whose verb is unknown is kept with it, so that planning meets it
// too.
std::optional<StepSpec> read_step(const SpecValue& item, const Registry& registry,
                                  Diagnostics& diagnostics);

// The value of `from:`: a source, a stream's name, or a list of those.
std::vector<InputSpec> read_inputs(const SpecValue& from, const Registry& registry,
                                   Diagnostics& diagnostics);

}  // namespace streamflow
