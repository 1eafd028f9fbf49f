// `streamflowd check`: everything that is wrong with pipeline files, all at once.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostic.h"
#include "core/spec.h"

namespace streamflow {

// Loads and plans a file or folder without starting anything.
Diagnostics check_file(const std::string& path);

}  // namespace streamflow
