// The rules of the language as text (language.txt, cel_go.txt), each evaluated three ways: as it
// is, with nothing folded at load, and printed and parsed again.
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

// The number of cases.
size_t check_file(const std::string& name) {
  std::ifstream file(STREAMFLOW_SOURCE_DIR "/tests/core/expr/" + name);
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
  return cases;
}

}  // namespace

TEST_CASE("the rules of the language, one by one") { CHECK(check_file("language.txt") > 300); }

TEST_CASE("the answers of cel-go") { CHECK(check_file("cel_go.txt") > 1000); }

}  // namespace streamflow::expr
