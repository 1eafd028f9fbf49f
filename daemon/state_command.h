// `streamflowd state`: what a state folder holds, whether it is whole, and repair.
#pragma once

#include <string>

namespace streamflow {

// Prints each pipeline's checkpoint and input log.  With `repair`, damaged tails of logs are cut off and a
// damaged checkpoint is set aside (then the pipeline begins anew), which no running daemon may use
// meanwhile.  Exit code: 0 whole (or repaired), 1 damaged, 3 it cannot be read.
int run_state(const std::string& folder, bool repair);

}  // namespace streamflow
