#include "daemon/health.h"

#include <cstdio>

#include "web/fetch.h"

namespace streamflow {

int run_health(const std::string& listen, bool readiness) {
  const auto reply = web::fetch(listen, readiness ? "/readyz" : "/healthz");
  if (reply && reply->status == 200) return 0;
  std::fprintf(stderr, "streamflowd: %s\n", reply ? reply->body.c_str() : reply.error().message.c_str());
  return 1;
}

}  // namespace streamflow
