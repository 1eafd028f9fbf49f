#include "core/decode/json.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <random>

#include "core/decode/json_cell.h"

using namespace streamflow;

namespace {

struct Rows final : DecoderOutput {
  std::vector<std::string> texts;   // whole records
  std::vector<std::string> cells;   // wanted cells of each record, "|" between
  std::vector<std::string> reasons;
  std::vector<std::string> damaged;
  size_t batches = 0;

  void rows(Decoded decoded) override {
    ++batches;
    CHECK(decoded.rows >= 1);
    CHECK(decoded.rows <= kBatchRowsMax);
    for (size_t row = 0; row < decoded.rows; ++row) {
      texts.emplace_back(decoded.origin->text(row));
      std::string line;
      for (const auto& c : decoded.columns) {
        c.column->decode(nullptr);
        if (!line.empty()) line += '|';
        std::string json;
        if (c.column->kind(row) == Kind::kMissing) {
          json = "-";
        } else {
          append_json(c.column->value(row), json);
        }
        line += json;
      }
      cells.push_back(line);
    }
  }
  void bad(std::string_view text, std::string_view reason, uint32_t) override {
    damaged.emplace_back(text);
    reasons.emplace_back(reason);
  }
};

BlockPtr block_of(std::string_view text) {
  auto block = std::make_shared<Block>(text.size());
  std::memcpy(block->data.get(), text.data(), text.size());
  block->size = text.size();
  return block;
}

Rows decode_lines(const std::string& text, const std::vector<std::string>& wanted) {
  const auto decoder = make_json_decoder({});
  decoder->want(wanted);
  Rows rows;
  decoder->decode(block_of(text), nullptr, rows);
  return rows;
}

Rows decode_messages(const std::vector<std::string>& messages, const std::vector<std::string>& wanted) {
  const auto decoder = make_json_decoder({.arrays = true});
  decoder->want(wanted);
  std::string text;
  std::vector<Frame> frames;
  for (const auto& m : messages) {
    const auto begin = static_cast<uint32_t>(text.size());
    text += m;
    frames.push_back({begin, static_cast<uint32_t>(text.size())});
    text += '\n';
  }
  Rows rows;
  decoder->decode(block_of(text), &frames, rows);
  return rows;
}

}  // namespace

TEST_CASE("json lines: wanted fields come in any order, missing ones are missing, not null") {
  const Rows rows = decode_lines(
      "{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"a\":2.50}\n{ \"c\" : [1, {\"a\": 9}] , \"a\" : -3 }\n{}\n", {"a", "b"});
  CHECK(rows.reasons.empty());
  CHECK(rows.cells == std::vector<std::string>{"1|\"x\"", "2.5|null", "-3|-", "-|-"});
  CHECK(rows.texts[2] == "{ \"c\" : [1, {\"a\": 9}] , \"a\" : -3 }");
}

TEST_CASE("json lines: a wanted field that a learnt shape lacked is found when it appears") {
  const Rows rows = decode_lines("{\"a\":1,\"x\":1}\n{\"a\":2,\"b\":7}\n{\"a\":3,\"x\":1}\n{\"b\":8,\"a\":4}\n", {"a", "b"});
  CHECK(rows.cells == std::vector<std::string>{"1|-", "2|7", "3|-", "4|8"});
}

TEST_CASE("json lines: of equal names the last counts, whatever shapes were seen before") {
  const Rows rows = decode_lines("{\"x\":1,\"a\":2}\n{\"a\":3,\"a\":4}\n{\"a\":5,\"a\":6}\n", {"a"});
  CHECK(rows.cells == std::vector<std::string>{"2", "4", "6"});
  CHECK(decode_lines("{\"a\":1,\"\\u0061\":2,\"b\":3}\n", {"a"}).cells == std::vector<std::string>{"2"});
}

TEST_CASE("json lines: a long key is compared no further than the block goes") {
  const std::string key(500, 'k');
  const Rows rows = decode_lines("{\"" + key + "\":1}\n{\"" + key.substr(0, 20) + "\":2}\n", {key});
  CHECK(rows.cells == std::vector<std::string>{"1", "-"});
  // The last record ends with the block, and the key that it might have does not fit in.
  const Rows same = decode_lines("{\"" + key + "\":1}\n{\"" + key + "\":2}\n{\"" + key.substr(0, 17) + "\":3}", {key});
  CHECK(same.cells == std::vector<std::string>{"1", "2", "-"});
}

