#include "daemon/check.h"

#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

namespace streamflow {

Diagnostics check_file(const std::string& path) {
  Diagnostics diagnostics;
  const Registry registry = make_registry();
  SimLoop loop;
  for (const PipelineSpec& spec : load_path(path, registry, diagnostics))
    plan(spec, registry, loop, {}, diagnostics);
  return diagnostics;
}

}  // namespace streamflow
