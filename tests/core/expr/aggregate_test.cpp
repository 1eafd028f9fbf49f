#include <doctest/doctest.h>

#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

using test::problems;

struct Compiled {
  std::unique_ptr<AggregateProgram> program;
  std::string problems;
};

Compiled aggregate(std::string_view text, const Schema& input = {}) {
  static Schema outside = [] {
    Schema schema;
    schema.open = false;
    schema.fields = {{"zone", Type::kString}, {"window_start", Type::kTimestamp}};
    return schema;
  }();
  Scope scope;
  scope.schema = &input;
  scope.aggregates = true;
  scope.outside = &outside;
  std::vector<Problem> found;
  Compiled out;
  out.program = compile_aggregate(text, scope, found);
  for (const Problem& problem : found)
    out.problems += problem.code + "@" + std::to_string(problem.begin) + "-" +
                    std::to_string(problem.end) + " " + problem.message +
                    (problem.label.empty() ? "" : " [" + problem.label + "]");
  return out;
}

}  // namespace

TEST_CASE("an aggregate alone has no outer expression") {
  const auto [program, text] = aggregate("mean(temperature)");
  REQUIRE(program);
  CHECK(program->outer == nullptr);
  REQUIRE(program->calls.size() == 1);
  CHECK(program->calls[0].function == "mean");
  CHECK(program->calls[0].arguments[0]->plain_field() == "temperature");
  CHECK(program->calls[0].where == nullptr);
}

TEST_CASE("arithmetic over aggregates reads their results as $0, $1") {
  const auto [program, text] = aggregate("(max(t) - min(t)) / max(t)");
  REQUIRE(program);
  REQUIRE(program->calls.size() == 2);  // the second max(t) is the first
  REQUIRE(program->outer);
  CHECK(program->outer->fields() == std::set<std::string>{"$0", "$1"});
  const Batch results = test::record_batch(R"({"$0": 8, "$1": 2})");
  CHECK(literal(program->outer->evaluate_row(results, 0)) == "0.75");
}

TEST_CASE("arguments are expressions, conditions end an aggregate, constants follow") {
  const auto [program, text] = aggregate("count().where(price < 10000) + std(a * 2, 0)");
  REQUIRE(program);
  REQUIRE(program->calls.size() == 2);
  CHECK(program->calls[0].arguments.empty());
  REQUIRE(program->calls[0].where);
  CHECK(program->calls[0].where->type() == Type::kBool);
  REQUIRE(program->calls[1].constants.size() == 1);
  CHECK(program->calls[1].constants[0].as_int() == 0);
  CHECK(program->calls[1].arguments[0]->fields() == std::set<std::string>{"a"});
}

TEST_CASE("var is an aggregate though the word alone is reserved") {
  CHECK(aggregate("var(a)").program->calls[0].function == "var");
  CHECK(aggregate("var + 1").problems.starts_with("E0312@0-3"));
}

TEST_CASE("keys and window bounds stand outside aggregates") {
  const auto [program, text] = aggregate("zone + ': ' + string(count())");
  REQUIRE(program);
  const Batch results = test::record_batch(R"({"zone": "a", "$0": 3})");
  CHECK(literal(program->outer->evaluate_row(results, 0)) == "'a: 3'");
  CHECK(aggregate("window_start").program->calls.empty());
}

TEST_CASE("a field outside an aggregate is an error that says how to write it") {
  CHECK(aggregate("temperature").problems ==
        "E0308@0-11 'temperature' stands outside an aggregate [write mean(temperature), "
        "last(temperature)… or add it to `by`]");
  CHECK(aggregate("mean(x) + humidity").problems.starts_with("E0308@10-18"));
}

TEST_CASE("wrong aggregates are errors in their place") {
  CHECK(aggregate("1 + mean()").problems ==
        "E0309@4-10 mean() does not take 0 arguments [mean(number) -> number]");
  CHECK(aggregate("max(a, b)").problems ==
        "E0309@0-9 max() does not take 2 arguments [the greater of two: math.greatest(a, b)]");
  CHECK(aggregate("mean(max(a))")
            .problems.starts_with("E0309@5-11 an aggregate inside an aggregate"));
  CHECK(aggregate("std(a, b)").problems.starts_with("E0309@7-8"));
  CHECK(aggregate("std(a, -1)").problems.starts_with("E0309@7-9"));
  CHECK(aggregate("std(a, 1.5)").problems.starts_with("E0309@7-10"));
  CHECK(aggregate("count().where(5)").problems.starts_with("E0306@14-15"));
  CHECK(aggregate("count().where(a, b)").problems.starts_with("E0309@8-19"));
  CHECK(aggregate("avg(a)").problems == "E0302@0-3 unknown function 'avg' [write mean(x)]");
}

TEST_CASE("types of arguments are checked against the input") {
  Schema input;
  input.open = false;
  input.fields = {{"device", Type::kString}, {"t", Type::kNumber}};
  CHECK(aggregate("mean(device)", input).problems ==
        "E0309@5-11 mean() does not take a string [mean(number) -> number]");
  CHECK(aggregate("mean(tt)", input).problems.starts_with("E0301@5-7 unknown field 'tt'"));
  CHECK(aggregate("max(device) + 'x'", input).problems.empty());
  CHECK(aggregate("max(device) + 1", input).problems.starts_with("E0304@12-13"));
}

}  // namespace streamflow::expr
