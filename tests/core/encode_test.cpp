#include "core/encode.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>

#include "core/decode/json.h"

using namespace streamflow;

namespace {

BlockPtr block_of(std::string_view text) {
  auto block = std::make_shared<Block>(text.size());
  std::memcpy(block->data.get(), text.data(), text.size());
  block->size = text.size();
  return block;
}

// A batch of JSON records as a decoder makes it: `between` follows each record in the block.
Batch records(std::initializer_list<std::string_view> texts, std::string_view between = "\n",
              bool lines = true) {
  std::string all;
  auto origin = std::make_shared<Origin>();
  for (const std::string_view text : texts) {
    const auto begin = static_cast<uint32_t>(all.size());
    all += text;
    origin->rows.push_back({begin, static_cast<uint32_t>(all.size())});
    all += between;
  }
  origin->block = block_of(all);
  origin->one_line = lines;
  Batch batch;
  batch.rows = texts.size();
  batch.origin = origin;
  return batch;
}

void want(Batch& batch, std::string name) {
  batch.columns.push_back({name, read_member(batch.origin, name), true});
}

ColumnPtr column_of(std::initializer_list<Value> values) {
  auto column = std::make_shared<Column>(values.size());
  size_t row = 0;
  for (const Value& value : values) column->set(row++, value);
  return column;
}

void keep_rows(Batch& batch, Selection rows) {
  batch.selected = std::make_shared<const Selection>(std::move(rows));
}

std::string encode(const Batch& batch, TimestampStyle style = TimestampStyle::kRfc3339) {
  std::string all;
  append_records(batch, 0, style, all);
  std::string one_by_one;
  for (size_t i = 0; i < batch.count(); ++i) {
    append_record(batch, batch.row_at(i), style, one_by_one);
    one_by_one += '\n';
  }
  CHECK(all == one_by_one);
  return all;
}

std::string cell(const Value& value, TimestampStyle style = TimestampStyle::kRfc3339) {
  std::string out;
  append_cell(*column_of({value}), 0, style, out);
  return out;
}

std::string cell_text(const Value& value, TimestampStyle style = TimestampStyle::kRfc3339) {
  std::string out;
  append_cell_text(*column_of({value}), 0, style, out);
  return out;
}

}  // namespace

TEST_CASE("encode: untouched records are their own bytes") {
  Batch batch = records({R"({"a":1.50, "b" : "x\u0041"})", R"({"a":1e2})", "{}"});
  want(batch, "a");
  CHECK(encode(batch) == "{\"a\":1.50, \"b\" : \"x\\u0041\"}\n{\"a\":1e2}\n{}\n");
  keep_rows(batch, {0, 2});
  CHECK(encode(batch) == "{\"a\":1.50, \"b\" : \"x\\u0041\"}\n{}\n");
}

TEST_CASE("encode: lines that are not neighbours in the block get one line feed each") {
  for (const char* between : {"", "\n", "\r\n", " \n", "\n\n"}) {
    CAPTURE(between);
    Batch batch = records({R"({"a":1})", R"({"a":2})", R"({"a":3})", R"({"a":4})"}, between);
    CHECK(encode(batch) == "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n");
    keep_rows(batch, {1, 2});
    CHECK(encode(batch) == "{\"a\":2}\n{\"a\":3}\n");
    keep_rows(batch, {0, 3});
    CHECK(encode(batch) == "{\"a\":1}\n{\"a\":4}\n");
    keep_rows(batch, {});
    CHECK(encode(batch).empty());
  }
}

TEST_CASE("encode: append_records starts at a position of the selection") {
  Batch batch = records({R"({"a":1})", R"({"a":2})", R"({"a":3})"});
  keep_rows(batch, {0, 2});
  std::string out = "x";
  append_records(batch, 1, TimestampStyle::kRfc3339, out);
  CHECK(out == "x{\"a\":3}\n");
  append_records(batch, 2, TimestampStyle::kRfc3339, out);
  CHECK(out == "x{\"a\":3}\n");
}

