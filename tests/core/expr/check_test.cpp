#include "core/expr/check.h"

#include <doctest/doctest.h>

#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

using test::eval;
using test::place;
using test::problems;
using test::type_of;

Schema closed() {
  Schema schema;
  schema.open = false;
  schema.fields = {
      {"temperature", Type::kNumber}, {"device", Type::kString}, {"on", Type::kBool},
      {"at", Type::kTimestamp},       {"tags", Type::kList},     {"extra", Type::kMap}};
  return schema;
}

std::string over_closed(std::string_view text) {
  const Schema schema = closed();
  Scope scope;
  scope.schema = &schema;
  return problems(text, scope);
}

}  // namespace

TEST_CASE("an unknown field of a closed schema is an error with the nearest name") {
  CHECK(over_closed("temprature > 25") ==
        "E0301@0-10 unknown field 'temprature' [did you mean 'temperature'?]");
  CHECK(over_closed("1 + record.temprature").starts_with("E0301@11-21"));
  CHECK(over_closed("record['temprature'] > 1").starts_with("E0301@7-19"));
  CHECK(over_closed("zzz") ==
        "E0301@0-3 unknown field 'zzz' [known: temperature, device, on, at, tags, extra]");
  CHECK(over_closed("temperature > 25 && device == 'a'") == "");
  CHECK(over_closed("has(temprature)").starts_with("E0301@4-14"));
}

TEST_CASE("an unknown field of an open schema is dyn") {
  CHECK(type_of("anything", Schema{}) == Type::kDyn);
  CHECK(type_of("anything * 2", Schema{}) == Type::kNumber);
  CHECK(type_of("anything / 2", Schema{}) == Type::kDouble);
  CHECK(type_of("anything > 2", Schema{}) == Type::kBool);
  CHECK(type_of("anything + 'x'", Schema{}) == Type::kString);
  CHECK(type_of("size(anything)", Schema{}) == Type::kInt);
}

TEST_CASE("types flow through operators") {
  const Schema schema = closed();
  CHECK(type_of("temperature + 1", schema) == Type::kNumber);
  CHECK(type_of("temperature * 1.5", schema) == Type::kDouble);
  CHECK(type_of("at - duration('1h')", schema) == Type::kTimestamp);
  CHECK(type_of("at - at", schema) == Type::kDuration);
  CHECK(type_of("on ? 1 : 2.5", schema) == Type::kNumber);
  CHECK(type_of("on ? device : null", schema) == Type::kString);
  CHECK(type_of("tags.map(t, size(t))", schema) == Type::kList);
  CHECK(type_of("tags.exists(t, t == 'x')", schema) == Type::kBool);
  CHECK(type_of("extra.a", schema) == Type::kDyn);
  CHECK(type_of("time", schema) == Type::kTimestamp);
  CHECK(type_of("record", schema) == Type::kMap);
  CHECK(type_of("[1, 2][0]", schema) == Type::kInt);
}

TEST_CASE("impossible comparisons are errors under the operator") {
  CHECK(over_closed("device > 1") ==
        "E0305@7-8 a string cannot be compared with an int [write double(text)]");
  CHECK(over_closed("temperature == '25'") ==
        "E0305@12-14 a number never equals a string [write the number without quotes]");
  CHECK(over_closed("on == 1").starts_with("E0305@3-5"));
  CHECK(over_closed("at > '2024-01-01'") ==
        "E0305@3-4 a timestamp cannot be compared with a string [write timestamp('…')]");
  CHECK(over_closed("at - at > 60").starts_with("E0305@8-9"));
  CHECK(over_closed("temperature > null") ==
        "E0305@12-13 null is neither smaller nor greater [write == null or != null]");
  CHECK(over_closed("temperature == null") == "");
  CHECK(over_closed("tags < tags").starts_with("E0305@5-6 a list is neither smaller nor greater"));
  CHECK(over_closed("device in [1, 2]").starts_with("E0305@7-9"));
  CHECK(over_closed("temperature in [1, 2.5, 3u]") == "");
  CHECK(over_closed("'x' in device") ==
        "E0304@4-6 'in' looks into lists and maps, not a string [write text.contains(part)]");
  CHECK(over_closed("1 < 2.5 && 1u == 1.0") == "");
}

