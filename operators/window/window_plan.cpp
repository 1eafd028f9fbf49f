#include "operators/window/window_plan.h"

namespace streamflow {

std::string WindowPlan::signature() const {
  std::string text;
  if (gap != 0) {
    text = "session " + std::to_string(gap);
  } else if (count != 0) {
    text = "count " + std::to_string(count) + "/" + std::to_string(step);
  } else if (when) {
    text = conditions;
  } else if (grid.is_all()) {
    text = "all";
  } else {
    text = std::to_string(grid.size()) + "/" + std::to_string(grid.every()) + "+" +
           std::to_string(grid.offset());
  }
  if (empty != EmptyWindows::kSkip) text += " empty " + std::to_string(static_cast<int>(empty));
  return text + keys->signature() + signature_of(calls);
}

}  // namespace streamflow
