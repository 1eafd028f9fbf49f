// Whether bodies are good, and where they are not.
#include "core/decode/json_check.h"

#include <doctest/doctest.h>

#include <string>

namespace streamflow {
namespace {

std::string document(std::string_view text) {
  JsonChecker checker;
  const JsonChecked checked = checker.check_document(text);
  return checked.problem ? checked.problem->text() : std::to_string(checked.records);
}

std::string lines(std::string_view text) {
  JsonChecker checker;
  const JsonChecked checked = checker.check_lines(text);
  return checked.problem ? checked.problem->text() : std::to_string(checked.records);
}

TEST_CASE("a document is one record, or an array of them") {
  CHECK(document("{}") == "1");
  CHECK(document(" {\"a\": [1, {\"b\": null}]}\n") == "1");
  CHECK(document("[]") == "0");
  CHECK(document("[{\"a\":1},{\"a\":2}, 3]") == "3");
  CHECK(document("17.5") == "1");
  CHECK(document("\"text\"") == "1");
}

TEST_CASE("a document that is none: line and column of the fault") {
  CHECK(document("") == "line 1, column 1: an empty message");
  CHECK(document("{\"a\": 1") == "line 1, column 8: ends early: expected ',' or '}'");
  CHECK(document("{\n  \"a\": 1,\n  \"b\" 2\n}") == "line 3, column 7: expected ':', found '2'");
  CHECK(document("{\"é€\": x}") == "line 1, column 8: expected a value, found 'x'");
  CHECK(document("{\"a\": 1} {\"a\": 2}") ==
        "line 1, column 10: expected the end of the record, found '{'");
  CHECK(document("[{\"a\": 1},\n {\"a\": 01}]") == "line 2, column 8: expected a value, found '0'");
  CHECK(document("{\"a\": \"x\ny\"}") ==
        "line 1, column 9: a control character or line break inside a string");
  CHECK(document("{\"a\": \"x}") == "line 1, column 7: a string is not closed");
  CHECK(document("{\"é\": \"\xff\"}") == "line 1, column 8: not UTF-8");
  CHECK(document("{\"a\": \"\\q\"}") == "line 1, column 7: a bad escape in the string");
  CHECK(document(std::string(200, '[')).find("nested deeper than 128") != std::string::npos);
}

TEST_CASE("lines: blank ones count for nothing, the first bad one is named") {
  CHECK(lines("") == "0");
  CHECK(lines("\n\r\n \n") == "0");
  CHECK(lines("{\"a\":1}\n{\"a\":2}") == "2");
  CHECK(lines("{\"a\":1}\r\n\r\n{\"a\":2}\r\n") == "2");
  CHECK(lines("{\"a\":1}\n{\"a\":}\n{\"a\":\n") == "line 2, column 6: expected a value, found '}'");
  CHECK(lines("{\"a\":1}\n\n{\"a\":1") == "line 3, column 7: ends early: expected ',' or '}'");
  CHECK(lines("{\"a\":1}\n{\"a\":\"\xc3\"}\n{\"a\":") == "line 2, column 7: not UTF-8");
  CHECK(lines("{\"a\":1}\n{\"a\":\"x\n{\"a\":1}\n").substr(0, 7) == "line 2,");
  CHECK(lines("{\"a\":\n1}\n").substr(0, 7) == "line 1,");  // not over two lines
}

TEST_CASE("a checker learns shapes, and forgets no check") {
  JsonChecker checker;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "{\"a\":" + std::to_string(i) + ",\"b\":\"x\"}\n";
  CHECK(checker.check_lines(text).records == 3000);
  CHECK(checker.check_lines(text).records == 3000);
  const std::string bad = text + "{\"a\":1,\"b\":\"x\"]\n";
  const JsonChecked checked = checker.check_lines(bad);
  REQUIRE(checked.problem);
  CHECK(checked.problem->line == 3001);
  CHECK(checked.problem->sample == "{\"a\":1,\"b\":\"x\"]");
  CHECK_FALSE(checker.check_lines(text).problem);
}

}  // namespace
}  // namespace streamflow
