// `streamflowd check`: everything that is wrong with pipeline files, all at once.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostic.h"
#include "core/spec.h"

namespace streamflow {

// Loads and plans a file or folder without starting anything.  `remarks`: where an edge cannot give the
// delivery that its pipeline asks for, and why (charts and logs, which promise nothing, are not named).
Diagnostics check_file(const std::string& path, std::vector<std::string>& remarks);

}  // namespace streamflow
