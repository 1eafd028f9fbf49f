// `streamflowd health`: asks a running daemon whether it is well, for supervisors that can only run
// a command (Docker's HEALTHCHECK, Kubernetes' exec probes) in images without an HTTP client.
#pragma once

#include <string>

namespace streamflow {

// Requests /healthz, or /readyz with `readiness`, at HOST:PORT (waits three seconds at most for each step).
// Exit code: 0 it answered 200; 1 it did not, and stderr says why.
int run_health(const std::string& listen, bool readiness);

}  // namespace streamflow
