// The command line.
#pragma once

namespace streamflow {

// Parses and runs; the process's exit code: 0 ok, 1 bad pipeline or failed test, 2 usage, 3 runtime failure.
int run_command_line(int argc, char** argv);

}  // namespace streamflow
