// Text that was written to break things.
#include <doctest/doctest.h>

#include <random>

#include "core/expr/lex.h"
#include "core/expr/parse.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

using test::eval;
using test::problems;

std::string times(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("deep nesting is refused with its place, whatever nests") {
  for (const char* opener : {"(", "[", "!", "-", "f(", "{1: ", "a[", "true ? 1 : ", "x.f("}) {
    CAPTURE(opener);
    const std::string found = problems(times(opener, 10'000) + "1");
    CHECK(found.starts_with("E0311@"));
    CHECK(found.find('\n') == std::string::npos);
  }
}

TEST_CASE("long chains are refused or evaluated, never fatal") {
  CHECK(eval("1" + times(" + 1", 500)) == "501");
  CHECK(problems("1" + times(" + 1", 100'000)).starts_with("E0311@"));
  CHECK(problems("a" + times(".b", 100'000)).starts_with("E0311@"));
  CHECK(problems("a" + times("[0]", 100'000)).starts_with("E0311@"));
  CHECK(eval("x" + times(" || x", 20'000), R"({"x": false})") == "false");
  CHECK(problems("[" + times("1, ", 300'000) + "1]").starts_with("E0311@"));
}

TEST_CASE("megabyte literals are values") {
  const std::string text(1u << 20, 'a');
  CHECK(eval("size('" + text + "')") == "1048576");
  CHECK(eval("x == '" + text + "'", R"({"x": "a"})") == "false");
  CHECK(problems("'" + std::string(kTextBytesMax, 'a') + "'") ==
        "E0311@0-1 the expression is longer than 4 MiB");
  CHECK(problems("'" + text).starts_with("E0310@0-1048577"));
}

TEST_CASE("regular expressions that explode elsewhere run in linear time") {
  CHECK(eval("s.matches('^(a+)+$')", "{\"s\": \"" + times("a", 5000) + "b\"}") == "false");
  CHECK(problems("s.matches('(((a{100}){100}){100})')").starts_with("E0314@"));
}

TEST_CASE("exponential macros end with an error") {
  std::string text = "1 / 0 > x";
  for (int i = 0; i < 30; ++i) text = "[0, 1].all(v" + std::to_string(i) + ", " + text + ")";
  CHECK(eval(text, R"({"x": 1})") == "error: the expression takes too many steps");
  std::string doubled = "[s]";
  for (int i = 0; i < 40; ++i) doubled += ".map(x, [x, x])";
  CHECK(eval(doubled, R"({"s": "a"})") == "error: the list or map grows too large");
  CHECK(eval("lists.range(100000).map(x, s + s).size()",
             "{\"s\": \"" + times("a", 1u << 20) + "\"}") ==
        "error: the expression takes too many steps");
}

TEST_CASE("arbitrary bytes give problems, never a crash") {
  std::mt19937 random(11);
  const std::string_view pieces[] = {
      "a",  "1",  "'",    "\"",       "(",    ")",  "[",  "]",  "{",  "}",   ".",
      "?",  ":",  ",",    "+",        "-",    "*",  "/",  "%",  "!",  "==",  "&&",
      "||", "in", "r'",   "b'",       "\\",   "\n", "//", "0x", "1e", "'''", "\xFF",
      "é",  "`",  "has(", ".map(x, ", "null", "u",  "<",  "="};
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (size_t n = random() % 20; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string found = eval(text, R"({"a": [1, {"b": "c"}]})");
    CHECK_FALSE(found.empty());
  }
}

TEST_CASE("problems lie inside the text") {
  std::mt19937 random(12);
  const std::string_view pieces[] = {"temp",    " ",    "> ", "25",     "&& ", "(",  ")",  "'x'",
                                     ".size()", "and ", "= ", "foo(1)", "[",   "? ", ": ", "é"};
  const Schema open;
  Scope scope;
  scope.schema = &open;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    std::vector<Problem> found;
    compile(text, scope, found);
    for (const Problem& problem : found) {
      CAPTURE(text);
      CHECK(problem.begin <= problem.end);
      CHECK(problem.end <= text.size());
      CHECK_FALSE(problem.message.empty());
    }
  }
}

}  // namespace streamflow::expr