TEST_CASE("encode: line breaks inside a message are taken out, with the blanks around them") {
  Batch batch =
      records({"{ \"a\" : 1 }", "{\r\n  \"a\": \"x y\\n\\\" \",\n\t\"b\": [1,\n 2]\n}"}, "", false);
  CHECK(encode(batch) == "{ \"a\" : 1 }\n{\"a\":\"x y\\n\\\" \",\"b\":[1,2]}\n");
  want(batch, "b");
  batch.origin = nullptr;  // as after `select: [b]`
  CHECK(encode(batch) == "{}\n{\"b\":[1,2]}\n");
}

TEST_CASE("encode: a carriage return between tokens is a line break too") {
  const auto decoder = make_json_decoder({});
  decoder->want({"b"});
  struct : DecoderOutput {
    void rows(Decoded decoded) override {
      Batch batch;
      batch.rows = decoded.rows;
      batch.columns = std::move(decoded.columns);
      batch.origin = std::move(decoded.origin);
      text += encode(batch);
      batch.origin = nullptr;
      for (NamedColumn& column : batch.columns) column.original = false;
      text += encode(batch);
    }
    void bad(std::string_view, std::string_view, uint32_t) override { text += '!'; }
    std::string text;
  } out;
  const std::string line = "{\"a\":1,\"b\":[1,\r2]}\n{\"a\":1,\r\"b\":[1]}\n";
  for (const std::string& text : {line, line + line}) {  // of a new shape, then of a known one
    out.text.clear();
    decoder->decode(block_of(text), nullptr, out);
    CHECK(out.text.find('\r') == std::string::npos);
    CHECK(out.text.starts_with("{\"a\":1,\"b\":[1,2]}\n{\"a\":1,\"b\":[1]}\n"));
  }
}

TEST_CASE("encode: fields stand in the order of the steps that made them, whatever others look at") {
  for (const bool looked_at : {false, true}) {
    CAPTURE(looked_at);
    Batch batch = records({R"({"m":1})"});
    if (looked_at) want(batch, "a");
    batch.set("z", column_of({Value::integer(1)}));
    batch.set("a", column_of({Value::integer(2)}));
    batch.set("z", column_of({Value::integer(3)}));
    CHECK(encode(batch) == "{\"m\":1,\"z\":3,\"a\":2}\n");
  }
}

TEST_CASE("encode: a changed record keeps its members' order and text") {
  Batch batch = records({R"({"a":1.50, "b":"x", "c":[1, 2]})"});
  SUBCASE("a new field follows") {
    batch.set("d", column_of({Value::integer(7)}));
    CHECK(encode(batch) == "{\"a\":1.50, \"b\":\"x\", \"c\":[1, 2],\"d\":7}\n");
  }
  SUBCASE("a replaced one stays in its place") {
    batch.set("b", column_of({Value::real(2)}));
    CHECK(encode(batch) == "{\"a\":1.50,\"b\":2.0,\"c\":[1, 2]}\n");
  }
  SUBCASE("a replaced one without a value is left out") {
    batch.set("a", column_of({Value()}));
    CHECK(encode(batch) == "{\"b\":\"x\", \"c\":[1, 2]}\n");
  }
  SUBCASE("a dropped one is left out") {
    batch.drop("b");
    CHECK(encode(batch) == "{\"a\":1.50,\"c\":[1, 2]}\n");
    batch.drop("a");
    batch.drop("c");
    CHECK(encode(batch) == "{}\n");
  }
  SUBCASE("one that was dropped and made again follows at the end") {
    batch.drop("a");
    batch.set("a", column_of({Value::string("n")}));
    CHECK(encode(batch) == "{\"b\":\"x\", \"c\":[1, 2],\"a\":\"n\"}\n");
  }
}

TEST_CASE("encode: changes find keys that are written with escapes, and doubled keys") {
  Batch batch = records({R"({"\u0061":1,"b":2,"a":3,"a\"":4})"});
  batch.set("a", column_of({Value::null()}));
  CHECK(encode(batch) == "{\"a\":null,\"b\":2,\"a\\\"\":4}\n");
  batch.drop("a");
  CHECK(encode(batch) == "{\"b\":2,\"a\\\"\":4}\n");
}

TEST_CASE("encode: changed records of different shapes, nested values and an empty one") {
  Batch batch =
      records({R"({"a":1,"b":2})", R"({"b":{"a":"}\"]"},"a":[{"b":1}]})", "{}", R"({"c":0})"});
  batch.set("a", column_of({Value::integer(-1), Value::integer(-2), Value::integer(-3), Value()}));
  batch.drop("b");
  CHECK(encode(batch) == "{\"a\":-1}\n{\"a\":-2}\n{\"a\":-3}\n{\"c\":0}\n");
}

