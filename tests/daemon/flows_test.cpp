// Every pipeline of tests/flows: at three batch sizes, and cut after every row with its state saved and
// loaded into a new pipeline.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "daemon/builtin.h"
#include "daemon/config_yaml.h"
#include "daemon/pipeline_tests.h"

using namespace streamflow;

TEST_CASE("flows: the same results at batches of 1, 7 and 1,024 rows, and cut after every row") {
  const Registry registry = make_registry();
  size_t files = 0, tests = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STREAMFLOW_SOURCE_DIR "/tests/flows")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    CAPTURE(entry.path().filename().string());
    Diagnostics diagnostics;
    const auto specs = load_path(entry.path().string(), registry, diagnostics);
    REQUIRE_MESSAGE(diagnostics.ok(), diagnostics.render());
    for (const PipelineSpec& spec : specs) {
      for (const TestOptions& options : {TestOptions{1, false}, TestOptions{7, false},
                                         TestOptions{1024, false}, TestOptions{1024, true}}) {
        CAPTURE(options.rows_max);
        CAPTURE(options.cut);
        const auto results = run_tests(spec, registry, options, diagnostics);
        CHECK_MESSAGE(diagnostics.ok(), diagnostics.render());
        CHECK(!results.empty());
        for (const TestResult& result : results) {
          CHECK_MESSAGE(result.passed, result.name << "\n" << result.failure);
          ++tests;
        }
      }
    }
  }
  CHECK(files >= 15);
  CHECK(tests >= 80);
}

TEST_CASE("flows: a wrong expectation fails, with what differs") {
  const Registry registry = make_registry();
  const auto file = std::make_shared<SourceFile>(SourceFile{
      "wrong.yaml",
      "name: wrong\nfrom: \"file:-\"\nsteps:\n  - filter: v > 1\ntests:\n  - name: t\n    given: [{v: 2}]\n"
      "    expect: [{v: 3}, {v: 4}]\n"});
  Diagnostics diagnostics;
  const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
  REQUIRE(spec);
  const auto results = run_tests(*spec, registry, {}, diagnostics);
  REQUIRE(results.size() == 1);
  CHECK_FALSE(results[0].passed);
  CHECK(results[0].failure.find("v: expected 3, got 2") != std::string::npos);
  CHECK(results[0].failure.find("expected {\"v\":4}, got no more records") != std::string::npos);
}
