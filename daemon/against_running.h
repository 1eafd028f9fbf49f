// `check --against-running`: what a reload of these files would keep and lose, asked of the daemon that runs.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"

namespace streamflow {

// One line each, for people.  An error: no daemon answers at `address` (HOST:PORT), or not as this version does.
Result<std::vector<std::string>> compare_with_running(const std::string& path, const std::string& address);

// What identifies a pipeline's meaning in /api/v1/pipelines.
std::string version_of(const std::string& fingerprint);

}  // namespace streamflow
