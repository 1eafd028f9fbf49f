#include "core/decode/csv.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>

#include "core/decode/csv_record.h"
#include "core/decode/text.h"
#include "core/encode.h"

using namespace streamflow;

namespace {

BlockPtr block_of(std::string_view text) {
  auto block = std::make_shared<Block>(text.size());
  std::memcpy(block->data.get(), text.data(), text.size());
  block->size = text.size();
  return block;
}

// Decoded rows as NDJSON, bad ones as `!reason: text`.
class Sheet : public DecoderOutput {
 public:
  void rows(Decoded decoded) override {
    ++batches;
    total += decoded.rows;
    frames.insert(frames.end(), decoded.frames.begin(), decoded.frames.end());
    Batch batch;
    batch.rows = decoded.rows;
    batch.columns = std::move(decoded.columns);
    append_records(batch, 0, TimestampStyle::kRfc3339, text);
    last = batch;
  }
  void bad(std::string_view record, std::string_view reason, uint32_t frame) override {
    bads += '!' + std::string(reason) + ": " + std::string(record) + '\n';
    bad_frames.push_back(frame);
  }

  std::string text, bads;
  std::vector<uint32_t> frames, bad_frames;
  size_t batches = 0, total = 0;
  Batch last;
};

Sheet decode(Decoder& decoder, std::string_view text) {
  Sheet sheet;
  decoder.decode(block_of(text), nullptr, sheet);
  decoder.finish(sheet);
  return sheet;
}

Sheet csv(std::string_view text, CsvOptions options = {}) {
  return decode(*make_csv_decoder(std::move(options)), text);
}

}  // namespace

TEST_CASE("csv: a cell is a number only if the whole cell is a JSON number") {
  const Sheet sheet = csv("a,b,c,d\n1,25.30,-0.5e3,0\n007,+1,1 ,.5\n1.,NaN,0x1,\n");
  CHECK(sheet.text ==
        "{\"a\":1,\"b\":25.30,\"c\":-0.5e3,\"d\":0}\n"
        "{\"a\":\"007\",\"b\":\"+1\",\"c\":\"1 \",\"d\":\".5\"}\n"
        "{\"a\":\"1.\",\"b\":\"NaN\",\"c\":\"0x1\",\"d\":null}\n");
  CHECK(sheet.bads.empty());
}

TEST_CASE("csv: quoted cells hold delimiters, line breaks and doubled quotes") {
  CHECK(csv("a,b\r\n\"x,\r\ny\",\"say \"\"hi\"\"\"\r\n\"\",\"7\"\r\n").text ==
        "{\"a\":\"x,\\r\\ny\",\"b\":\"say \\\"hi\\\"\"}\n{\"a\":null,\"b\":7}\n");
  CHECK(csv("a\nx\"y\"\n").text == "{\"a\":\"x\\\"y\\\"\"}\n");
}

TEST_CASE("csv: a byte order mark, blank lines and a last line without a break") {
  CHECK(csv("\xEF\xBB\xBFname,n\n\n\r\nx,1\n\ny,2").text ==
        "{\"name\":\"x\",\"n\":1}\n{\"name\":\"y\",\"n\":2}\n");
  CHECK(csv("").text.empty());
  CHECK(csv("a,b\n").text.empty());
}

TEST_CASE("csv: records that do not fit are bad, their neighbours are not") {
  const Sheet sheet = csv("a,b\n1\n1,2\n1,2,3\n\"x\"y,2\n\xff,1\n3,4\n");
  CHECK(sheet.text == "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n");
  CHECK(sheet.bads ==
        "!1 cells for 2 columns: 1\n!3 cells for 2 columns: 1,2,3\n"
        "!text behind a closing quote: \"x\"y,2\n!not UTF-8: \xff,1\n");
}

TEST_CASE("csv: a quote that is never closed costs its own line only") {
  const Sheet sheet = csv("a,b\n1,\"x\n2,y\n3,z\n");
  CHECK(sheet.text == "{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":\"z\"}\n");
  CHECK(sheet.bads == "!a quote is not closed: 1,\"x\n");
}

