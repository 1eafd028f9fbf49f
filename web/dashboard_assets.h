// The built dashboard, embedded in the program; empty in a build without it.
#pragma once

#include <span>

#include "web/assets.h"

namespace streamflow::web {

std::span<const Asset> dashboard_assets();

}  // namespace streamflow::web
