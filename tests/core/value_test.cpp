#include "core/value.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace streamflow {
namespace {

std::string json(const Value& value) {
  std::string out;
  append_json(value, out);
  return out;
}

// The text after reading and writing it, or the reason why not.
std::string again(std::string_view text) {
  const Value value = parse_json(text);
  return value.is_error() ? "error: " + std::string(value.text()) : json(value);
}

constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();

}  // namespace

TEST_CASE("numbers compare by exact value across int, uint and double") {
  CHECK(compare(Value::integer(1), Value::real(1.5)) == -1);
  CHECK(compare(Value::real(1.0), Value::unsigned_integer(1)) == 0);
  CHECK(compare(Value::integer(-1), Value::unsigned_integer(0)) == -1);
  CHECK(compare(Value::unsigned_integer(~uint64_t{0}), Value::integer(kHigh)) == 1);
  // 2^53 + 1 is no double; 2^63 is one above the greatest int.
  CHECK(compare(Value::integer(9007199254740993), Value::real(9007199254740992.0)) == 1);
  CHECK(compare(Value::integer(kHigh), Value::real(9223372036854775808.0)) == -1);
  CHECK(compare(Value::integer(kLow), Value::real(-9223372036854775808.0)) == 0);
  CHECK(compare(Value::unsigned_integer(~uint64_t{0}), Value::real(18446744073709551616.0)) == -1);
  CHECK(compare(Value::integer(-1), Value::real(-1.5)) == 1);
  CHECK(compare(Value::real(-0.0), Value::integer(0)) == 0);
}

TEST_CASE("NaN is neither equal nor ordered, infinities are beyond all integers") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(compare(Value::real(nan), Value::real(nan)) == kUnordered);
  CHECK(compare(Value::integer(1), Value::real(nan)) == kUnordered);
  CHECK_FALSE(equal(Value::real(nan), Value::real(nan)));
  CHECK(compare(Value::real(infinity), Value::unsigned_integer(~uint64_t{0})) == 1);
  CHECK(compare(Value::real(-infinity), Value::integer(kLow)) == -1);
}

TEST_CASE("values of different kinds are unequal, null and missing are one") {
  CHECK_FALSE(equal(Value::integer(1), Value::string("1")));
  CHECK_FALSE(equal(Value::boolean(true), Value::integer(1)));
  CHECK(equal(Value::null(), Value()));
  CHECK_FALSE(equal(Value::null(), Value::integer(0)));
  CHECK(compare(Value::string("a"), Value::integer(1)) == kUnordered);
  CHECK(compare(Value::null(), Value::null()) == kUnordered);
}

TEST_CASE("lists and maps are equal by content, maps in any order") {
  CHECK(equal(parse_json("[1, 2.0, \"x\"]"), parse_json("[1.0, 2, \"x\"]")));
  CHECK_FALSE(equal(parse_json("[1, 2]"), parse_json("[1, 2, 3]")));
  CHECK(equal(parse_json(R"({"a": 1, "b": [2]})"), parse_json(R"({"b": [2], "a": 1.0})")));
  CHECK_FALSE(equal(parse_json(R"({"a": 1})"), parse_json(R"({"a": 2})")));
  CHECK_FALSE(equal(parse_json(R"({"a": 1})"), parse_json(R"({"b": 1})")));
}

TEST_CASE("strings are ordered by code point") {
  CHECK(compare(Value::string("Z"), Value::string("a")) == -1);
  CHECK(compare(Value::string("é"), Value::string("z")) == 1);
  CHECK(compare(Value::string("\xEF\xBF\xBD"), Value::string("\xF0\x9F\x98\x80")) == -1);
}

TEST_CASE("doubles are written as the shortest text that reads back, whole ones with .0") {
  CHECK(json(Value::real(0.1)) == "0.1");
  CHECK(json(Value::real(25)) == "25.0");
  CHECK(json(Value::real(100000)) == "100000.0");
  CHECK(json(Value::real(1e15)) == "1000000000000000.0");
  CHECK(json(Value::real(1e16)) == "1e+16");
  CHECK(json(Value::real(0.0001)) == "0.0001");
  CHECK(json(Value::real(0.00001)) == "1e-05");
  CHECK(json(Value::real(-0.0)) == "-0.0");
  CHECK(json(Value::real(5e-324)) == "5e-324");
  CHECK(json(Value::real(std::numeric_limits<double>::infinity())) == "null");
  CHECK(json(Value::real(std::numeric_limits<double>::quiet_NaN())) == "null");
}