TEST_CASE("encode: a closed record is its columns in order, missing ones left out") {
  Batch batch;
  batch.rows = 3;
  batch.set("n", column_of({Value::integer(1), Value(), Value()}));
  batch.set("a \"key\"", column_of({Value::null(), Value::string("\n\x01"), Value()}));
  CHECK(encode(batch) ==
        "{\"n\":1,\"a \\\"key\\\"\":null}\n{\"a \\\"key\\\"\":\"\\n\\u0001\"}\n{}\n");
}

TEST_CASE("encode: selected cells keep their text") {
  Batch source = records({R"({"t": 25.300 ,"d":"x\/y","u":1E+2 ,"n":null})",
                          R"({"d":"long )" + std::string(3000, 'z') + R"("})"});
  Batch batch;
  batch.rows = 2;
  for (const char* name : {"d", "t", "u", "n", "none"}) batch.set(name, source.field(name));
  CHECK(encode(batch) == "{\"d\":\"x\\/y\",\"t\":25.300,\"u\":1E+2,\"n\":null}\n{\"d\":\"long " +
                             std::string(3000, 'z') + "\"}\n");
}

TEST_CASE("encode: many wide rows leave nothing out at the writer's edges") {
  Batch batch;
  batch.rows = 500;
  std::string expected;
  auto n = std::make_shared<Column>(batch.rows);
  auto s = std::make_shared<Column>(batch.rows);
  for (size_t row = 0; row < batch.rows; ++row) {
    const std::string text(row * 7 % 1500, static_cast<char>('a' + row % 26));
    n->set_int(row, static_cast<int64_t>(row));
    s->set_string(row, text);
    expected += "{\"n\":" + std::to_string(row) + ",\"s\":\"" + text + "\"}\n";
  }
  batch.set("n", n);
  batch.set("s", s);
  CHECK(encode(batch) == expected);
}

TEST_CASE("encode: cells of every kind as JSON") {
  CHECK(cell(Value()) == "null");
  CHECK(cell(Value::null()) == "null");
  CHECK(cell(Value::boolean(true)) == "true");
  CHECK(cell(Value::boolean(false)) == "false");
  CHECK(cell(Value::integer(std::numeric_limits<int64_t>::min())) == "-9223372036854775808");
  CHECK(cell(Value::unsigned_integer(std::numeric_limits<uint64_t>::max())) ==
        "18446744073709551615");
  CHECK(cell(Value::real(0.1)) == "0.1");
  CHECK(cell(Value::real(25)) == "25.0");
  CHECK(cell(Value::real(-0.0)) == "-0.0");
  CHECK(cell(Value::real(std::nan(""))) == "null");
  CHECK(cell(Value::real(std::numeric_limits<double>::infinity())) == "null");
  CHECK(cell(Value::string("h\u00e9\t\"")) == "\"h\u00e9\\t\\\"\"");
  CHECK(cell(Value::bytes("\x01\x02")) == "\"AQI=\"");
  CHECK(cell(Value::duration(1'500'000)) == "\"1.5s\"");
  CHECK(cell(Value::error("no")) == "null");
  CHECK(cell(Value::list({Value::integer(1), Value::string("a")})) == "[1,\"a\"]");
}

TEST_CASE("encode: timestamps in every style, before the epoch too") {
  const Value t = Value::timestamp(1'500'001);
  CHECK(cell(t) == "\"1970-01-01T00:00:01.500001Z\"");
  CHECK(cell(t, TimestampStyle::kSeconds) == "1");
  CHECK(cell(t, TimestampStyle::kMillis) == "1500");
  CHECK(cell(t, TimestampStyle::kMicros) == "1500001");
  CHECK(cell(t, TimestampStyle::kNanos) == "1500001000");
  CHECK(cell(Value::timestamp(0), TimestampStyle::kNanos) == "0");
  CHECK(cell(Value::timestamp(-1), TimestampStyle::kSeconds) == "-1");
  CHECK(cell(Value::timestamp(-1), TimestampStyle::kNanos) == "-1000");
  CHECK(cell(Value::timestamp(kTimeMax), TimestampStyle::kNanos) == "9223372036854775807000");
  CHECK(timestamp_style("") == TimestampStyle::kRfc3339);
  CHECK(timestamp_style("rfc3339") == TimestampStyle::kRfc3339);
  CHECK(timestamp_style("s") == TimestampStyle::kSeconds);
  CHECK(timestamp_style("ms") == TimestampStyle::kMillis);
  CHECK(timestamp_style("us") == TimestampStyle::kMicros);
  CHECK(timestamp_style("ns") == TimestampStyle::kNanos);
}

