#include "core/diagnostic.h"

#include <doctest/doctest.h>

#include "core/display.h"
#include "core/spec.h"

namespace streamflow {
namespace {

SourceFilePtr file_of(std::string text, std::string name = "pipeline.yaml") {
  return std::make_shared<const SourceFile>(SourceFile{std::move(name), std::move(text)});
}

Span span_of(const SourceFilePtr& file, std::string_view piece) {
  const size_t at = file->text.find(piece);
  REQUIRE(at != std::string::npos);
  return {file, static_cast<uint32_t>(at), static_cast<uint32_t>(at + piece.size())};
}

std::string shown(const Span& span, std::string label = {}, std::string help = {}) {
  return render(
      Diagnostic{Severity::kError, "E0102", "a problem", span, std::move(label), std::move(help)});
}

TEST_CASE("a diagnostic looks like a good compiler's") {
  const auto file = file_of("name: x\nfrom:\n  mqtt: a\n    topcs: [site/+/temperature]\n");
  const Diagnostic diagnostic{Severity::kError,
                              "E0102",
                              "unknown option 'topcs' for source 'mqtt'",
                              span_of(file, "topcs"),
                              "did you mean 'topics'?",
                              "streamflowd list source mqtt"};
  CHECK(render(diagnostic) ==
        "error[E0102]: unknown option 'topcs' for source 'mqtt'\n"
        "  --> pipeline.yaml:4:5\n"
        "   |\n"
        " 4 |     topcs: [site/+/temperature]\n"
        "   |     ^^^^^ did you mean 'topics'?\n"
        "   = help: streamflowd list source mqtt\n");
}

TEST_CASE("the gutter is as wide as the line's number") {
  std::string text(122, '\n');
  const auto file = file_of(text + "abc\n");
  CHECK(shown(span_of(file, "abc")) ==
        "error[E0102]: a problem\n"
        "    --> pipeline.yaml:123:1\n"
        "     |\n"
        " 123 | abc\n"
        "     | ^^^\n");
}

TEST_CASE("a warning without a file is one line") {
  Diagnostics diagnostics;
  diagnostics.warning("E0207", {}, "something is odd", "why", "do that");
  CHECK(diagnostics.ok());
  CHECK(diagnostics.render() == "warning[E0207]: something is odd (why)\n  = help: do that\n");
}

TEST_CASE("columns count code points, carets count terminal columns") {
  const auto file = file_of("été: 温度 x\n");
  CHECK(shown(span_of(file, "温度")) ==
        "error[E0102]: a problem\n"
        "  --> pipeline.yaml:1:6\n"
        "   |\n"
        " 1 | été: 温度 x\n"
        "   |      ^^^^\n");
  const auto last = span_of(file, "x");
  CHECK(line_column(*file, last.begin).column == 9);
}

TEST_CASE("combining marks and emoji keep the caret in place") {
  const auto file = file_of("e\xCC\x81 \xF0\x9F\x8C\xA1 here\n");
  CHECK(shown(span_of(file, "here")).find("|      ^^^^\n") != std::string::npos);
}

TEST_CASE("a tab is shown as four blanks and underlined as such") {
  const auto file = file_of("\tab\n");
  CHECK(shown(span_of(file, "ab")).find(" 1 |     ab\n   |     ^^\n") != std::string::npos);
  CHECK(shown(span_of(file, "\t")).find("   | ^^^^\n") != std::string::npos);
}

TEST_CASE("control characters and broken UTF-8 never reach the terminal") {
  const auto file = file_of("a\x1b[31m\xff b\n", "p\x1b.yaml");
  const std::string out = shown({file, 7, 8}, "la\x1b[0mbel", "he\x07lp");
  CHECK(out.find('\x1b') == std::string::npos);
  CHECK(out.find('\x07') == std::string::npos);
  CHECK(out.find('\xff') == std::string::npos);
}

TEST_CASE("long lines are a window around the caret") {
  const auto file = file_of(std::string(300, 'a') + "HERE" + std::string(300, 'b') + "\n");
  const std::string out = shown(span_of(file, "HERE"));
  const size_t line = out.find(" 1 | ") + 5;
  const std::string source = out.substr(line, out.find('\n', line) - line);
  CHECK(source.starts_with("…"));
  CHECK(source.ends_with("…"));
  CHECK(source.size() <= 120 + 2 * std::string("…").size());
  // The carets stand under the word.
  const size_t carets = out.find("   | ", line) + 5;
  const size_t blanks = out.find('^') - carets;
  CHECK(blanks == source.find("HERE") - (std::string("…").size() - 1));
}

TEST_CASE("a span over several lines is underlined on its first one") {
  const auto file = file_of("ab: [1,\n  2]\n");
  CHECK(shown({file, 4, 12}).find(" 1 | ab: [1,\n   |     ^^^\n") != std::string::npos);
}

TEST_CASE("places at and beyond the end of the file are on its last line") {
  for (const char* text : {"ab\n", "ab", "ab\r\n"}) {
    const auto file = file_of(text);
    const auto size = static_cast<uint32_t>(file->text.size());
    CHECK(shown({file, size, size}).find(" 1 | ab\n   |   ^\n") != std::string::npos);
    CHECK(shown({file, size + 90, size + 99}).find(" 1 | ab\n   |   ^\n") != std::string::npos);
  }
  const auto empty = file_of("");
  CHECK(shown({empty, 0, 0}).find(" 1 |\n   | ^\n") != std::string::npos);
}

TEST_CASE("a byte order mark is no column and CRLF is not shown") {
  const auto file = file_of(
      "\xEF\xBB\xBF"
      "name: x\r\n");
  CHECK(shown(span_of(file, "name")) ==
        "error[E0102]: a problem\n"
        "  --> pipeline.yaml:1:1\n"
        "   |\n"
        " 1 | name: x\n"
        "   | ^^^^\n");
}

TEST_CASE("colour is added only where asked for") {
  const auto file = file_of("abc\n");
  const Diagnostic diagnostic{Severity::kError, "E0001", "m", span_of(file, "b"), "l", "h"};
  CHECK(render(diagnostic).find('\x1b') == std::string::npos);
  const std::string coloured = render(diagnostic, true);
  CHECK(coloured.find("\x1b[1;31merror[E0001]\x1b[0m") != std::string::npos);
  CHECK(coloured.find("\x1b[1;31m ^ l\x1b[0m") != std::string::npos);
}

TEST_CASE("problems are shown in order of place, equal ones once") {
  const auto file = file_of("a\nb\nc\n");
  Diagnostics diagnostics;
  diagnostics.error("E0002", span_of(file, "c"), "third");
  diagnostics.error("E0002", span_of(file, "a"), "first");
  diagnostics.error("E0002", span_of(file, "a"), "first");
  diagnostics.error("E0002", {}, "without a file");
  CHECK(diagnostics.errors() == 3);
  const std::string out = diagnostics.render();
  CHECK(out.find("without") < out.find("first"));
  CHECK(out.find("first") < out.find("third"));
  CHECK(out.find("first") == out.rfind("first"));
}

TEST_CASE("beyond fifty problems the rest is counted, and errors go before warnings") {
  const auto file = file_of(std::string(200, 'x'));
  Diagnostics diagnostics;
  for (uint32_t i = 0; i < 60; ++i) diagnostics.warning("E0002", {file, i, i + 1}, "warned");
  diagnostics.error("E0002", {file, 150, 151}, "the one error");
  const std::string out = diagnostics.render();
  CHECK(out.find("the one error") != std::string::npos);
  CHECK(out.ends_with("\n11 more problems\n"));
}

TEST_CASE("a flood of problems stays bounded and counted") {
  const auto file = file_of(std::string(5000, 'x'));
  Diagnostics diagnostics;
  for (uint32_t i = 0; i < 3000; ++i) diagnostics.error("E0002", {file, i, i + 1}, "m");
  CHECK(diagnostics.all().size() == Diagnostics::kKeptMax);
  CHECK(diagnostics.errors() == 3000);
  CHECK(diagnostics.render().ends_with("\n2950 more problems\n"));
  Diagnostics sum;
  sum.add(diagnostics);
  CHECK(sum.errors() == 3000);
}

TEST_CASE("a corrected line has the replacement in the span's place, without indentation") {
  const auto file = file_of("a: 1\n  - b: x y # z\nc: 2\n");
  CHECK(corrected_line(span_of(file, "x y"), "'x y'") == "- b: 'x y' # z");
  CHECK(corrected_line({file, 0, 8}, "q").empty());
  CHECK(corrected_line({}, "q").empty());
}

TEST_CASE("nearest: one typing mistake in three letters, case ignored") {
  const std::vector<std::string> words = {"filter", "select", "derive", "drop", "window", "by"};
  CHECK(nearest("filtr", words) == "filter");
  CHECK(nearest("fitler", words) == "filter");  // swapped letters are one mistake
  CHECK(nearest("FILTER", words) == "filter");
  CHECK(nearest("windwo", words) == "window");
  CHECK(nearest("bi", words) == "by");
  CHECK(nearest("xyz", words).empty());
  CHECK(nearest("fi", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest("x", {"y"}).empty());
  CHECK(nearest(std::string(100'000, 'x'), words).empty());
  CHECK(nearest("temperatur", {"température", "temperature"}) == "temperature");
  CHECK(nearest("tempèrature", {"température"}) == "température");
}

TEST_CASE("a part of a value is found through its offsets") {
  const auto file = file_of("a: \"x${V}y\"\n");
  SpecValue value = SpecValue::scalar("xVALUEy");
  value.span = {file, 3, 11};
  value.offsets =
      std::make_shared<const std::vector<uint32_t>>(std::vector<uint32_t>{4, 5, 5, 5, 5, 5, 9, 10});
  const auto at = [&](size_t begin, size_t end) { return source_text(value.part(begin, end)); };
  CHECK(at(0, 1) == "x");
  CHECK(at(6, 7) == "y");
  CHECK(at(2, 3) == "${V}");
  CHECK(at(0, 7) == "x${V}y");
  CHECK(at(5, 99) == "${V}y");
  SpecValue plain = SpecValue::scalar("abc");
  plain.span = {file, 0, 3};
  CHECK(plain.part(1, 2).begin == 1);
  CHECK(plain.part(90, 99).end == 3);
}

TEST_CASE("columns of a terminal: none for combining marks, two for wide characters") {
  CHECK(columns_of(U'a') == 1);
  CHECK(columns_of(U'\u00E9') == 1);
  CHECK(columns_of(U'\u0301') == 0);
  CHECK(columns_of(U'\u6E29') == 2);
  CHECK(columns_of(U'\U0001F321') == 2);
}

}  // namespace
}  // namespace streamflow
