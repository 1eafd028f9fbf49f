#include "core/expr/parse.h"

#include <doctest/doctest.h>

#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

using test::eval;
using test::place;
using test::problems;

std::string printed(std::string_view text) {
  std::vector<Problem> found;
  const NodePtr node = parse(text, found);
  return node ? print(*node) : "problem: " + found.front().message;
}

const Node& at(const Node& node, std::initializer_list<size_t> path) {
  const Node* here = &node;
  for (const size_t i : path) here = here->children[i].get();
  return *here;
}

std::string piece(std::string_view text, const Node& node) {
  return std::string(text.substr(node.begin, node.end - node.begin));
}

}  // namespace

TEST_CASE("precedence and associativity follow the grammar") {
  CHECK(printed("1 + 2 * 3 - 4") == "1 + 2 * 3 - 4");
  CHECK(printed("(1 + 2) * 3") == "(1 + 2) * 3");
  CHECK(printed("1 - (2 - 3)") == "1 - (2 - 3)");
  CHECK(printed("(1 - 2) - 3") == "1 - 2 - 3");
  CHECK(printed("a || b && c") == "a || b && c");
  CHECK(printed("(a || b) && c") == "(a || b) && c");
  CHECK(printed("a ? b : c ? d : e") == "a ? b : c ? d : e");
  CHECK(printed("(a ? b : c) ? d : e") == "(a ? b : c) ? d : e");
  CHECK(printed("a ? (b ? c : d) : e") == "a ? (b ? c : d) : e");
  CHECK(printed("!a && !(b == c)") == "!a && !(b == c)");
  CHECK(printed("-(a + b)") == "-(a + b)");
  CHECK(printed("a == b == c") == "a == b == c");
  CHECK(printed("a == (b == c)") == "a == (b == c)");
  CHECK(printed("!!a") == "!!a");
  CHECK(printed("--a") == "--a");
  CHECK(printed("-(-1)") == "-(-1)");
  CHECK(printed("(-1).f()") == "(-1).f()");
  CHECK(printed("(a && b) && c") == "(a && b) && c");
}

TEST_CASE("all forms print as they are written") {
  for (const char* text :
       {"a.b.c", "a[0][1]", "a.?b[?0]", "f(a, b)", "a.f(b).g()", "[1, ?a, 3]", "{'a': 1, ?'b': c}",
        "x in [1, 2]", ".a.b", ".f(a)", "record['battery-level']", "a.`b-c`.d",
        "l.map(x, x > 1, x * 2)", "math.greatest(a, b)", "a.if", "a.as()"}) {
    CAPTURE(text);
    CHECK(printed(text) == text);
  }
}

TEST_CASE("every node knows its bytes") {
  const std::string_view text = "(temp + 1) * size( name ) > 2.5 ? 'a' : x.y[ 0 ]";
  std::vector<Problem> found;
  const NodePtr root = parse(text, found);
  REQUIRE(root);
  CHECK(piece(text, *root) == text);
  CHECK(piece(text, at(*root, {0})) == "(temp + 1) * size( name ) > 2.5");
  CHECK(piece(text, at(*root, {0, 0, 0})) == "temp + 1");
  CHECK(piece(text, at(*root, {0, 0, 0, 0})) == "temp");
  CHECK(piece(text, at(*root, {0, 0, 1})) == "size( name )");
  CHECK(piece(text, at(*root, {1})) == "'a'");
  CHECK(piece(text, at(*root, {2})) == "x.y[ 0 ]");
  CHECK(piece(text, at(*root, {2, 0})) == "x.y");
}

TEST_CASE("what the grammar demands at least is accepted") {
  std::string chain = "1", list = "[0", call = "math.greatest(0", nested = "x", ternary = "true";
  for (int i = 1; i < 32; ++i) {
    chain += " + 1";
    list += ", " + std::to_string(i);
    call += ", " + std::to_string(i);
    nested = "[" + nested + "]";
  }
  for (int i = 0; i < 24; ++i) ternary = "false ? 0 : (" + ternary + ")";
  CHECK(eval(chain) == "32");
  CHECK(eval(call + ")") == "31");
  CHECK(eval("size(" + list + "])") == "32");
  CHECK(eval(ternary) == "true");
  CHECK(eval("size(" + nested + ")", "{\"x\": 1}") == "1");
}