TEST_CASE("csv: an open quote stops waiting for its end at the record limit") {
  auto decoder = make_csv_decoder({});
  Sheet sheet;
  decoder->decode(block_of("a,b\n1,\"x\n"), nullptr, sheet);
  std::string lines;
  while (lines.size() < 100'000) lines += "2,y\n";
  for (int i = 0; i < 12; ++i) decoder->decode(block_of(lines), nullptr, sheet);
  CHECK(sheet.total == 12 * lines.size() / 4);
  CHECK(sheet.bads == "!a quote is not closed: 1,\"x\n");
}

TEST_CASE("csv: quotes that close and open on every line are read once, not from each line again") {
  // 1 MiB of them took minutes.
  std::string lines;
  while (lines.size() < 4 * kCsvRecordBytesMax) lines += "a\",\"\n";
  const Sheet whole = csv("a,b\n" + lines + "\"1\"\",2\n3,4\n");
  CHECK(whole.text == "{\"a\":3,\"b\":4}\n");
  auto decoder = make_csv_decoder({});
  Sheet sheet;
  decoder->decode(block_of("a,b\n"), nullptr, sheet);
  for (size_t at = 0; at < lines.size(); at += 60)
    decoder->decode(block_of(lines.substr(at, 60)), nullptr, sheet);
  decoder->decode(block_of("\"1\"\",2\n3,4\n"), nullptr, sheet);
  decoder->finish(sheet);
  CHECK(sheet.text == whole.text);
  CHECK(sheet.bads == whole.bads);
}

TEST_CASE("csv: the same records and mistakes as when each line is read from afresh") {
  std::mt19937_64 random(11);
  const std::string pieces[] = {"a", "\"", "\"\"", ",", "\n", "\"\n", "\",\"", "\r\n", "x\ny"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t n = random() % 30; n > 0; --n) text += pieces[random() % std::size(pieces)];
    CAPTURE(text);
    // What the decoder does, the slow way: a record, or the line with the open quote.
    std::string records, bads;
    std::vector<CsvCell> cells;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view before = rest;
      const CsvRead read = read_csv_record(rest, ',', cells);
      if (read == CsvRead::kOpenQuote)
        rest.remove_prefix(std::min(rest.size(), std::min(rest.find('\n'), rest.size()) + 1));
      std::string_view record = before.substr(0, before.size() - rest.size());
      while (!record.empty() && (record.back() == '\n' || record.back() == '\r')) record.remove_suffix(1);
      if (read == CsvRead::kOpenQuote) bads += "!a quote is not closed: " + std::string(record) + '\n';
      if (read == CsvRead::kBad) bads += "!text behind a closing quote: " + std::string(record) + '\n';
      if (read == CsvRead::kRecord && cells.size() != 2)
        bads += '!' + std::to_string(cells.size()) + " cells for 2 columns: " + std::string(record) + '\n';
      if (read == CsvRead::kRecord && cells.size() == 2) records += '.';
    }
    auto decoder = make_csv_decoder({.header = false, .names = {"p", "q"}});
    Sheet sheet;
    for (std::string_view rest = text; !rest.empty();) {  // in blocks of whole lines
      size_t size = rest.find('\n', random() % rest.size());
      size = size == std::string_view::npos ? rest.size() : size + 1;
      decoder->decode(block_of(rest.substr(0, size)), nullptr, sheet);
      rest.remove_prefix(size);
    }
    decoder->finish(sheet);
    REQUIRE(sheet.bads == bads);
    REQUIRE(sheet.total == records.size());
  }
}

TEST_CASE("csv: any cut into blocks gives the same records") {
  const std::string text = "a,b\n1,\"x\ny\"\"z\n\"\n2,\"\n\n\"\n3,w\n";
  const std::string whole = csv(text).text;
  CHECK(whole ==
        "{\"a\":1,\"b\":\"x\\ny\\\"z\\n\"}\n{\"a\":2,\"b\":\"\\n\\n\"}\n{\"a\":3,\"b\":\"w\"}\n");
  for (size_t cut = text.find('\n') + 1; cut > 0; cut = text.find('\n', cut) + 1) {
    CAPTURE(cut);
    auto decoder = make_csv_decoder({});
    Sheet sheet;
    decoder->decode(block_of(text.substr(0, cut)), nullptr, sheet);
    decoder->decode(block_of(text.substr(cut)), nullptr, sheet);
    decoder->finish(sheet);
    CHECK(sheet.text == whole);
  }
}

TEST_CASE("csv: delimiter, decimal comma and latin-1") {
  CHECK(csv("a;b\n1,5;x,y\n1.5;1,2,3\n", {.delimiter = ';', .decimal = ','}).text ==
        "{\"a\":1.5,\"b\":\"x,y\"}\n{\"a\":\"1.5\",\"b\":\"1,2,3\"}\n");
  CHECK(csv("temp\xe9rature\tb\n\xe9\"\t2\n", {.delimiter = '\t', .latin1 = true}).text ==
        "{\"temp\u00e9rature\":\"\u00e9\\\"\",\"b\":2}\n");
}