TEST_CASE("operators on wrong types are errors under the operator") {
  CHECK(over_closed("device + 1") ==
        "E0304@7-8 string + int is not possible [write string(right side)]");
  CHECK(over_closed("device * 2").starts_with("E0304@7-8"));
  CHECK(over_closed("-device").starts_with("E0304@0-1 -string is not possible"));
  CHECK(over_closed("temperature + null").starts_with("E0304@12-13"));
  CHECK(over_closed("1 + 1.0") ==
        "E0304@2-3 int + double is not possible [make both alike: 1.0, "
        "double(x), int(x)]");
  CHECK(over_closed("temperature + 1.0 + 1u") == "");
  CHECK(over_closed("5.0 % 2.0").starts_with("E0304@4-5"));
  CHECK(over_closed("at + at").starts_with("E0304@3-4"));
}

TEST_CASE("conditions must be true or false") {
  CHECK(over_closed("on && device") ==
        "E0306@6-12 an operand of && must be true or false, not a string [compare it with "
        "something]");
  CHECK(over_closed("!temperature").starts_with("E0306@1-12 the operand of !"));
  CHECK(over_closed("temperature ? 1 : 2").starts_with("E0306@0-11 what stands before ?"));
  CHECK(over_closed("tags.all(t, 1)").starts_with("E0306@12-13"));
}

TEST_CASE("a filter must be a condition, and one that never changes is a warning") {
  const Schema schema = closed();
  Scope scope;
  scope.schema = &schema;
  scope.condition = true;
  CHECK(problems("temperature + 1", scope) ==
        "E0306@0-15 this condition must be true or false, not a number [compare it with "
        "something]");
  CHECK(problems("1 > 2", scope) == "warning E0320@0-5 this condition is always false");
  CHECK(problems("on || true", scope) == "warning E0320@0-10 this condition is always true");
  CHECK(problems("on && 1 > 2", scope) == "warning E0320@0-11 this condition is always false");
  CHECK(problems("on", scope) == "");
}

TEST_CASE("unknown functions name the nearest, or what to write") {
  CHECK(over_closed("device.startWith('a')") ==
        "E0302@7-16 unknown function 'startWith' [did you mean 'startsWith'?]");
  CHECK(over_closed("len(device)") == "E0302@0-3 unknown function 'len' [write size(x)]");
  CHECK(over_closed("startsWith(device, 'a')") ==
        "E0302@0-10 unknown function 'startsWith' [write x.startsWith(…)]");
  CHECK(over_closed("device.int()") == "E0302@7-10 unknown function 'int' [write int(x)]");
  CHECK(over_closed("math.flor(1.5)") ==
        "E0302@0-9 unknown function 'math.flor' [did you mean 'math.floor'?]");
  CHECK(over_closed("device.size").starts_with("E0316@7-11 a string has no fields [write size()]"));
}

TEST_CASE("wrong arguments are errors under the argument, with the signatures") {
  CHECK(over_closed("device.startsWith(1)") ==
        "E0303@18-19 'startsWith' does not take an int [string.startsWith(string) -> bool]");
  CHECK(over_closed("device.startsWith()") ==
        "E0303@7-19 'startsWith' needs an argument [string.startsWith(string) -> bool]");
  CHECK(over_closed("size(temperature)").starts_with("E0303@5-16 'size' does not take a number"));
  CHECK(over_closed("size(device, 1)").starts_with("E0303@0-15 'size' does not take 2 arguments"));
}

TEST_CASE("a bad regular expression is an error under the pattern") {
  CHECK(over_closed("device.matches('(')").starts_with("E0314@15-18 bad regular expression"));
  CHECK(over_closed("device.matches('^dev')") == "");
}

TEST_CASE("macros need a variable, has() a field") {
  CHECK(over_closed("tags.map(1, 2)") ==
        "E0315@9-10 the first argument of map() names a variable [write map(x, …)]");
  CHECK(over_closed("tags.exists(t)").starts_with("E0315@5-14"));
  CHECK(over_closed("device.all(c, true)").starts_with("E0315@0-6"));
  CHECK(over_closed("has(1 + 1)").starts_with("E0315@4-9"));
  CHECK(over_closed("has(device) && has(record['device']) && has(extra.a.b)") == "");
}

