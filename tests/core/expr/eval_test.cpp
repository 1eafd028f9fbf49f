#include "core/expr/eval.h"

#include <doctest/doctest.h>

#include "core/column.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
using test::eval;

TEST_CASE("literal arithmetic keeps CEL's integer rules") {
  CHECK(eval("7 / 2") == "3");
  CHECK(eval("-7 / 2") == "-3");
  CHECK(eval("-7 % 3") == "-1");
  CHECK(eval("7.0 / 2.0") == "3.5");
  CHECK(eval("1 / 0") == "error: division by zero");
  CHECK(eval("1 % 0") == "error: modulus by zero");
  CHECK(eval("1.0 / 0.0") == "double('Infinity')");
  CHECK(eval("9223372036854775807 + 1") == "error: integer overflow");
  CHECK(eval("-9223372036854775808 / -1") == "error: integer overflow");
  CHECK(eval("-9223372036854775808 % -1") == "error: integer overflow");
  CHECK(eval("0u - 1u") == "error: integer overflow");
  CHECK(eval("-(-9223372036854775808)") == "error: integer overflow in '-(-9223372036854775808)'");
}

TEST_CASE("the other value of an optional is looked at only where it is needed") {
  CHECK(eval("optional.of(1).orValue(1 / 0)") == "1");
  CHECK(eval("optional.none().orValue(1 / 0)") == "error: division by zero");
  CHECK(eval("optional.none().or(optional.of(2)).value()") == "2");
  CHECK(eval("'%s'.format([b'\\xff'])") == "'\xef\xbf\xbd'");  // a text is always valid
}

TEST_CASE("values of records are numbers: they mix, and / is true division") {
  const auto with_x = [](std::string_view text) { return eval(text, R"({"x": 7, "y": 2.5})"); };
  CHECK(with_x("x / 2") == "3.5");
  CHECK(with_x("x + 1") == "8");
  CHECK(with_x("x + 1.5") == "8.5");
  CHECK(with_x("x * y") == "17.5");
  CHECK(with_x("x + 1u") == "8");
  CHECK(with_x("x - 10u") == "-3");
  CHECK(with_x("x % 4") == "3");
  CHECK(with_x("-x % 4") == "-3");
  CHECK(with_x("y % 1") == "0.5");
  CHECK(with_x("x / 0") == "double('Infinity')");
  CHECK(with_x("-x / 0") == "double('-Infinity')");
  CHECK(with_x("x % 0") == "double('NaN')");
  CHECK(with_x("size('abc') / 2") == "1");
  CHECK(with_x("(x > 1 ? 7 : 3) / 2") == "3.5");
  CHECK(with_x("int(x) / 2") == "3.5");
  CHECK(with_x("-x") == "-7");
  CHECK(with_x("math.sqrt(x + 2)") == "3.0");
  CHECK(with_x("math.ceil(x)") == "7.0");
}

TEST_CASE("integer overflow of numbers is an error that shows the place") {
  const std::string_view record = R"({"x": 9223372036854775807, "u": 18446744073709551615})";
  CHECK(eval("x + 1", record) == "error: integer overflow in 'x + 1'");
  CHECK(eval("x * x", record) == "error: integer overflow in 'x * x'");
  CHECK(eval("u + 1", record) == "error: integer overflow in 'u + 1'");
  CHECK(eval("u - 1", record) == "18446744073709551614u");
  CHECK(eval("u - u", record) == "0u");
  CHECK(eval("u - 18446744073709551614u", record) == "1u");
  CHECK(eval("x - u", record) == "-9223372036854775808");
  CHECK(eval("x + 1.0", record) == "9.223372036854776e+18");
}