TEST_CASE("csv: names are unique and not empty; without a header they are given or made") {
  CHECK(csv("a,,a,a\n1,2,3,4\n").text == "{\"a\":1,\"column_2\":2,\"a_2\":3,\"a_3\":4}\n");
  CHECK(csv("1,2\n", {.header = false}).text == "{\"column_1\":1,\"column_2\":2}\n");
  CHECK(csv("1,2\n", {.header = false, .names = {"x", "y"}}).text == "{\"x\":1,\"y\":2}\n");
}

TEST_CASE("csv: a repeated header is no record") {
  CHECK(csv("a,b\n1,2\na,b\n3,4\n").text == "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n");
}

TEST_CASE("csv: types decide what a cell is, and what is bad") {
  CsvOptions options;
  options.types = {{"s", Type::kString}, {"i", Type::kInt},       {"d", Type::kDouble},
                   {"b", Type::kBool},   {"t", Type::kTimestamp}, {"w", Type::kDuration},
                   {"u", Type::kUint},   {"n", Type::kNumber},    {"none", Type::kInt}};
  const Sheet sheet =
      csv("s,i,d,b,t,w,u,n\n"
          "7,007,1,true,2024-01-01T01:00:00+01:00,1m30s,18446744073709551615,-0\n"
          ",,,,,,,\n"
          "x,1.0,1,true,2024-01-01,1s,1,1\n"
          "x,1,x,true,2024-01-01,1s,1,1\n"
          "x,1,1,yes,2024-01-01,1s,1,1\n"
          "x,1,1,0,01.01.2024,1s,1,1\n"
          "x,1,1,0,2024-01-01,90,1,1\n"
          "x,1,1,0,2024-01-01,1s,-1,1\n"
          "x,9223372036854775808,1,0,2024-01-01,1s,1,1\n"
          "-,-5,+1.5,False,2024-01-01,0s,00,1e3\n",
          options);
  CHECK(
      sheet.text ==
      "{\"s\":\"7\",\"i\":7,\"d\":1.0,\"b\":true,\"t\":\"2024-01-01T00:00:00Z\",\"w\":\"90s\","
      "\"u\":18446744073709551615,\"n\":0}\n"
      "{\"s\":null,\"i\":null,\"d\":null,\"b\":null,\"t\":null,\"w\":null,\"u\":null,\"n\":null}\n"
      "{\"s\":\"-\",\"i\":-5,\"d\":1.5,\"b\":false,\"t\":\"2024-01-01T00:00:00Z\",\"w\":\"0s\","
      "\"u\":0,\"n\":1e3}\n");
  const Column& unsigned_cells = *sheet.last.columns[6].column;
  CHECK(unsigned_cells.kind(0) == Kind::kUint);
  CHECK(unsigned_cells.kind(1) == Kind::kNull);
  CHECK(unsigned_cells.kind(2) == Kind::kUint);  // small ones are no ints either
  CHECK(sheet.bads.find("!column i: '1.0' is no int: x,1.0,") == 0);
  CHECK(sheet.bads.find("!column d: 'x' is no double") != std::string::npos);
  CHECK(sheet.bads.find("!column b: 'yes' is no bool") != std::string::npos);
  CHECK(sheet.bads.find("!column t: '01.01.2024' is no timestamp") != std::string::npos);
  CHECK(sheet.bads.find("!column w: '90' is no duration") != std::string::npos);
  CHECK(sheet.bads.find("!column u: '-1' is no uint") != std::string::npos);
  CHECK(sheet.bads.find("!column i: '9223372036854775808' is no int") != std::string::npos);
}

TEST_CASE("csv: columns decode to typed cells") {
  const Sheet sheet = csv("a,b,c\n1,x,2.5\n,\"y\"\"\",-9\n");
  for (const NamedColumn& c : sheet.last.columns) c.column->decode(nullptr);
  const auto cell = [&](size_t column, size_t row) {
    return sheet.last.columns[column].column->value(row);
  };
  CHECK(equal(cell(0, 0), Value::integer(1)));
  CHECK(cell(0, 1).is(Kind::kNull));
  CHECK(equal(cell(1, 1), Value::string("y\"")));
  CHECK(equal(cell(2, 0), Value::real(2.5)));
  CHECK(equal(cell(2, 1), Value::integer(-9)));
}

