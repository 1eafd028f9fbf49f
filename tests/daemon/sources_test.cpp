// Several sources in one stream.
#include <doctest/doctest.h>

#include <set>
#include <sstream>

#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"
#include "daemon/status.h"

using namespace streamflow;

TEST_CASE("sources of one union have ids of their own, in what they keep and in what is shown") {
  const Registry registry = make_registry();
  Diagnostics diagnostics;
  const auto file = std::make_shared<SourceFile>(
      SourceFile{"p.yaml",
                 "from: [\"mqtt://h/a/#\", \"mqtt://h/b/#\"]\nsteps:\n  - save: \"mqtt://h/out\"\n"});
  const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
  REQUIRE(spec);
  SimLoop loop;
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  pipelines.push_back(plan(*spec, registry, loop, {}, diagnostics));
  REQUIRE(pipelines[0]);
  CHECK(pipelines[0]->sources[0]->info.id == "main");
  CHECK(pipelines[0]->sources[1]->info.id == "main#2");
  CHECK(pipelines[0]->sources[1]->info.stream == "main");

  std::set<std::string> samples;
  std::istringstream metrics(metrics_text(pipelines));
  for (std::string line; std::getline(metrics, line);) {
    if (line.starts_with('#')) continue;
    CAPTURE(line);
    CHECK(samples.insert(line.substr(0, line.rfind(' '))).second);
  }
  Rates rates;
  const std::string status = status_document(pipelines, 1, 2, {}, rates);
  CHECK(status.find(R"("id":"main#2","stream":"main")") != std::string::npos);
}
