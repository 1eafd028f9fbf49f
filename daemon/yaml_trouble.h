// What is wrong with a text that is no YAML, in words that help: yaml-cpp says "illegal map value"
// at the place where it gave up, which is often not where the mistake is.
#pragma once

#include <cstdint>
#include <string>

#include "core/diagnostic.h"

namespace streamflow {

// Reports one problem for yaml-cpp's complaint `message` at `offset`.
void explain_syntax(const SourceFilePtr& file, uint32_t offset, const std::string& message,
                    Diagnostics& diagnostics);

}  // namespace streamflow
