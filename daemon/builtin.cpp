#include "daemon/builtin.h"

#include "connectors/builtin.h"
#include "operators/builtin.h"
#include "web/chart_sink.h"

namespace streamflow {

Registry make_registry(web::Hub* hub) {
  Registry registry;
  register_operators(registry);
  register_connectors(registry, hub ? &hub->server().ingest() : nullptr);
  web::register_chart(registry, hub);
  return registry;
}

}  // namespace streamflow
