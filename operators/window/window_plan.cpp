#include "operators/window/window_plan.h"

namespace streamflow {

std::string WindowPlan::signature() const {
  std::string text;
  if (gap != 0) {
    text = "session " + std::to_string(gap);
  } else if (count != 0) {
    text = "count " + std::to_string(count) + "/" + std::to_string(step);
  } else if (when) {
    text = until ? "when until" : "when";
  } else if (grid.is_all()) {
    text = "all";
  } else {
    text = std::to_string(grid.size()) + "/" + std::to_string(grid.every()) + "+" +
           std::to_string(grid.offset());
  }
  return text + " by " + std::to_string(keys->parts().size()) + signature_of(calls);
}

}  // namespace streamflow