TEST_CASE("numbers compare exactly, CEL's own as its implementations do") {
  const std::string_view record = R"({"i": 9007199254740993, "d": 9007199254740992.0})";
  CHECK(eval("i == d", record) == "false");
  CHECK(eval("i > d", record) == "true");
  CHECK(eval("i > 9007199254740992.0", record) == "true");
  CHECK(eval("i == 9007199254740992.0", record) == "false");
  CHECK(eval("9007199254740993 == 9007199254740992.0") == "true");
  CHECK(eval("1 == 1u && 1u == 1.0 && 1 < 1.5 && 2u > 1.5") == "true");
  CHECK(eval("0.0 == -0.0") == "true");
  CHECK(eval("0.0 / 0.0 == 0.0 / 0.0") == "false");
  CHECK(eval("0.0 / 0.0 < 1.0") == "false");
}

TEST_CASE("a missing field is null; errors name it") {
  CHECK(eval("x == null", "{}") == "true");
  CHECK(eval("x != null", R"({"x": 0})") == "true");
  CHECK(eval("x", "{}") == "null");
  CHECK(eval("[x]", "{}") == "[null]");
  CHECK(eval("x > 1", "{}") == "error: x is missing");
  CHECK(eval("x > 1", R"({"x": null})") == "error: x is null");
  CHECK(eval("1 < x", "{}") == "error: x is missing");
  CHECK(eval("a + x", R"({"a": 1})") == "error: x is missing");
  CHECK(eval("x.startsWith('a')", "{}") == "error: x is missing");
  CHECK(eval("s.t > 1", R"({"s": {}})") == "error: s.t is missing");
  CHECK(eval("-x", "{}") == "error: x is missing");
  CHECK(eval("x ? 1 : 2", "{}") == "error: x is missing, not true or false");
  CHECK(eval("x in [null]", "{}") == "true");
  CHECK(eval("x in ['a']", "{}") == "false");
  CHECK(eval("x.map(y, y)", "{}") == "error: x is missing");
  CHECK(eval("(true ? x : 1) > 1", R"({"x": null})") == "error: null in '(true ? x : 1) > 1'");
}

TEST_CASE("has() tells null from missing, also in what is nested") {
  CHECK(eval("has(x)", "{}") == "false");
  CHECK(eval("has(x)", R"({"x": null})") == "true");
  CHECK(eval("has(record.x) && has(record['a b'])", R"({"x": 1, "a b": 2})") == "true");
  CHECK(eval("has(s.t)", R"({"s": {"t": null}})") == "true");
  CHECK(eval("has(s.u.v)", R"({"s": {"t": null}})") == "false");
  CHECK(eval("has({'a': 1}.a)") == "true");
  CHECK(eval("has({'a': 1}.b)") == "false");
  CHECK(eval("[{'a': 1}, {}].filter(m, has(m.a))") == "[{'a': 1}]");
}

TEST_CASE("paths into records give null where nothing is, literals an error") {
  CHECK(eval("s.t.u", R"({"s": {"t": {"u": 5}}})") == "5");
  CHECK(eval("s.q.u", R"({"s": {"t": 1}})") == "null");
  CHECK(eval("s['t']", R"({"s": {"t": 1}})") == "1");
  CHECK(eval("s.t.u", R"({"s": {"t": 1}})") == "error: an int has no field 'u'");
  CHECK(eval("l[1]", R"({"l": [1, 2]})") == "2");
  CHECK(eval("l[2]", R"({"l": [1, 2]})") == "error: index 2 is outside a list of 2");
  CHECK(eval("{'a': 1}.b") == "error: no such key: 'b'");
  CHECK(eval("{'a': 1}['b']") == "error: no such key: 'b'");
}

TEST_CASE("record is the whole record") {
  CHECK(eval("record", R"({"a": 1, "b": [2]})") == "{'a': 1, 'b': [2]}");
  CHECK(eval("record[k]", R"({"k": "b", "b": 5})") == "5");
  CHECK(eval("record.exists(k, k == 'b')", R"({"a": 1, "b": 5})") == "true");
  CHECK(eval("size(record)", R"({"a": 1, "b": 5})") == "2");
  CHECK(eval("record.time", R"({"time": 5})") == "5");
}

