#include "core/expr/json_path.h"

#include <doctest/doctest.h>

#include "core/value.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

std::string member(std::string_view object, std::string_view name) {
  const auto found = find_member(object, name);
  return found ? std::string(*found) : "not plain";
}

}  // namespace

TEST_CASE("a member is found as its text, whatever stands around it") {
  CHECK(member(R"({"a": 1, "b": "x,}", "c": [1, {"a": 2}]})", "a") == "1");
  CHECK(member(R"({"a": 1, "b": "x,}", "c": [1, {"a": 2}]})", "b") == "\"x,}\"");
  CHECK(member(R"({"a": 1, "b": "x,}", "c": [1, {"a": 2}]})", "c") == R"([1, {"a": 2}])");
  CHECK(member(R"({"a": "\"}", "b": 2})", "b") == "2");
  CHECK(member(R"({"a": "\\", "b": 2})", "b") == "2");
  CHECK(member(" { \"a\" :\t5 } ", "a") == "5 ");
  CHECK(member("{}", "a") == "");
  CHECK(member(R"({"b": 1})", "a") == "");
  CHECK(member(R"({"a": 1, "a": 2})", "a") == "2");
}

TEST_CASE("what is no plain object is left to the parser") {
  for (const char* text : {"", "5", "null", "[1]", "{", "{\"a\"", "{\"a\":", "{\"a\": 1",
                           "{\"a\": }", "{\"a\": 1,}", "{\"a\": 1} x", "{\"a\\u0062\": 1}",
                           "{\"a\": \"x", "{\"a\": [1}", "{a: 1}", "{\"a\": {\"b\": 1}"}) {
    CAPTURE(text);
    CHECK(member(text, "a") == "not plain");
  }
}

TEST_CASE("nested paths read what the whole record has") {
  const std::string_view record = R"({"s": {"t": {"u": "a\nb", "v": [1, {"w": 2}]}, "é": 1.50}})";
  CHECK(test::eval("s.t.u", record) == "'a\\nb'");
  CHECK(test::eval("s.t.v[1].w + 1", record) == "3");
  CHECK(test::eval("s.é * 2", record) == "3.0");
  CHECK(test::eval("s.t.x.y == null", record) == "true");
  CHECK(test::eval("s.t.u.x", record) == "error: a string has no field 'x'");
  CHECK(test::eval("s.t", record) == "{'u': 'a\\nb', 'v': [1, {'w': 2}]}");
  CHECK(test::eval("s.t.v > 1", record) == "error: list > int is not possible in 's.t.v > 1'");
}

}  // namespace streamflow::expr
