// Where log lines go: stderr, by spdlog, as text or JSON.
#pragma once

#include <string>

namespace streamflow {

struct LogOptions {
  std::string level = "info";   // debug info warn error
  std::string format = "text";  // or json: one object a line
};

void start_logging(const LogOptions& options);

}  // namespace streamflow