TEST_CASE("&& and || absorb an error from either side") {
  CHECK(eval("x > 1 && false", "{}") == "false");
  CHECK(eval("false && x > 1", "{}") == "false");
  CHECK(eval("x > 1 && true", "{}") == "error: x is missing");
  CHECK(eval("x > 1 || true", "{}") == "true");
  CHECK(eval("x > 1 || false", "{}") == "error: x is missing");
  CHECK(eval("x && false", R"({"x": 5})") == "false");
  CHECK(eval("x || a", R"({"x": 5, "a": false})") ==
        "error: x is neither true nor false but an int");
  CHECK(eval("1/0 > 0 || true") == "true");
  CHECK(eval("a > 1 && b > 1 && false", "{}") == "false");
  CHECK(eval("a > 1 || b > 1", "{}") == "error: a is missing");
}

TEST_CASE("?: evaluates one branch only") {
  CHECK(eval("x > 1 ? 1 : 1 / 0", R"({"x": 5})") == "1");
  CHECK(eval("x > 1 ? y : 2", R"({"x": 5})") == "null");
}

TEST_CASE("wrong types at run time say what and where") {
  CHECK(eval("x > 5", R"({"x": "hot"})") == "error: string > int is not possible in 'x > 5'");
  CHECK(eval("x * 2", R"({"x": "hot"})") == "error: string * int is not possible in 'x * 2'");
  CHECK(eval("'a' in x", R"({"x": "cat"})") ==
        "error: 'in' a string (write text.contains(part)) is not possible in ''a' in x'");
  CHECK(eval("size(x)", R"({"x": 5})") == "error: size does not take (int)");
  CHECK(eval("x.foo", R"({"x": true})") == "error: a bool has no field 'foo'");
  CHECK(eval("dyn(1) + 1.0") == "error: int + double is not possible in 'dyn(1) + 1.0'");
}

TEST_CASE("strings, lists, times and durations add up") {
  CHECK(eval("a + '-' + b", R"({"a": "x", "b": "y"})") == "'x-y'");
  CHECK(eval("[1] + l", R"({"l": [2]})") == "[1, 2]");
  CHECK(eval("timestamp('2024-02-28T23:00:00Z') + duration('2h')") ==
        "timestamp('2024-02-29T01:00:00Z')");
  CHECK(eval("timestamp('2024-01-01T00:00:00Z') - timestamp('2023-12-31T00:00:00Z')") ==
        "duration('86400s')");
  CHECK(eval("timestamp('9999-12-31T23:59:59Z') + duration('1s')").starts_with("error: timestamp"));
  CHECK(eval("-(b - a)", R"({"a": 1, "b": 2})") == "-1");
  CHECK(eval("-(timestamp(t) - timestamp(0))", R"({"t": 5})") == "duration('-5s')");
  CHECK(eval("-duration('1s')").starts_with("E0304@0-1 -duration is not possible"));
  CHECK(eval("b'a' + b'\\xff'") == "b'a\\xff'");
}

TEST_CASE("membership: lists, map keys, constants of mixed types") {
  CHECK(eval("x in ['a', 1, 2.5, null, true]", R"({"x": 2.5})") == "true");
  CHECK(eval("x in [1, 2]", R"({"x": 1.0})") == "true");
  CHECK(eval("x in {'a': 1}", R"({"x": "a"})") == "true");
  CHECK(eval("x in l", R"({"x": {"a": 1}, "l": [{"a": 1.0}]})") == "true");
  CHECK(eval("x in [true]", R"({"x": 1})") == "false");
  CHECK(eval("[1] in [[1.0]]") == "true");
}

TEST_CASE("macros: quantifiers decide despite errors") {
  CHECK(eval("[1, 0].all(x, 1 / x > 5)") == "false");
  CHECK(eval("[0, 1].exists(x, 1 / x == 1)") == "true");
  CHECK(eval("[0, 2].exists(x, 1 / x == 1)") == "error: division by zero");
  CHECK(eval("[0, 1].exists_one(x, 1 / x == 1)") == "error: division by zero");
  CHECK(eval("[].all(x, false) && ![].exists(x, true)") == "true");
  CHECK(eval("{'a': 1, 'b': 2}.exists(k, v, k == 'b' && v == 2)") == "true");
  CHECK(eval("[5, 6].all(i, x, x == i + 5)") == "true");
}

