// The text of `streamflowd list [verb|source|sink|function [NAME]]`, made from the registry and the
// table of functions.
#pragma once

#include <string>
#include <string_view>

#include "core/registry.h"
#include "core/status.h"

namespace streamflow {

// `what`: empty (an overview of all), verb, source, sink or function; `name`: one of those, or
// empty.  An unknown word is a config error whose message has the nearest one.
Result<std::string> list_text(const Registry& registry, std::string_view what,
                              std::string_view name);

}  // namespace streamflow