TEST_CASE("words and signs of other languages are named with the CEL for them") {
  CHECK(problems("a and b or not c") ==
        "E0313@2-5 'and' is no operator [write &&]\n"
        "E0313@8-10 'or' is no operator [write ||]\n"
        "E0313@11-14 'not' is no operator [write !]");
  CHECK(problems("a = 5") == "E0313@2-3 '=' does not compare [write ==]");
  CHECK(problems("a <> 5") == "E0313@2-4 '<>' is no operator [write !=]");
  CHECK(problems("a is not None") ==
        "E0313@2-8 'is not' is no operator [write !=]\nE0313@9-13 'None' is unknown [write null]");
  CHECK(problems("a IS NULL") ==
        "E0313@2-4 'IS' is no operator [write ==]\nE0313@5-9 'NULL' is unknown [write null]");
  CHECK(problems("a not in [1]") == "E0313@2-8 'not in' is no operator [write !(x in list)]");
  CHECK(problems("a == True") == "E0313@5-9 'True' is unknown [write true]");
  CHECK(problems("a like 'x%'").starts_with("E0313@2-6 'like' is no operator"));
  CHECK(problems("a between 1 and 5").starts_with("E0313@2-9"));
  CHECK(problems("a ** 2").starts_with("E0313@2-4 '**' is no operator [write x * x]"));
  CHECK(problems("if a then b else c").starts_with("E0312@0-2"));
  CHECK(problems("a === b") == "E0313@2-5 '===' is no operator [write ==]");
}

TEST_CASE("words of other languages are fields where they can be nothing else") {
  CHECK(eval("is + not + like", R"({"is": 1, "not": 2, "like": 3})") == "6");
}

TEST_CASE("reserved words are no names but selectors") {
  CHECK(place("while + 1") == "E0312@0-5");
  CHECK(place("for") == "E0312@0-3");
  CHECK(place("in").starts_with("E0300@0-2"));
  CHECK(eval("record.for + 1", R"({"for": 1})") == "2");
  CHECK(place("a.true") == "E0312@2-6");
}

TEST_CASE("syntax errors have their place") {
  CHECK(problems("") == "E0300@0-0 an expression is missing here");
  CHECK(problems("  // nothing") == "E0300@0-12 an expression is missing here");
  CHECK(problems("a +") == "E0300@3-3 the expression ends too early [an operand is missing here]");
  CHECK(problems("(a + 1") == "E0300@0-1 '(' is not closed [write )]");
  CHECK(problems("a)") == "E0300@1-2 ')' closes nothing");
  CHECK(problems("f(a b)") == "E0300@4-5 expected ')' before 'b'");
  CHECK(problems("a b") == "E0300@2-3 an operator is missing before 'b'");
  CHECK(problems("a..b") == "E0300@2-3 expected a name after '.'");
  CHECK(problems("a ? b") == "E0300@2-3 '?' is not closed [write :]");
  CHECK(problems("{'a' 1}") ==
        "E0300@5-6 expected ':' after a map's key [maps are written {'key': value}]");
  CHECK(problems("f(a,)") == "E0300@4-5 an argument is missing after ','");
  CHECK(problems("a[1:2]") == "E0300@3-4 no slices with ':' [write list.slice(from, to)]");
  CHECK(problems("* 2") == "E0300@0-1 expected an operand, found '*'");
  CHECK(problems("'a' 'b'") == "E0300@4-7 two strings in a row [join them with +]");
  CHECK(problems("a.b{x: 1}").starts_with("E0300@3-4 messages are not part of the language"));
  CHECK(problems("+5") == "E0300@0-1 a number has no sign + [leave it out]");
}

TEST_CASE("a trailing comma is allowed in lists and maps") {
  CHECK(eval("[1, 2,]") == "[1, 2]");
  CHECK(eval("{'a': 1,}") == "{'a': 1}");
}

}  // namespace streamflow::expr
