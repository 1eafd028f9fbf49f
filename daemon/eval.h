// streamflowd eval: one expression, or one a line for other languages' tests (docs/expressions.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamflow {

struct EvalCommand {
  std::string expression;
  std::string record;             // JSON text, @FILE or -; empty: none
  std::vector<std::string> bind;  // NAME:TYPE=VALUE
  bool typed = false;             // requests from standard input instead
};

// Returns the process's exit code: 0, 1 for a bad expression, record or failed evaluation, 2 for
// wrong usage.  Results, errors of expressions included, go to standard output.
int run_eval(const EvalCommand& command);

// The arguments after `eval`, put so that a parser of options takes them: `--bind X` is `--bind=X`,
// and what is no option, an expression such as `-x` too, comes last, after `--`.  An expression
// that looks like an option (`--x`, `-h`) is written after `--`.
std::vector<std::string> order_eval_arguments(const std::vector<std::string>& arguments);

// The answer to one line of `eval --typed`, without a line break: {"value": …} or {"error": "…"}.
std::string answer_typed(std::string_view request);

}  // namespace streamflow