TEST_CASE("csv: many rows come in batches of at most the limit") {
  std::string text = "n,t\n";
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    text += std::to_string(i) + ",2024-01-01\n";
    expected += "{\"n\":" + std::to_string(i) + ",\"t\":\"2024-01-01T00:00:00Z\"}\n";
  }
  const Sheet sheet = csv(text, {.types = {{"t", Type::kTimestamp}}});
  CHECK(sheet.text == expected);
  CHECK(sheet.batches == 3);
}

TEST_CASE("csv: each message has its own header, and rows know their message") {
  const std::string_view text = "a,b\n1,2\n3,4a,b\n5a\nx\ny\"q\n\"u";
  const std::vector<Frame> frames = {{0, 11}, {11, 16}, {16, 24}, {24, 26}};
  auto decoder = make_csv_decoder({});
  Sheet sheet;
  decoder->decode(block_of(text), &frames, sheet);
  CHECK(sheet.text == "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n{\"a\":\"x\"}\n{\"a\":\"y\\\"q\"}\n");
  CHECK(sheet.frames == std::vector<uint32_t>{0, 0, 2, 2});
  CHECK(sheet.bads == "!1 cells for 2 columns: 5\n!a quote is not closed: \"u\n");
  CHECK(sheet.bad_frames == std::vector<uint32_t>{1, 3});
}

TEST_CASE("csv: the schema is closed where the sample or the options tell the names") {
  Schema schema;
  complete_csv_schema({.types = {{"b", Type::kInt}, {"x", Type::kInt}}},
                      "\xEF\xBB\xBF\"a\"\"\",b\n1,2\n", schema);
  CHECK_FALSE(schema.open);
  CHECK(schema.names() == std::vector<std::string>{"a\"", "b"});
  CHECK(schema.find("b")->type == Type::kInt);
  Schema unknown;
  complete_csv_schema({.types = {{"b", Type::kInt}}}, "", unknown);
  CHECK(unknown.open);
  CHECK(unknown.find("b")->type == Type::kInt);
  Schema headless;
  complete_csv_schema({.header = false}, "1,2\n", headless);
  CHECK(headless.names() == std::vector<std::string>{"column_1", "column_2"});
}

TEST_CASE("csv: what is written reads back") {
  for (const char* text : {"", "x", "a,b", "say \"hi\"", "two\nlines", "cr\r", "\"", " "}) {
    CAPTURE(text);
    std::string line;
    append_csv_cell(text, ',', line);
    line += ",end\n";
    std::string_view rest = line;
    std::vector<CsvCell> cells;
    CHECK(read_csv_record(rest, ',', cells) == CsvRead::kRecord);
    std::string back;
    undouble(cells[0].text, back);
    CHECK(back == text);
    CHECK(rest.empty());
  }
}

TEST_CASE("text: every line or message is one field") {
  CHECK(decode(*make_text_decoder("value"), "a \"b\"\r\n\nc").text ==
        "{\"value\":\"a \\\"b\\\"\"}\n{\"value\":\"\"}\n{\"value\":\"c\"}\n");
  auto decoder = make_text_decoder("line");
  const std::vector<Frame> frames = {{0, 3}, {3, 4}, {4, 4}, {4, 6}};
  Sheet sheet;
  decoder->decode(block_of("a\nb\xffok"), &frames, sheet);
  CHECK(sheet.text == "{\"line\":\"a\\nb\"}\n{\"line\":\"\"}\n{\"line\":\"ok\"}\n");
  CHECK(sheet.frames == std::vector<uint32_t>{0, 2, 3});
  CHECK(sheet.bads == "!not UTF-8: \xff\n");
  CHECK(sheet.bad_frames == std::vector<uint32_t>{1});
}

TEST_CASE("number: one JSON number a line or message, its text kept") {
  const Sheet sheet = decode(*make_number_decoder("temperature"), "25.30\n -1e3 \r\n\nx\n1 2\n0");
  CHECK(sheet.text == "{\"temperature\":25.30}\n{\"temperature\":-1e3}\n{\"temperature\":0}\n");
  CHECK(sheet.bads == "!not a number: x\n!not a number: 1 2\n");
  auto decoder = make_number_decoder("value");
  const std::vector<Frame> frames = {{0, 1}, {1, 1}, {1, 3}};
  Sheet messages;
  decoder->decode(block_of("7nu"), &frames, messages);
  CHECK(messages.text == "{\"value\":7}\n");
  CHECK(messages.bad_frames == std::vector<uint32_t>{1, 2});
}
