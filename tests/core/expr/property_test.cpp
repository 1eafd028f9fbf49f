// Properties that hold for every expression: printing and parsing again gives the same tree;
// folding what is constant changes nothing.
#include <doctest/doctest.h>

#include <array>
#include <random>

#include "core/expr/parse.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

// Random text of the grammar, well-typed about half of the time.
class Writer {
 public:
  explicit Writer(uint64_t seed) : random_(seed) {}

  std::string expression(int depth) {
    if (depth <= 0) return leaf();
    const auto inner = [&] { return "(" + expression(depth - 1) + ")"; };
    switch (below(16)) {
      case 0:
        return inner() + pick<std::string, 5>({" + ", " - ", " * ", " / ", " % "}) + inner();
      case 1:
        return expression(depth - 1) + pick<std::string, 3>({" + ", " - ", " * "}) + leaf();
      case 2:
        return inner() + pick<std::string, 6>({" == ", " != ", " < ", " <= ", " > ", " >= "}) +
               inner();
      case 3:
        return inner() + " && " + inner() + " || " + inner();
      case 4:
        return inner() + " ? " + inner() + " : " + expression(depth - 1);
      case 5:
        return pick<std::string, 3>({"!", "-", "--"}) + inner();
      case 6:
        return "[" + expression(depth - 1) + ", " + expression(depth - 1) + "]";
      case 7:
        return "{'a': " + expression(depth - 1) + ", 2: " + leaf() + "}";
      case 8:
        return inner() + " in [" + leaf() + ", " + leaf() + "]";
      case 9:
        return "[" + leaf() + ", " + leaf() + "]" +
               pick<std::string, 5>(
                   {".map(v, ", ".filter(v, ", ".all(v, ", ".exists(v, ", ".exists_one(v, "}) +
               expression(depth - 1) + ")";
      case 10:
        return "cel.bind(v, " + expression(depth - 1) + ", [v, " + expression(depth - 1) + "])";
      case 11:
        return pick<std::string, 6>({"size(", "string(", "int(", "dyn(", "type(", "double("}) +
               expression(depth - 1) + ")";
      case 12:
        return inner() + pick<std::string, 4>({".a", ".?a", "[0]", "['a']"});
      case 13:
        return "[1, ?optional.of(" + expression(depth - 1) + ")]";
      case 14:
        return inner() + pick<std::string, 3>({".startsWith('a')", ".size()", ".orValue(1)"});
      default:
        return "{'a': 1, 'b': [1, 2]}.transformMap(k, v, " + expression(depth - 1) + ")";
    }
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  template <class T, size_t n>
  T pick(const std::array<T, n>& of) {
    return of[below(n)];
  }
  std::string leaf() {
    return pick<std::string, 18>({"1", "0", "2u", "1.5", "'a'", "''", "b'x'", "true", "false",
                                  "null", "[]", "{}", "-3", "9223372036854775807", "v",
                                  "duration('1s')", "timestamp(0)", "'é'"});
  }
  std::mt19937_64 random_;
};

std::string tree(const Node& node) {
  std::string out = std::to_string(static_cast<int>(node.kind)) + ":" +
                    std::to_string(static_cast<int>(node.op)) + ":" + node.name +
                    (node.receiver ? "." : "") + (node.optional ? "?" : "") + literal(node.value) +
                    "(";
  for (const bool marked : node.marked) out += marked ? "?" : "_";
  for (const NodePtr& child : node.children) out += tree(*child) + ",";
  return out + ")";
}

}  // namespace

TEST_CASE("any expression prints as text of the same tree") {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    const std::string text = Writer(seed).expression(4);
    CAPTURE(text);
    std::vector<Problem> problems;
    const NodePtr node = parse(text, problems);
    REQUIRE(node);
    const NodePtr again = parse(print(*node), problems);
    REQUIRE(again);
    CHECK(tree(*again) == tree(*node));
  }
}

TEST_CASE("folding constants changes nothing") {
  size_t values = 0;
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    const std::string text = Writer(seed).expression(3);
    CAPTURE(text);
    const auto result = [&text](bool optimise) {
      Scope scope;
      scope.unchecked = true;
      scope.optimise = optimise;
      std::vector<Problem> problems;
      const auto program = compile(text, scope, problems);
      Batch batch;
      batch.rows = 1;
      return program ? literal(program->evaluate_row(batch, 0)) : std::string("error: refused");
    };
    const std::string folded = result(true);
    CHECK(folded == result(false));
    if (!folded.starts_with("error")) ++values;
  }
  CHECK(values > 250);
}

}  // namespace streamflow::expr