TEST_CASE("aggregates belong to windows") {
  CHECK(over_closed("mean(temperature) > 5") ==
        "E0307@0-4 mean() is an aggregate and belongs to the select of a window");
  CHECK(over_closed("max(1, 2)").find("math.greatest(a, b)") != std::string::npos);
}

TEST_CASE("time, meta and now() win over fields of their name, and say so") {
  Schema schema = closed();
  schema.set("time", Type::kString);
  CHECK(place("time > timestamp('2024-01-01T00:00:00Z')", schema) == "warning E0321@0-4");
  CHECK(place("record.time == 'x'", schema) == "");
  CHECK(problems("meta").starts_with("E0316@0-4"));
  CHECK(problems("meta.topic == 'a' && now() > time") == "");
}

TEST_CASE("a name that is both type and field is the type only beside type()") {
  CHECK(eval("type == 'alarm'", R"({"type": "alarm"})") == "true");
  CHECK(eval("type(x) == int && type(x) in [int, double]", R"({"x": 1})") == "true");
  CHECK(eval("int == type(x)", R"({"x": 1})") == "true");
  CHECK(eval("type(int) == type") == "true");
}

TEST_CASE("several mistakes are reported at once") {
  CHECK(over_closed("temprature > 1 && device > 1 && foo(1)") ==
        "E0301@0-10 unknown field 'temprature' [did you mean 'temperature'?]\n"
        "E0305@25-26 a string cannot be compared with an int [write double(text)]\n"
        "E0302@32-35 unknown function 'foo'");
}

TEST_CASE("fields and meta fields that are used are known") {
  const Schema open;
  Scope scope;
  scope.schema = &open;
  std::vector<Problem> found;
  const auto program = compile(
      "a > 1 && record['b-c'] == meta.topic || has(d.e) || [1].exists(x, x == f)", scope, found);
  REQUIRE(program);
  CHECK(program->fields() == std::set<std::string>{"a", "b-c", "d", "f"});
  CHECK(program->meta() == std::set<std::string>{"topic"});
  CHECK_FALSE(program->whole_record());
  CHECK(compile("record[a]", scope, found)->whole_record());
  CHECK(compile("temperature", scope, found)->plain_field() == "temperature");
  CHECK(compile("record['b-c']", scope, found)->plain_field() == "b-c");
  CHECK(compile("a + 0", scope, found)->plain_field() == "");
}

TEST_CASE("bindings shadow fields and are of CEL's own types") {
  const Schema open;
  Scope scope;
  scope.schema = &open;
  scope.bindings = {{"x", Value::integer(7)}, {"a.b", Value::string("dotted")}};
  std::vector<Problem> found;
  Batch batch = test::record_batch(R"({"x": 100})");
  CHECK(literal(compile("x / 2", scope, found)->evaluate_row(batch, 0)) == "3");
  CHECK(literal(compile("record.x / 8", scope, found)->evaluate_row(batch, 0)) == "12.5");
  CHECK(literal(compile("a.b", scope, found)->evaluate_row(batch, 0)) == "'dotted'");
  CHECK(problems("x + 1.0", scope).starts_with("E0304"));
}

TEST_CASE("unchecked, types are left to the run") {
  Scope scope;
  scope.unchecked = true;
  std::vector<Problem> found;
  Batch batch;
  batch.rows = 1;
  const auto run = [&](std::string_view text) {
    const auto program = compile(text, scope, found);
    return program ? literal(program->evaluate_row(batch, 0)) : "not compiled";
  };
  CHECK(run("x || true") == "true");
  CHECK(run("f(1) || true") == "true");
  CHECK(run("false && 32") == "false");
  CHECK(run("x") == "error: unknown name 'x'");
  CHECK(run("1 == 'a'") == "false");
  CHECK(run("1 +") == "not compiled");
}

}  // namespace streamflow::expr
