// Asks an HTTP server of this machine for a document: the commands' way to a daemon that runs.
#pragma once

#include <string>

#include "core/status.h"

namespace streamflow::web {

struct Fetched {
  int status = 0;
  std::string body;
};

// `address`: HOST:PORT.  Waits three seconds at most for each step.  An error: nobody answered.
Result<Fetched> fetch(const std::string& address, const std::string& path);

}  // namespace streamflow::web