TEST_CASE("times, durations and bytes have their JSON text") {
  CHECK(json(Value::timestamp(0)) == "\"1970-01-01T00:00:00Z\"");
  CHECK(json(Value::timestamp(1'500'000)) == "\"1970-01-01T00:00:01.500Z\"");
  CHECK(json(Value::timestamp(1, 7)) == "\"1970-01-01T00:00:00.000001007Z\"");
  CHECK(json(Value::duration(1'500'000)) == "\"1.5s\"");
  CHECK(json(Value::duration(-1'500'000)) == "\"-1.5s\"");
  CHECK(json(Value::duration(-1, 999)) == "\"-0.000000001s\"");
  CHECK(json(Value::duration(3600'000'000)) == "\"3600s\"");
  CHECK(json(Value::bytes("hello")) == "\"aGVsbG8=\"");
  CHECK(json(Value::bytes(std::string("\xFF\x00", 2))) == "\"/wA=\"");
  CHECK(json(Value::bytes("")) == "\"\"");
}

TEST_CASE("strings are escaped only where JSON wants it") {
  CHECK(json(Value::string("a\"b\\c\n\t\x01é")) == "\"a\\\"b\\\\c\\n\\t\\u0001é\"");
}

TEST_CASE("JSON numbers keep their exact value") {
  CHECK(parse_json("9223372036854775807").is(Kind::kInt));
  CHECK(parse_json("9223372036854775808").is(Kind::kUint));
  CHECK(parse_json("18446744073709551616").is(Kind::kDouble));
  CHECK(parse_json("-9223372036854775808").as_int() == kLow);
  CHECK(parse_json("-9223372036854775809").is(Kind::kDouble));
  CHECK(parse_json("1e2").as_double() == 100.0);
  CHECK(parse_json("0.10000000000000000000001").as_double() == 0.1);
  CHECK(parse_json("123456789012345678901234567890").as_double() == 1.2345678901234568e29);
}

TEST_CASE("JSON that is well-formed is read") {
  CHECK(again(" [1, {\"a\": [true, false, null]}, \"x\"] ") ==
        R"([1,{"a":[true,false,null]},"x"])");
  CHECK(again("[]") == "[]");
  CHECK(again("{}") == "{}");
  CHECK(again(R"("\u0041\n\ud83d\ude00\/")") == "\"A\\n😀/\"");
  CHECK(again(R"({"a": 1, "a": 2})") == R"({"a":2})");
  CHECK(again(R"(["\ud800", "\udc00x", "\ud800\u0041"])") ==
        "[\"\xEF\xBF\xBD\",\"\xEF\xBF\xBDx\",\"\xEF\xBF\xBD" "A\"]");
  CHECK(std::isinf(parse_json("-1e999").as_double()));
  CHECK(parse_json("1e-999").as_double() == 0);
  CHECK(std::signbit(parse_json("-0").as_double()));
}

TEST_CASE("JSON: of equal names the last counts, however many there are") {
  for (const int names : {2, 31, 32, 33, 40, 5000}) {
    CAPTURE(names);
    std::string text = "{";
    for (int round = 0; round < 3; ++round)
      for (int i = 0; i < names; ++i)
        text += (text.size() == 1 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i + round);
    const Value value = parse_json(text + "}");
    REQUIRE(value.is(Kind::kMap));
    REQUIRE(value.entries().size() == static_cast<size_t>(names));
    for (int i = 0; i < names; ++i) {
      const auto& [key, item] = value.entries()[static_cast<size_t>(i)];
      REQUIRE(key.text() == std::to_string(i));
      REQUIRE(item.as_int() == i + 2);
    }
  }
}

TEST_CASE("JSON that is not well-formed is an error with its place") {
  for (const char* text :
       {"",      " ",           "[1,]",    "[1 2]",       "{\"a\"}",     "{\"a\":}",  "{a: 1}",
        "01",    "1.",          ".5",      "+1",          "1e",          "-",         "nul",
        "tru",   "\"a",         "\"\\x\"", "\"\\u12\"", "\"a\nb\"",
        "[1] x", "{\"a\": 1,}", "NaN",     "\"\xFF\"",    "\"\xC3\"",  "[",
        "{",     "\"\\",        "\"\\u"}) {
    CAPTURE(text);
    CHECK(parse_json(text).is_error());
  }
  CHECK(again("[1, x]") == "error: not a JSON value at byte 5");
}

TEST_CASE("JSON nested beyond the limit is refused without overflowing the stack") {
  CHECK(parse_json(std::string(100'000, '[')).is_error());
  CHECK(parse_json(std::string(500, '[') + std::string(500, ']')).is(Kind::kList));
}

}  // namespace streamflow
