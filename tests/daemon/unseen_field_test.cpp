// A name that no record has is told once, in the log and among the pipeline's errors.
#include <doctest/doctest.h>

#include "core/log.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

namespace streamflow {
namespace {

struct Running {
  SimLoop loop;
  Registry registry = make_registry();
  std::unique_ptr<Pipeline> pipeline;

  explicit Running(const std::string& yaml) {
    Diagnostics diagnostics;
    const auto file = std::make_shared<SourceFile>(SourceFile{"demo.yaml", yaml});
    const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
    REQUIRE(spec);
    pipeline = plan(*spec, registry, loop, {}, diagnostics);
    REQUIRE(pipeline);
  }
  void feed(const std::string& record, int times) {
    Inlet& inlet = pipeline->source_of("main")->inlet;
    for (int i = 0; i < times; ++i) inlet.message(record, {}, {});
    inlet.flush();
  }
  std::string errors() const {
    std::string out;
    for (const ErrorSample& error : pipeline->errors())
      out += error.step + ": " + error.reason + " x" + std::to_string(error.count) + "\n";
    return out;
  }
};

}  // namespace

TEST_CASE("a misspelt field of JSON records is a warning that names the likely one, once") {
  Running running(
      "from: \"file:-\"\n"
      "steps:\n"
      "  - filter: temprature == null || device == null\n"
      "  - derive: {made: temperature + 1}\n"
      "  - filter: made > 0\n");
  running.feed(R"({"temperature": 20, "device": "a"})", 60);
  CHECK(running.errors() == "");
  running.feed(R"({"temperature": 20, "device": "a"})", 300);
  CHECK(running.errors() ==
        "main: 'temprature' was never seen in 100 records; 'temperature' is in every record x1\n");
}

TEST_CASE("fields that are there, made by steps, or behind a window are no matter") {
  Running running(
      "from: \"file:-\"\n"
      "steps:\n"
      "  - derive: {made: a + 1, again: made + a}\n"
      "  - window: 60s\n"
      "    select: {mean: mean(again), n: count()}\n"
      "  - filter: mean > 0 && n > 0\n");
  running.feed(R"({"a": 1})", 200);
  CHECK(running.errors() == "");
}

}  // namespace streamflow
