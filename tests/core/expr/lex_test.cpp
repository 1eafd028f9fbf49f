#include "core/expr/lex.h"

#include <doctest/doctest.h>

#include "tests/core/expr/support.h"

namespace streamflow::expr {
using test::eval;

TEST_CASE("integers: decimal, hexadecimal, unsigned, to the ends of their ranges") {
  CHECK(eval("0x1F") == "31");
  CHECK(eval("0xffU") == "255u");
  CHECK(eval("0Xff").starts_with("E0310@0-4"));  // the grammar has the small x only
  CHECK(eval("123u") == "123u");
  CHECK(eval("-9223372036854775808") == "-9223372036854775808");
  CHECK(eval("9223372036854775807") == "9223372036854775807");
  CHECK(eval("18446744073709551615u") == "18446744073709551615u");
  CHECK(eval("9223372036854775808") ==
        "E0310@0-19 int literal out of range [at most 9223372036854775807; write it with .0 for a "
        "double]");
  CHECK(eval("18446744073709551616u").starts_with("E0310@0-21"));
  CHECK(eval("-9223372036854775809").starts_with("E0310@1-20"));
}

TEST_CASE("doubles need a digit after the point or an exponent") {
  CHECK(eval("1.5") == "1.5");
  CHECK(eval(".5") == "0.5");
  CHECK(eval("1e3") == "1000.0");
  CHECK(eval("1.5E-3") == "0.0015");
  CHECK(eval("7.").starts_with("E0300"));
  CHECK(eval("1e999").starts_with("E0310@0-5 double literal out of range"));
  CHECK(eval("1e-999") == "0.0");
}

TEST_CASE("a number that runs into a name is an error under the whole of it") {
  CHECK(eval("1 + 60s") ==
        "E0310@4-7 '60s' is neither a number nor a name [write duration('60s')]");
  CHECK(eval("1_000") ==
        "E0310@0-5 '1_000' is neither a number nor a name [write digits without _]");
  CHECK(eval("0x") == "E0310@0-2 0x needs hexadecimal digits");
}

TEST_CASE("strings: quotes, triple quotes, raw strings") {
  CHECK(eval(R"("it's")") == "'it\\'s'");
  CHECK(eval(R"('say "x"')") == R"('say "x"')");
  CHECK(eval("'''x''x'''") == "'x\\'\\'x'");
  CHECK(eval("\"\"\"a\nb\"\"\"") == "'a\\nb'");
  CHECK(eval(R"(r"\\n")") == R"('\\\\n')");
  CHECK(eval(R"(R'''\d'x''')") == R"('\\d\'x')");
  CHECK(eval("\"\"") == "''");
  CHECK(eval("''''''") == "''");
}

TEST_CASE("every escape of the specification") {
  CHECK(eval(R"('\a\b\f\n\r\t\v\\\?\"\'\`')") == R"('\x07\x08\x0c\n\r\t\x0b\\?"\'`')");
  CHECK(eval(R"('\x41\X42\103\u0044\U00000045')") == "'ABCDE'");
  CHECK(eval(R"("\303\277")") == "'Ã¿'");
  CHECK(eval(R"("\377" == "ÿ" && "\xFF" == "ÿ")") == "true");
  CHECK(eval(R"('\U0001F600')") == "'😀'");
}

TEST_CASE("bytes hold octets, their text is UTF-8") {
  CHECK(eval(R"(b"\303\277" == b"ÿ")") == "true");
  CHECK(eval(R"(b"\xff" == b"\377")") == "true");
  CHECK(eval(R"(size(b"ÿ"))") == "2");
  CHECK(eval(R"(br"\n")") == R"(b'\\n')");
  CHECK(eval(R"(bR'''a''')") == "b'a'");
  CHECK(eval(R"(rb'a')") == "E0310@0-2 raw bytes have the b first [write br'…']");
  CHECK(eval(R"(b'\u00ff')").starts_with("E0310@2-4 unknown escape"));
}

TEST_CASE("wrong escapes are errors under the escape") {
  CHECK(eval(R"('a\sb')") ==
        "E0310@2-4 unknown escape \\s [write \\\\ for a backslash, or a raw string r'…']");
  CHECK(eval(R"('\ud83d\ude03')") ==
        "E0310@1-7 not a Unicode code point [a surrogate: write \\U "
        "and the code point itself]");
  CHECK(eval(R"('\UD83DDE03')").starts_with("E0310@1-11"));
  CHECK(eval(R"('\U00110000')").starts_with("E0310@1-11"));
  CHECK(eval(R"('\x4')").starts_with("E0310@1-3"));
  CHECK(eval(R"('\477')").starts_with("E0310"));
  CHECK(eval(R"('\18')").starts_with("E0310"));
  CHECK(eval(R"('\u12')").starts_with("E0310"));
}

TEST_CASE("strings that are not closed") {
  CHECK(eval("'abc") == "E0310@0-4 this string is not closed [write ' at its end]");
  CHECK(eval("'a\nb'").starts_with("E0310@0-2"));
  CHECK(eval("\"\"\"abc\"\"").starts_with("E0310@0-8"));
  CHECK(eval("'\\").starts_with("E0310"));
}

TEST_CASE("invalid UTF-8 is an error, not a crash") {
  CHECK(eval("'\xFF'").starts_with("E0310@1-2 invalid UTF-8"));
  CHECK(eval("\xC3").starts_with("E0310@0-1 invalid UTF-8"));
}

TEST_CASE("comments and white space are between tokens") {
  CHECK(eval("1 // one\n + // and\t\r\n\f 2 // two") == "3");
}

TEST_CASE("names may be Unicode") {
  CHECK(eval("température > 25", R"({"température": 26})") == "true");
  CHECK(eval("温度 + 1", R"({"温度": 1})") == "2");
  CHECK(eval("a\u00A0> 1", "{}").starts_with("E0310@1-3 a no-break space"));
}

TEST_CASE("typographic quotes and foreign signs say what to write") {
  CHECK(eval("“a”") == "E0310@0-3 typographic quote “ [write \" instead]");
  CHECK(eval("a ≤ 5", "{}").find("[write <=]") != std::string::npos);
  CHECK(eval("a & b", "{}").find("write && (bits: math.bitAnd)") != std::string::npos);
  CHECK(eval("a | b", "{}").find("write ||") != std::string::npos);
  CHECK(eval("a $ b", "{}").starts_with("E0310@2-3"));
}

TEST_CASE("literals of every type read back as the same value") {
  for (const char* text :
       {"'it\\'s\\n\\x00é'", "b'\\xff\\x00a'", "-5", "5u", "1.5", "-0.0", "1e+300", "null", "true",
        "[1, 'a', [2u]]", "{'a': 1, 2: true}", "timestamp('2024-01-01T00:00:00.123456789Z')",
        "duration('-1.5s')", "double('NaN')", "double('-Infinity')", "optional.of(1)",
        "optional.none()", "google.protobuf.Timestamp", "int"}) {
    CAPTURE(text);
    CHECK(eval(text) == text);
  }
}

}  // namespace streamflow::expr
