// The commands that run and return: check, test, explain, replay.  Results to stdout, problems to stderr.
#pragma once

#include <string>
#include <vector>

namespace streamflow {

struct TestCommand {
  std::vector<std::string> paths;
  std::string junit;
};

struct ReplayCommand {
  std::string path;
  std::vector<std::string> inputs, outputs;  // [STREAM=]FILE
  std::string time_field;
  std::string interval;
  std::string timestamps;
  std::string ledger;
  bool with_sinks = false;
};

// Each returns the process's exit code.
// `running`: HOST:PORT of a daemon to compare with; empty: none.
int run_check(const std::vector<std::string>& paths, bool syntax_only, const std::string& running);
int run_test(const TestCommand& command);
int run_explain(const std::string& path);
int run_replay(const ReplayCommand& command);

}  // namespace streamflow
