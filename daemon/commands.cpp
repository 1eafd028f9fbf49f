#include "daemon/commands.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/against_running.h"
#include "daemon/builtin.h"
#include "daemon/check.h"
#include "daemon/config_yaml.h"
#include "daemon/explain.h"
#include "daemon/pipeline_tests.h"

namespace streamflow {
namespace {

constexpr int kRuntimeFailure = 3;

void show(const Diagnostics& diagnostics) {
  if (!diagnostics.all().empty()) std::fputs(diagnostics.render(isatty(STDERR_FILENO) != 0).c_str(), stderr);
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

struct Suite {
  std::string name;
  std::vector<TestResult> results;
};

std::string junit(const std::vector<Suite>& suites) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const Suite& suite : suites) {
    size_t failures = 0;
    for (const auto& result : suite.results) failures += !result.passed;
    out += "  <testsuite name=\"" + xml(suite.name) + "\" tests=\"" + std::to_string(suite.results.size()) +
           "\" failures=\"" + std::to_string(failures) + "\">\n";
    for (const auto& result : suite.results) {
      out += "    <testcase classname=\"" + xml(suite.name) + "\" name=\"" + xml(result.name) + "\"";
      out += result.passed ? "/>\n"
                           : "><failure>" + xml(result.failure) + "</failure></testcase>\n";
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace

int run_check(const std::vector<std::string>& paths, bool syntax_only, const std::string& running) {
  bool good = true;
  for (const std::string& path : paths) {
    Diagnostics diagnostics;
    std::vector<std::string> remarks;
    if (syntax_only) {
      check_syntax(path, diagnostics);
    } else {
      diagnostics = check_file(path, remarks);
    }
    show(diagnostics);
    good = good && diagnostics.ok();
    if (!diagnostics.ok()) continue;
    std::printf("%s: good\n", path.c_str());
    for (const std::string& remark : remarks) std::printf("  %s\n", remark.c_str());
    if (running.empty() || syntax_only) continue;
    const auto lines = compare_with_running(path, running);
    if (!lines) {
      std::fprintf(stderr, "%s\n", lines.error().message.c_str());
      return 3;
    }
    for (const std::string& line : *lines) std::printf("%s\n", line.c_str());
  }
  return good ? 0 : 1;
}

int run_test(const TestCommand& command) {
  const Registry registry = make_registry();
  std::vector<Suite> suites;
  size_t passed = 0, failed = 0;
  bool good = true;
  for (const std::string& path : command.paths) {
    Diagnostics diagnostics;
    SimLoop loop;
    const auto specs = load_path(path, registry, diagnostics);
    Claims claims;
    PlanOptions options;
    options.claims = &claims;
    for (const PipelineSpec& spec : specs) plan(spec, registry, loop, options, diagnostics);
    if (diagnostics.ok())
      for (const PipelineSpec& spec : specs)
        suites.push_back({spec.name, run_tests(spec, registry, {}, diagnostics)});
    show(diagnostics);
    good = good && diagnostics.ok();
  }
  for (const Suite& suite : suites) {
    for (const TestResult& result : suite.results) {
      std::printf("%s %s: %s\n", result.passed ? "ok  " : "FAIL", suite.name.c_str(), result.name.c_str());
      std::fputs(result.failure.c_str(), stdout);
      ++(result.passed ? passed : failed);
    }
  }
  std::printf("%zu passed, %zu failed\n", passed, failed);
  if (!command.junit.empty()) {
    std::ofstream out(command.junit);
    out << junit(suites) << std::flush;
    if (!out) {
      std::fprintf(stderr, "streamflowd test: cannot write %s\n", command.junit.c_str());
      return kRuntimeFailure;
    }
  }
  return good && failed == 0 ? 0 : 1;
}

int run_explain(const std::string& path) {
  const Registry registry = make_registry();
  Diagnostics diagnostics;
  SimLoop loop;
  std::string out;
  Claims claims;
  for (const PipelineSpec& spec : load_path(path, registry, diagnostics)) {
    PlanOptions options;
    options.durable = true;
    options.claims = &claims;
    const auto pipeline = plan(spec, registry, loop, options, diagnostics);
    if (pipeline) out += (out.empty() ? "" : "\n") + explain(*pipeline);
  }
  show(diagnostics);
  if (!diagnostics.ok()) return 1;
  std::fputs(out.c_str(), stdout);
  return 0;
}

}  // namespace streamflow
