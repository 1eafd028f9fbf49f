// The JSON Schema (draft-07) of a pipeline file, made from the registry: for editors and for other
// programs that write pipelines.  It accepts what `load` and `validate` accept of shapes, names and
// choices; expressions stay texts.  Values may also be a text with `${…}`.
#pragma once

#include <string>

#include "core/registry.h"

namespace streamflow {

std::string json_schema(const Registry& registry);

}  // namespace streamflow