TEST_CASE("macros: results, nesting and shadowing") {
  CHECK(eval("[1, 2, 3].map(x, x > 1, x * x)") == "[4, 9]");
  CHECK(eval("[1, 2].map(x, [10, 20].map(y, x + y))") == "[[11, 21], [12, 22]]");
  CHECK(eval("[1, 2].map(x, [x].map(x, x * 10))") == "[[10], [20]]");
  CHECK(eval("l.map(x, x / 2)", R"({"l": [1, 2], "x": 9})") == "[0.5, 1.0]");
  CHECK(eval("[1, 2].map(y, y + x)", R"({"x": 10})") == "[11, 12]");
  CHECK(eval("['b', 'a'].sortBy(x, x)") == "['a', 'b']");
  CHECK(eval("[3, 1.5, 2u].sortBy(x, -1.0 * double(x))") == "[3, 2u, 1.5]");
  CHECK(eval("{'a': 1}.transformMapEntry(k, v, {v: k})") == "{1: 'a'}");
  CHECK(eval("[1, 2].transformMapEntry(i, v, {'k': v})") == "error: duplicate key in a map: 'k'");
  CHECK(eval("cel.bind(a, 5, cel.bind(b, a + 1, a * b))") == "30");
}

TEST_CASE("optionals chain, and end in a value or another") {
  CHECK(eval("{'a': {'b': 1}}.?a.b.orValue(0)") == "1");
  CHECK(eval("{'a': {}}.?a.b.orValue(0)") == "0");
  CHECK(eval("{}.?a.b.c.hasValue()") == "false");
  CHECK(eval("[1, 2][?5].orValue(9)") == "9");
  CHECK(eval("record.?x.orValue('none')", "{}") == "'none'");
  CHECK(eval("[1, ?optional.none(), ?optional.of(3)]") == "[1, 3]");
  CHECK(eval("{?'a': optional.none(), 'b': 1}") == "{'b': 1}");
  CHECK(eval("optional.none().value()") == "error: this optional has no value");
}

TEST_CASE("map literals refuse doubled and impossible keys") {
  CHECK(eval("{'a': 1, 'a': 2}") == "error: duplicate key in a map: 'a'");
  CHECK(eval("{1: 1, 1u: 2}").starts_with("error: duplicate key"));
  CHECK(eval("{x: 1}", R"({"x": [1]})") == "error: a map's key cannot be a list");
  CHECK(eval("{1.5: 1}").starts_with("E0304"));
}

TEST_CASE("time, now() and meta come from the batch") {
  Batch batch = test::record_batch(R"({"a": 1})");
  batch.time = std::make_shared<Times>(Times{1'000'000});
  batch.arrival = std::make_shared<Times>(Times{3'000'000});
  auto topic = std::make_shared<Column>(1);
  topic->set_string(0, "site/1");
  batch.meta.push_back({"topic", topic});
  const Schema open;
  Scope scope;
  scope.schema = &open;
  const auto run = [&](std::string_view text) {
    std::vector<Problem> found;
    return literal(compile(text, scope, found)->evaluate_row(batch, 0));
  };
  CHECK(run("time") == "timestamp('1970-01-01T00:00:01Z')");
  CHECK(run("now() - time") == "duration('2s')");
  CHECK(run("meta.topic.endsWith('1')") == "true");
  CHECK(run("meta['topic'] + meta.key") == "error: meta.key is missing");
  CHECK(run("has(meta.topic) && !has(meta.key)") == "true");
}

TEST_CASE("what takes too long or grows too large ends with an error") {
  const std::string list = "lists.range(2000)";
  CHECK(eval(list + ".all(a, " + list + ".all(b, x > 0))", R"({"x": 1})") ==
        "error: the expression takes too many steps");
  const std::string half(9 << 20, 'a');  // of a text that may have 16 MiB
  CHECK(eval("s + s", R"({"s": ")" + half + R"("})") == "error: the text grows too long");
}

}  // namespace streamflow::expr
