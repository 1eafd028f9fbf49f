// compile_row: row functions cut out of expressions.
#include <doctest/doctest.h>

#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

std::unique_ptr<RowProgram> rows(std::string_view text, std::string& problems,
                                 const Schema& schema = {}, bool condition = false) {
  Scope scope;
  scope.schema = &schema;
  scope.condition = condition;
  std::vector<Problem> found;
  auto program = compile_row(text, scope, found);
  for (const Problem& problem : found) {
    problems += problem.code + "@" + std::to_string(problem.begin) + "-" +
                std::to_string(problem.end) + " " + problem.message;
    if (!problem.label.empty()) problems += " [" + problem.label + "]";
  }
  return program;
}

std::string wrong(std::string_view text) {
  std::string problems;
  CHECK(rows(text, problems) == nullptr);
  return problems;
}

std::string calls(const RowProgram& program) {
  std::string out;
  for (const RowCall& call : program.calls) {
    out += (out.empty() ? "" : " ") + call.function + "(";
    for (const std::string& field : call.arguments[0]->fields()) out += field;
    for (const Value& constant : call.constants) out += "," + literal(constant);
    out += ")";
  }
  return out;
}

std::string fields(const Program& program) {
  std::string out;
  for (const std::string& field : program.fields()) out += (out.empty() ? "" : " ") + field;
  return out;
}

}  // namespace

TEST_CASE("row functions become calls, the rest reads their results") {
  std::string problems;
  const auto program = rows("x - lag(x) > diff(y) * lag(x, 3)", problems);
  REQUIRE(program);
  CHECK(problems.empty());
  CHECK(calls(*program) == "lag(x,1) diff(y) lag(x,3)");
  CHECK(fields(*program->outer) == "$0 $1 $2 x");
  CHECK(program->outer->type() == Type::kBool);
}

TEST_CASE("an expression without row functions is its outer program") {
  std::string problems;
  const auto program = rows("x + 1", problems);
  REQUIRE(program);
  CHECK(program->calls.empty());
  CHECK(fields(*program->outer) == "x");
}

TEST_CASE("an equal call is made once; inner calls come first and are read by their results") {
  std::string problems;
  const auto program = rows("ewm(diff(x), 0.5) + diff(x)", problems);
  REQUIRE(program);
  CHECK(calls(*program) == "diff(x) ewm($0,0.5)");
  CHECK(fields(*program->outer) == "$0 $1");
}

TEST_CASE("results have the type of what they are made from") {
  Schema schema;
  schema.set("s", Type::kString);
  schema.set("n", Type::kNumber);
  const auto type = [&schema](std::string_view text) {
    std::string problems;
    const auto program = rows(text, problems, schema);
    CHECK(problems == "");
    return program ? program->outer->type() : Type::kError;
  };
  CHECK(type("lag(s)") == Type::kString);
  CHECK(type("previous(n)") == Type::kNumber);
  CHECK(type("diff(n)") == Type::kNumber);
  CHECK(type("diff(time)") == Type::kDuration);
  CHECK(type("derivative(n)") == Type::kNumber);
  CHECK(type("cumsum(n)") == Type::kNumber);
  CHECK(type("ewm(n, 1)") == Type::kNumber);
  CHECK(type("changed(s)") == Type::kBool);
  CHECK(type("lag(unknown)") == Type::kDyn);
}

TEST_CASE("a condition of row functions is one of its outer program") {
  std::string problems;
  CHECK(rows("changed(state)", problems, {}, true));
  CHECK(problems.empty());
  CHECK_FALSE(rows("cumsum(x)", problems, {}, true));
  CHECK(problems.starts_with("E0306@0-9 this condition must be true or false, not a number"));
}

TEST_CASE("mistakes in row functions have their places") {
  CHECK(wrong("lag()") == "E0317@0-5 lag() does not take 0 arguments [lag(any, n = 1) -> any]");
  CHECK(wrong("lag(x, 0)").starts_with("E0317@7-8 the n of lag() is a whole number from 1 to"));
  CHECK(wrong("lag(x, n)").starts_with("E0317@7-8"));
  CHECK(wrong("lag(x, 1.0)").starts_with("E0317@7-10"));
  CHECK(wrong("ewm(x)").starts_with("E0317@0-6 ewm() does not take 1 argument"));
  CHECK(wrong("ewm(x, 0)") ==
        "E0317@7-8 the a of ewm() is a number above 0 and at most 1 [ewm(number, a) -> double]");
  CHECK(wrong("ewm(x, 1.5)").starts_with("E0317@7-10"));
  CHECK(wrong("diff('a')").starts_with("E0317@5-8 diff() does not take a string"));
  CHECK(wrong("cumsum(x, 1)").starts_with("E0317@0-12"));
  CHECK(wrong("lag(x + )").starts_with("E0300@"));
  CHECK(wrong("lag(len(x))").starts_with("E0302@4-7"));
}

TEST_CASE("a row function cannot use a macro's variable") {
  CHECK(
      wrong("l.map(v, lag(v))") ==
      "E0317@13-14 lag() looks at records, not at 'v' of a macro [it may stand before the macro]");
  std::string problems;
  const auto program = rows("cel.bind(p, lag(x), x - p) + size(l.filter(v, v > lag(x)))", problems);
  REQUIRE(program);
  CHECK(calls(*program) == "lag(x,1)");
}

TEST_CASE("results are no part of `record`") {
  std::string problems;
  const auto program = rows("diff(x) == null ? record : {}", problems);
  REQUIRE(program);
  Batch batch = test::record_batch(R"({"x": 1, "$1": 2})");
  batch.set("$0", std::make_shared<Column>(1));
  CHECK(literal(program->outer->evaluate_row(batch, 0)) == "{'x': 1, '$1': 2}");
}

TEST_CASE("elsewhere a row function says where it belongs") {
  CHECK(test::problems("lag(x)") ==
        "E0307@0-3 lag() looks at earlier records and belongs to derive, select or filter [make a "
        "field with derive before this step]");
}

}  // namespace streamflow::expr
