// The tables of `lookup`: CSV, JSON and SQLite files.
#pragma once

#include "core/registry.h"

namespace streamflow {

void register_tables(Registry& registry);

}  // namespace streamflow
