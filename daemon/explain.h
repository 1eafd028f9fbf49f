// `streamflowd explain`: the plan in words: steps, types, decoded fields, guarantee of each edge.
#pragma once

#include <string>

#include "core/pipeline.h"

namespace streamflow {

std::string explain(const Pipeline& pipeline);

}  // namespace streamflow