TEST_CASE("encode: cells as plain text") {
  CHECK(cell_text(Value()).empty());
  CHECK(cell_text(Value::null()).empty());
  CHECK(cell_text(Value::string("a\"b")) == "a\"b");
  CHECK(cell_text(Value::integer(-3)) == "-3");
  CHECK(cell_text(Value::real(1)) == "1.0");
  CHECK(cell_text(Value::boolean(true)) == "true");
  CHECK(cell_text(Value::timestamp(0)) == "1970-01-01T00:00:00Z");
  CHECK(cell_text(Value::timestamp(5000), TimestampStyle::kMillis) == "5");
  CHECK(cell_text(Value::duration(1'500'000)) == "1.5s");
  CHECK(cell_text(Value::bytes("\x01\x02")) == "AQI=");
  Batch batch = records({R"({"a":"x\ty","b":null,"c":1.0,"d":{"e":1}})"});
  const auto text = [&batch](std::string_view name) {
    std::string out;
    append_cell_text(*batch.field(name), 0, TimestampStyle::kRfc3339, out);
    return out;
  };
  CHECK(text("a") == "x\ty");
  CHECK(text("b").empty());
  CHECK(text("c") == "1.0");
  CHECK(text("d") == "{\"e\":1}");
}

TEST_CASE("encode: the fields of records") {
  Batch batch = records({R"({"a":1,"b":2,"a":3,"\u0063":4})", R"({"z":1})"});
  batch.drop("b");
  batch.set("a", column_of({Value(), Value()}));
  batch.set("n", column_of({Value(), Value()}));
  CHECK(record_fields(batch) == std::vector<std::string>{"a", "c", "n"});
  keep_rows(batch, {1});
  CHECK(record_fields(batch) == std::vector<std::string>{"z", "a", "n"});
  batch.origin = nullptr;
  CHECK(record_fields(batch) == std::vector<std::string>{"a", "n"});
}

TEST_CASE("template: fields, doubled braces and braces without a name") {
  const Template t = Template::parse("alerts/{device}/{a.b-c}/x");
  CHECK(t.has_fields());
  CHECK(t.fields() == std::vector<std::string>{"device", "a.b-c"});
  CHECK(t.literals() == std::vector<std::string>{"alerts/", "/", "/x"});
  CHECK(t.prefix() == "alerts/");
  for (const auto& [text, literal] :
       std::initializer_list<std::pair<const char*, const char*>>{{"", ""},
                                                                  {"{}", "{}"},
                                                                  {"{", "{"},
                                                                  {"}", "}"},
                                                                  {"{{a}}", "{a}"},
                                                                  {"{a", "{a"},
                                                                  {"{a b}", "{a b}"},
                                                                  {"x}}", "x}"},
                                                                  {"{{{{", "{{"}}) {
    CAPTURE(text);
    CHECK_FALSE(Template::parse(text).has_fields());
    CHECK(Template::parse(text).prefix() == literal);
  }
  CHECK(Template::parse("{température}").fields() == std::vector<std::string>{"température"});
  CHECK(Template::parse("{{{a}").literals() == std::vector<std::string>{"{", ""});
}

TEST_CASE("template: filled from fields and meta, null and missing empty") {
  Batch batch = records({R"({"device":"a\/1","n":null})", R"({"device":2})"});
  batch.meta.push_back({"topic", column_of({Value::string("s/1"), Value::string("s/2")}), false});
  const Template t = Template::parse("<{device}|{n}|{none}|{meta.topic}>");
  CHECK(t.fill(batch, 0) == "<a/1|||s/1>");
  CHECK(t.fill(t.columns(batch), 1) == "<2|||s/2>");
}
