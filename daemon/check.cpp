#include "daemon/check.h"

#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

namespace streamflow {

Diagnostics check_file(const std::string& path, std::vector<std::string>& remarks) {
  Diagnostics diagnostics;
  const Registry registry = make_registry();
  SimLoop loop;
  PlanOptions options;
  options.durable = true;
  Claims claims;
  options.claims = &claims;
  for (const PipelineSpec& spec : load_path(path, registry, diagnostics)) {
    const auto pipeline = plan(spec, registry, loop, options, diagnostics);
    if (!pipeline) continue;
    for (const auto& sink : pipeline->sinks) {
      const NodeInfo& info = sink->info;
      if (info.guarantee != spec.delivery && !info.is_chart && info.verb != "log")
        remarks.push_back(info.id + " (" + info.verb + " " + info.argument + ") is " + info.guarantee + ": " +
                          info.guarantee_reason);
    }
  }
  return diagnostics;
}

}  // namespace streamflow