TEST_CASE("json lines: each damaged line is reported alone, with a reason") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"a\":1,\"b\":tru}", "a value"},
      {"{\"a\":1 \"b\":2}", "',' or '}'"},
      {"{\"a\":1}}", "the end of the record"},
      {"{\"a\":1}{\"a\":2}", "the end of the record"},
      {"{\"a\":1", "ends early"},
      {"{\"a\":01}", "a value"},
      {"{\"a\":1.}", "a value"},
      {"{\"a\":.5}", "a value"},
      {"{\"a\":-}", "a value"},
      {"{\"a\":1e}", "a value"},
      {"{\"a\":+1}", "a value"},
      {"{\"a\":NaN}", "a value"},
      {"{\"a\":1,}", "a name"},
      {"{,\"a\":1}", "a name"},
      {"{\"a\"}", "':'"},
      {"{a:1}", "a name"},
      {"{\"a\":[1,2}", "',' or ']'"},
      {"{\"a\":\"\\q\"}", "escape"},
      {"{\"a\":\"\\u12g4\"}", "escape"},
      {"{\"a\":\"x}", "not closed"},
      {"{\"a\":\"\x01\"}", "control character"},
      {"{\"a\":\"\xff\"}", "UTF-8"},
      {"{\"a\":\"\xed\xa0\x80\"}", "UTF-8"},
      {"{\"a\":1,\"unused\":2 3}", "',' or '}'"},
      {"{\"a\":1,\"unused\":0x10}", "a value"},
      {"\x01", "a value"},
      {"]", "a value"},
  };
  for (const auto& [line, reason] : cases) {
    CAPTURE(line);
    const Rows rows = decode_lines("{\"a\":1}\n" + line + "\n{\"a\":2}\n", {"a"});
    CHECK(rows.cells == std::vector<std::string>{"1", "2"});
    REQUIRE(rows.reasons.size() == 1);
    CHECK(rows.damaged[0] == line);
    CHECK_MESSAGE((rows.reasons[0].find(reason) != std::string::npos || rows.reasons[0].find("line break") != std::string::npos),
                  rows.reasons[0]);
  }
}

TEST_CASE("json lines: a truncated line that the next one happens to complete is two bad lines") {
  const Rows rows = decode_lines("{\"a\":1}\n{\"a\":2,\n\"b\":3}\n{\"a\":4}\n", {"a"});
  CHECK(rows.cells == std::vector<std::string>{"1", "4"});
  CHECK(rows.damaged.size() == 2);
}

TEST_CASE("json lines: blank lines, CRLF and a byte order mark are no records and no errors") {
  const Rows rows = decode_lines("\xEF\xBB\xBF{\"a\":1}\r\n\r\n   \n{\"a\":2}\r\n\n{\"a\":3}", {"a"});
  CHECK(rows.cells == std::vector<std::string>{"1", "2", "3"});
  CHECK(rows.reasons.empty());
}

TEST_CASE("json lines: a value that is no object becomes the field `value`") {
  const Rows rows = decode_lines("{\"value\":1}\n42\n\"x, y\"\n[1,2]\ntrue\n{\"value\":2}\n", {"value"});
  CHECK(rows.cells == std::vector<std::string>{"1", "42", "\"x, y\"", "[1,2]", "true", "2"});
  CHECK(rows.texts[1] == "{\"value\":42}");
}

TEST_CASE("json messages: arrays are their elements, boundaries are the messages' own") {
  const Rows rows =
      decode_messages({"[{\"a\":1},{\"a\":2}]", "{\n  \"a\": 3\n}", "", "{\"a\":4}x", "[]", "[5, {\"a\":6}]", "{\"a\":"}, {"a"});
  CHECK(rows.cells == std::vector<std::string>{"1", "2", "3", "-", "6"});
  CHECK(rows.reasons.size() == 3);
}

TEST_CASE("json messages: one with an open string does not spoil its neighbours") {
  const Rows rows = decode_messages({"{\"a\":1}", "{\"a\":\"x", "{\"a\":3}", "\xff", "{\"a\":5}"}, {"a"});
  CHECK(rows.cells == std::vector<std::string>{"1", "3", "5"});
  CHECK(rows.damaged == std::vector<std::string>{"{\"a\":\"x", "\xff"});
}

TEST_CASE("json lines: deep nesting is an error, not a crash") {
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const Rows rows = decode_lines(deep + "\n{\"a\":1}\n", {"a"});
  CHECK(rows.cells == std::vector<std::string>{"1"});
  REQUIRE(rows.reasons.size() == 1);
  CHECK(rows.reasons[0].find("nested deeper") != std::string::npos);
}

TEST_CASE("json lines: more rows than a batch holds come in several, in order") {
  std::string text;
  for (int i = 0; i < 2500; ++i) text += "{\"n\":" + std::to_string(i) + "}\n";
  const Rows rows = decode_lines(text, {"n"});
  CHECK(rows.batches == 3);
  REQUIRE(rows.cells.size() == 2500);
  CHECK(rows.cells[2499] == "2499");
}

