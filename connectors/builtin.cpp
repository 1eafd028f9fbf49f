#include "connectors/builtin.h"

#include "connectors/file/file.h"
#include "connectors/generate/source.h"
#include "connectors/http/http.h"
#include "connectors/log/log.h"
#include "connectors/mqtt/mqtt.h"
#include "connectors/redis/redis.h"
#include "connectors/table/table.h"

namespace streamflow {

void register_connectors(Registry& registry, Ingest* ingest) {
  register_mqtt(registry);
  register_file(registry);
  register_redis(registry);
  register_http(registry, ingest);
  register_generate(registry);
  register_log(registry);
  register_tables(registry);
}

}  // namespace streamflow
