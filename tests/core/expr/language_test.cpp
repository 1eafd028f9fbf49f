// The rules of the language as text (language.txt), each evaluated three ways: as it is, with
// nothing folded at load, and printed and parsed again.
#include <doctest/doctest.h>

#include <fstream>

#include "core/expr/parse.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

std::string value_of(std::string_view text, bool optimise = true) {
  Scope scope;
  scope.unchecked = true;
  scope.optimise = optimise;
  std::vector<Problem> problems;
  const auto program = compile(text, scope, problems);
  Batch batch;
  batch.rows = 1;
  if (!program) return "error";
  const Value value = program->evaluate_row(batch, 0);
  return value.is_error() ? "error" : literal(value);
}

std::string reprinted(std::string_view text) {
  std::vector<Problem> problems;
  const NodePtr node = parse(text, problems);
  return node ? print(*node) : std::string(text);
}

}  // namespace

TEST_CASE("the rules of the language, one by one") {
  std::ifstream file(STREAMFLOW_SOURCE_DIR "/tests/core/expr/language.txt");
  REQUIRE(file.good());
  size_t cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t arrow = line.find("  ==>  ");
    CAPTURE(line);
    REQUIRE(arrow != std::string::npos);
    const std::string text = line.substr(0, arrow), wanted = line.substr(arrow + 7);
    const std::string expected = wanted == "error" ? wanted : value_of(wanted);
    if (wanted != "error") CHECK(expected != "error");
    CHECK(value_of(text) == expected);
    CHECK(value_of(text, false) == expected);
    CHECK(value_of(reprinted(text)) == expected);
    ++cases;
  }
  CHECK(cases > 300);
}

}  // namespace streamflow::expr