TEST_CASE("json cells: numbers keep their exact value") {
  const auto cell = [](const std::string& text) {
    JsonCell c;
    decode_json_scalar(text.data(), text.data() + text.size(), c);
    return c;
  };
  CHECK(cell("9223372036854775807").kind == Kind::kInt);
  CHECK(cell("-9223372036854775808").bits == 0x8000000000000000u);
  CHECK(cell("9223372036854775808").kind == Kind::kUint);
  CHECK(cell("18446744073709551615").bits == ~uint64_t{0});
  CHECK(cell("18446744073709551616").kind == Kind::kDouble);
  CHECK(cell("-0").kind == Kind::kDouble);
  CHECK(std::signbit(std::bit_cast<double>(cell("-0").bits)));
  CHECK(std::bit_cast<double>(cell("1e400").bits) == HUGE_VAL);
  CHECK(std::bit_cast<double>(cell("-1e400").bits) == -HUGE_VAL);
  CHECK(std::bit_cast<double>(cell("1e-400").bits) == 0.0);
  std::mt19937_64 random(1);
  for (int i = 0; i < 50'000; ++i) {
    std::string text = random() % 2 ? "-" : "";
    const size_t whole = random() % 12, fraction = random() % 24;
    text += whole == 0 ? "0" : std::to_string(1 + random() % 9);
    for (size_t d = 1; d < whole; ++d) text += static_cast<char>('0' + random() % 10);
    text += '.';
    for (size_t d = 0; d <= fraction; ++d) text += static_cast<char>('0' + random() % 10);
    if (random() % 4 == 0) text += "e" + std::to_string(static_cast<int>(random() % 40) - 20);
    const double expected = std::strtod(text.c_str(), nullptr);
    REQUIRE_MESSAGE(std::bit_cast<double>(cell(text).bits) == expected, text);
  }
}

TEST_CASE("json cells: strings with escapes and surrogates") {
  const Rows rows = decode_lines(
      R"({"a":"tab\tquote\"slash\/ \u00e9\ud83d\ude00 \ud800."})"
      "\n"
      R"({"\u0061":"by an escaped name"})",
      {"a"});
  CHECK(rows.cells[0] == "\"tab\\tquote\\\"slash/ é😀 \xEF\xBF\xBD.\"");
  CHECK(rows.cells[1] == "\"by an escaped name\"");
}

TEST_CASE("json lines: the same records as simdjson's DOM parser on mutated input") {
  std::mt19937_64 random(7);
  const std::string templates[] = {
      R"({"ts":1700000000123,"device":"dev-0001","temperature":25.31,"ok":true,"n":null})",
      R"({"device":"dev \"x\" é","temperature":-0.5e-3,"nested":{"temperature":1,"l":[1,"]",{}]},"ts":1})",
      R"({ "temperature" : 12 , "device" : "" })",
      R"({"a":1,"b":[],"c":{},"temperature":9007199254740993})"};
  const std::string junk = "{}[],:\"\\ \t01-.x\x01\xff" "tn";
  simdjson::dom::parser parser;
  size_t accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text;
    std::vector<std::string> lines;
    for (size_t n = 1 + random() % 4; n > 0; --n) {
      std::string line = templates[random() % 4];
      for (size_t m = random() % 3; m > 0; --m) {
        const size_t at = random() % line.size();
        switch (random() % 4) {
          case 0: line.erase(at, 1); break;
          case 1: line[at] = junk[random() % junk.size()]; break;
          case 2: line.insert(at, 1, junk[random() % junk.size()]); break;
          default: line.resize(at); break;
        }
        if (line.empty()) line = " ";
      }
      lines.push_back(line);
      text += line + "\n";
    }
    std::vector<std::string> expected;
    for (const auto& line : lines) {
      simdjson::dom::element e;
      if (parser.parse(line).get(e) != simdjson::SUCCESS) continue;
      simdjson::dom::object object;
      if (e.get(object) != simdjson::SUCCESS) {
        expected.push_back("-");
        continue;
      }
      std::string value = "-";
      for (const auto& member : object) {
        if (member.key != "temperature") continue;
        value.clear();
        const std::string minified = simdjson::minify(member.value);
        append_json(parse_json(minified), value);
      }
      expected.push_back(value);
    }
    const Rows rows = decode_lines(text, {"temperature"});
    CAPTURE(text);
    REQUIRE(rows.cells == expected);
    accepted += expected.size();
  }
  CHECK(accepted > 20'000);
}
