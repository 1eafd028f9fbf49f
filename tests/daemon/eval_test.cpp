// eval --typed: requests of other languages' tests.
#include "daemon/eval.h"

#include <doctest/doctest.h>

namespace streamflow {
namespace {

std::string typed(const std::string& expression, const std::string& bind = "{}") {
  return answer_typed(R"({"expr": ")" + expression + R"(", "bind": )" + bind + "}");
}

}  // namespace

TEST_CASE("typed answers carry each type") {
  CHECK(typed("x + 1", R"({"x": {"int": "5"}})") == R"({"value": {"int": "6"}})");
  CHECK(typed("null") == R"({"value": {"null": null}})");
  CHECK(typed("true") == R"({"value": {"bool": true}})");
  CHECK(typed("5u") == R"({"value": {"uint": "5"}})");
  CHECK(typed("1.5") == R"({"value": {"double": "1.5"}})");
  CHECK(typed("0.0 / 0.0") == R"({"value": {"double": "NaN"}})");
  CHECK(typed("-1.0 / 0.0") == R"({"value": {"double": "-Infinity"}})");
  CHECK(typed("'a' + 'é'") == R"({"value": {"string": "aé"}})");
  CHECK(typed("b'abc'") == R"({"value": {"bytes": "YWJj"}})");
  CHECK(typed("[1, 'a']") == R"({"value": {"list": [{"int": "1"}, {"string": "a"}]}})");
  CHECK(typed("{'a': 1u}") == R"({"value": {"map": [[{"string": "a"}, {"uint": "1"}]]}})");
  CHECK(typed("timestamp(0)") == R"({"value": {"timestamp": "1970-01-01T00:00:00Z"}})");
  CHECK(typed("duration('1500ms')") == R"({"value": {"duration": "1.5s"}})");
  CHECK(typed("type(1)") == R"({"value": {"type": "int"}})");
  CHECK(typed("optional.none()") == R"({"value": {"optional": null}})");
  CHECK(typed("optional.of(null)") == R"({"value": {"optional": {"null": null}}})");
}

TEST_CASE("each type can be bound, and comes back as it was") {
  for (const char* tagged :
       {R"({"null": null})", R"({"bool": false})", R"({"int": "-9223372036854775808"})",
        R"({"uint": "18446744073709551615"})", R"({"double": "1e+300"})", R"({"double": "Infinity"})",
        R"({"string": "a\"b"})", R"({"bytes": "/w=="})", R"({"list": [{"int": "1"}]})",
        R"({"map": [[{"int": "1"}, {"list": []}]]})",
        R"({"timestamp": "2024-01-01T00:00:00.000000001Z"})", R"({"duration": "-0.5s"})",
        R"({"type": "int"})", R"({"optional": {"int": "1"}})", R"({"optional": null})"}) {
    CAPTURE(tagged);
    CHECK(typed("x", std::string(R"({"x": )") + tagged + "}") ==
          std::string(R"({"value": )") + tagged + "}");
  }
}

TEST_CASE("bindings are pure CEL: no promotion between types") {
  const std::string both = R"({"x": {"int": "5"}, "y": {"double": "2"}})";
  CHECK(typed("x / y", both).starts_with(R"({"error")"));
  CHECK(typed("x / 2", both) == R"({"value": {"int": "2"}})");
  CHECK(typed("x < y", both) == R"({"value": {"bool": false}})");
}

TEST_CASE("what is wrong is an answer") {
  for (const char* line : {"", "{", "[]", "5", "{}", R"({"expr": 5})", R"({"expr": "x"})",
                           R"({"expr": "1 +"})", R"({"expr": "1 / 0"})",
                           R"({"expr": "x", "bind": {"x": 5}})",
                           R"({"expr": "x", "bind": {"x": {"int": "5.5"}}})",
                           R"({"expr": "x", "bind": {"x": {"int": "9223372036854775808"}}})",
                           R"({"expr": "x", "bind": {"x": {"bytes": "*"}}})",
                           R"({"expr": "x", "bind": {"x": {"thing": "5"}}})",
                           R"({"expr": "x", "bind": {"x": {"map": [[{"double": "1"}, {"int": "1"}]]}}})",
                           R"({"expr": "x", "bind": {"x": {"timestamp": "0000-01-01T00:00:00Z"}}})",
                           R"({"expr": "x", "bind": []})"}) {
    CAPTURE(line);
    CHECK(answer_typed(line).starts_with(R"({"error": ")"));
  }
}

TEST_CASE("the text of an error is JSON and UTF-8, whatever was in the expression") {
  const std::string long_text = "int('" + std::string(59, 'a') + "éé')";
  CHECK(typed(long_text) == R"({"error": "')" + std::string(59, 'a') + R"(' is not an int"})");
}

}  // namespace streamflow
