#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/operators/capture.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

using Texts = std::vector<std::string>;
constexpr Micros kSecond = kMicrosPerSecond;

MakeOperator window(const std::string& size, const Options& options) {
  return [size, options] {
    Built built = build_step("window", size, options);
    REQUIRE_MESSAGE(built.op != nullptr, built.problems);
    return std::move(built.op);
  };
}

// {"v": value} at each time, in seconds.
Stream values(std::vector<std::pair<double, std::string>> cells) {
  Stream stream;
  for (auto& [time, value] : cells) {
    stream.records.push_back({static_cast<Micros>(time * 1e6),
                              value.starts_with("{") ? value : R"({"v":)" + value + "}"});
  }
  return stream;
}

std::string row(int start, int end, const std::string& rest) {
  return R"({"window_start":")" + format_rfc3339(start * kSecond) + R"(","window_end":")" +
         format_rfc3339(end * kSecond) + R"(",)" + rest + "}";
}

}  // namespace

TEST_CASE("window: a record exactly on the boundary opens the next window") {
  const Capture out = run(window("60s", {{"mean", "v"}, {"count", "true"}}),
                          values({{0, "1"}, {59.999999, "2"}, {60, "4"}}));
  CHECK(out.rows ==
        Texts{row(0, 60, R"("v_mean":1.5,"count":2)"), row(60, 120, R"("v_mean":4.0,"count":1)")});
  CHECK(out.counts.absorbed == 3);
  CHECK(out.counts.created == 2);
}

TEST_CASE("window: closes when the watermark reaches its end, not before") {
  const auto op = window("60s", {{"count", "true"}})();
  Capture out(true);
  const Stream stream = values({{10, "1"}, {20, "1"}});
  take(*op, make_batch(stream, 0, 2), out);
  CHECK(op->next_deadline() == 60 * kSecond);
  CHECK(op->unfinished() == "1 open window");
  advance(*op, 60 * kSecond - 1, out);
  CHECK(out.rows.empty());
  advance(*op, 60 * kSecond, out);
  CHECK(out.rows == Texts{"59999999 59999999 " + row(0, 60, R"("count":2)")});
  CHECK(op->next_deadline() == kTimeMax);
  CHECK(op->unfinished().empty());
}

TEST_CASE("window: open ones by the calendar are counted, overlapping ones too") {
  const auto op = window("7d", {{"every", "1d"}, {"timezone", "Europe/Paris"}, {"count", "true"}})();
  Capture out(true);
  const Stream stream = values({{10, "1"}, {20, "1"}});
  take(*op, make_batch(stream, 0, 2), out);
  CHECK(op->unfinished() == "7 open windows");
}

TEST_CASE("window: a record's own watermark decides whether it is late, whatever the batches") {
  Stream stream = values({{10, "1"}, {100, "1"}, {30, "1"}, {130, "1"}, {61, "1"}});
  stream.lateness = 40 * kSecond;
  const auto make = window("60s", {{"count", "true"}});
  const Capture out = run(make, stream);
  // At 30 the watermark is 60; at 61 it is 90.
  CHECK(out.rows == Texts{row(0, 60, R"("count":1)"), row(60, 120, R"("count":2)"),
                          row(120, 180, R"("count":1)")});
  CHECK(out.lates == Texts{R"({"v":1})"});
  for (const size_t batch : {1, 2, 3}) CHECK(run(make, stream, {.batch = batch}) == out);
}

TEST_CASE("window: results come in order of window and key, null and missing as one key") {
  const Capture out =
      run(window("10s", {{"by", "k"}, {"sum", "v"}}), values({{1, R"({"k":"b","v":1})"},
                                                              {2, R"({"k":"a","v":2})"},
                                                              {3, R"({"k":10,"v":3})"},
                                                              {4, R"({"v":4})"},
                                                              {5, R"({"k":null,"v":5})"},
                                                              {6, R"({"k":9,"v":6})"},
                                                              {7, R"({"k":10.0,"v":7})"},
                                                              {8, R"({"k":true,"v":8})"},
                                                              {11, R"({"k":"a","v":9})"}}));
  Texts keys;
  for (const std::string& text : out.rows) {
    const Value record = parse_json(text);
    std::string key;
    append_json(record.entries()[0].second, key);
    std::string sum;
    append_json(record.entries()[3].second, sum);
    keys.push_back(key + " " + sum);
  }
  CHECK(keys == Texts{"null 9", "true 8", "9 6", "10 10", "\"a\" 2", "\"b\" 1", "\"a\" 9"});
}

TEST_CASE("window: keys by path, meta and expression have names") {
  Stream stream = values({{1, R"({"s":{"t":1},"v":21})"}});
  stream.meta = {{"topic", "a/b"}};
  const Options options = {{"by", "[s.t, meta.topic, {half: v / 2}]"}, {"mean", "s.t"}};
  const Built built = build_step("window", "10s", options);
  REQUIRE_MESSAGE(built.op != nullptr, built.problems);
  CHECK(built.output.names() ==
        Texts{"s_t", "topic", "half", "window_start", "window_end", "s_t_mean", "partial"});
  CHECK(built.output.keys == Texts{"s_t", "topic", "half"});
  CHECK(built.output.window_us == 10 * kSecond);
  CHECK(!built.output.open);
  CHECK(built.meta == std::set<std::string>{"topic"});
  CHECK(built.reads == std::set<std::string>{"s", "v"});
  const Capture out = run(window("10s", options), stream);
  REQUIRE(out.rows.size() == 1);
  CHECK(out.rows[0].starts_with(R"({"s_t":1,"topic":"a/b","half":10.5,"window_start")"));
  CHECK(out.rows[0].ends_with(R"("s_t_mean":1.0})"));
}

TEST_CASE("window: aggregates and expressions over them, in written order") {
  const Capture out =
      run(window("10s",
                 {{"max", "v"},
                  {"select",
                   "{spread: max(v) - min(v), double_spread: spread * 2, n: count().where(v > 1), "
                   "length: window_end - window_start == duration('10s')}"},
                  {"count", "v"}}),
          values({{1, "1"}, {2, "4"}, {3, "null"}}));
  CHECK(out.rows ==
        Texts{row(0, 10,
                  R"("v_max":4,"spread":3,"double_spread":6,"n":1,"length":true,"v_count":2)")});
}

TEST_CASE("window: an expression over aggregates that fails is null and counted") {
  const Capture out = run(window("10s", {{"select", "{d: max(v) - min(v), r: sum(v) / count(v)}"}}),
                          values({{1, "\"x\""}}));
  CHECK(out.rows == Texts{row(0, 10, R"("d":null,"r":null)")});
  CHECK(!out.cell_errors.empty());
}

TEST_CASE("window: values of a wrong kind are skipped and counted") {
  const Capture out =
      run(window("10s", {{"mean", "v"}}), values({{1, "1"}, {2, "\"x\""}, {3, "3"}}));
  CHECK(out.rows == Texts{row(0, 10, R"("v_mean":2.0)")});
  CHECK(out.cell_errors == Texts{"mean: cannot take a string"});
}

TEST_CASE("hopping window: each record counts in every window that holds it") {
  const Capture out = run(window("60s", {{"every", "20s"}, {"sum", "v"}}),
                          values({{10, "1"}, {30, "2"}, {70, "4"}}));
  CHECK(out.rows == Texts{row(-40, 20, R"("v_sum":1)"), row(-20, 40, R"("v_sum":3)"),
                          row(0, 60, R"("v_sum":3)"), row(20, 80, R"("v_sum":6)"),
                          row(40, 100, R"("v_sum":4)"), row(60, 120, R"("v_sum":4)")});
  CHECK(out.counts.absorbed == 3);
}

TEST_CASE("hopping window: a record is late only when none of its windows is open") {
  const Capture out = run(window("60s", {{"every", "20s"}, {"count", "true"}}),
                          values({{90, "1"}, {35, "1"}, {19, "1"}}));
  // At 35 the watermark is 90: of its windows only [20, 80) … [40, 100) are past; none is open.
  CHECK(out.lates.size() == 2);
  const Capture open =
      run(window("60s", {{"every", "20s"}, {"count", "true"}}), values({{70, "1"}, {35, "1"}}));
  CHECK(open.lates.empty());
  // [-20, 40) and [0, 60) had closed; [20, 80) takes it.
  CHECK(open.rows == Texts{row(20, 80, R"("count":2)"), row(40, 100, R"("count":1)"),
                           row(60, 120, R"("count":1)")});
}

TEST_CASE("hopping window: with gaps between windows, records in them are filtered") {
  const Capture out = run(window("10s", {{"every", "30s"}, {"count", "true"}}),
                          values({{5, "1"}, {15, "1"}, {31, "1"}}));
  CHECK(out.rows == Texts{row(0, 10, R"("count":1)"), row(30, 40, R"("count":1)")});
  CHECK(out.counts.filtered == 1);
}

TEST_CASE("window: offset moves the starts") {
  const Capture out =
      run(window("60s", {{"offset", "1h10s"}, {"count", "true"}}), values({{9, "1"}, {10, "1"}}));
  CHECK(out.rows == Texts{row(-50, 10, R"("count":1)"), row(10, 70, R"("count":1)")});
}

TEST_CASE("window: one that starts before its stream's first record is partial") {
  Stream stream = values({{30, "1"}, {70, "1"}});
  stream.start = 25 * kSecond;
  const Capture out = run(window("60s", {{"count", "true"}}), stream);
  CHECK(out.rows == Texts{row(0, 60, R"("count":1,"partial":true)"), row(60, 120, R"("count":1)")});
  stream.start = 0;
  CHECK(run(window("60s", {{"count", "true"}}), stream).rows[0] == row(0, 60, R"("count":1)"));
}

TEST_CASE("empty windows: are sent per key from its first window with records to its last") {
  const Stream stream = values({{5, R"({"k":"a","v":1})"},
                                {25, R"({"k":"b","v":2})"},
                                {45, R"({"k":"a","v":3})"},
                                {55, R"({"k":"b","v":4})"}});
  const auto counts = [&](const std::string& choice) {
    Texts texts;
    const Capture out =
        run(window("10s",
                   {{"by", "k"}, {"empty", choice}, {"count", "true"}, {"sum", "v"}, {"max", "v"}}),
            stream);
    for (const std::string& text : out.rows) {
      const Value record = parse_json(text);
      std::string line(record.entries()[0].second.text());
      line += " " + std::string(record.entries()[1].second.text().substr(17, 2));
      for (size_t i = 3; i < 6; ++i) {
        line += " ";
        append_json(record.entries()[i].second, line);
      }
      texts.push_back(line);
    }
    return texts;
  };
  CHECK(counts("skip") == Texts{"a 00 1 1 1", "b 20 1 2 2", "a 40 1 3 3", "b 50 1 4 4"});
  CHECK(counts("zero") == Texts{"a 00 1 1 1", "a 10 0 0 null", "a 20 0 0 null", "b 20 1 2 2",
                                "a 30 0 0 null", "b 30 0 0 null", "a 40 1 3 3", "b 40 0 0 null",
                                "b 50 1 4 4"});
  CHECK(counts("null")[1] == "a 10 null null null");
  CHECK(counts("previous")[7] == "b 40 1 2 2");
}

TEST_CASE("empty windows: follow the watermark, at most max_empty in a row") {
  const auto make = window("10s", {{"count", "true"}, {"empty", "zero"}, {"max_empty", "3"}});
  const Capture out = run(make, values({{5, "1"}, {105, "1"}}), {.watermark = 120 * kSecond});
  CHECK(out.rows == Texts{row(0, 10, R"("count":1)"), row(10, 20, R"("count":0)"),
                          row(20, 30, R"("count":0)"), row(30, 40, R"("count":0)"),
                          row(100, 110, R"("count":1)"), row(110, 120, R"("count":0)")});
  CHECK(out.cell_errors.size() == 1);
  // A jump of the watermark by a century is no work for ever.
  const Capture jump = run(make, values({{5, "1"}}), {.watermark = 3'000'000'000 * kSecond});
  CHECK(jump.rows.size() == 4);
}

TEST_CASE("empty windows: many come in slices") {
  const Capture out =
      run(window("1s", {{"count", "true"}, {"empty", "zero"}}), values({{0, "1"}, {5'000, "1"}}));
  CHECK(out.rows.size() == 5'001);
  CHECK(out.most_rows == kBatchRowsMax);
}

TEST_CASE("window: more keys than max_keys fail, and make room when their windows close") {
  Stream stream;
  for (int i = 0; i < 10; ++i) {
    stream.records.push_back({i * kSecond, R"({"k":)" + std::to_string(i % 5) + "}"});
  }
  const auto make = window("5s", {{"by", "k"}, {"count", "true"}, {"max_keys", "3"}});
  const Capture out = run(make, stream);
  CHECK(out.rows.size() == 6);
  CHECK(out.counts.failed == 4);
  CHECK(out.failures[0] == R"(window: more than max_keys keys at a time: {"k":3})");
  for (const size_t batch : {1, 7}) CHECK(run(make, stream, {.batch = batch}) == out);
}

TEST_CASE("window: a key that cannot be computed fails its record") {
  const Capture out = run(window("5s", {{"by", "{z: v * 2}"}, {"count", "true"}}),
                          values({{1, "1"}, {2, "\"x\""}}));
  CHECK(out.counts.failed == 1);
  CHECK(out.rows.size() == 1);
}

TEST_CASE("window: results chain, each before the watermark that closed it") {
  Stream stream;
  for (int i = 0; i < 200; ++i) stream.records.push_back({i * kSecond, R"({"v":1})"});
  const auto first = window("10s", {{"sum", "v"}})();
  const auto second = window("60s", {{"sum", "v_sum"}, {"count", "true"}})();
  Capture between, out;
  const auto forward = [&](Micros upto) {
    advance(*first, upto, between);
    for (const Batch& batch : between.batches) take(*second, batch, out);
    between.batches.clear();
    advance(*second, upto, out);
  };
  for (size_t i = 0; i < 200; ++i) {
    const Batch batch = make_batch(stream, i, i + 1);
    forward((*batch.watermark)[0]);
    take(*first, batch, between);
  }
  forward(kTimeMax);
  CHECK(out.lates.empty());
  CHECK(out.rows == Texts{row(0, 60, R"("v_sum_sum":60,"count":6)"),
                          row(60, 120, R"("v_sum_sum":60,"count":6)"),
                          row(120, 180, R"("v_sum_sum":60,"count":6)"),
                          row(180, 240, R"("v_sum_sum":20,"count":2)")});
}

TEST_CASE("window: mistakes are reported") {
  const auto problems = [](const std::string& size, const Options& options) {
    const Built built = build_step("window", size, options);
    CHECK(built.op == nullptr);
    return built.problems;
  };
  CHECK(problems("60s", {}).find("E0408") != std::string::npos);
  CHECK(problems("0s", {{"count", "true"}}).find("E0409") != std::string::npos);
  CHECK(problems("1d", {{"every", "7ms"}, {"count", "true"}}).find("E0409") != std::string::npos);
  CHECK(problems("60s", {{"mean", "a + b"}}).find("E0404") != std::string::npos);
  CHECK(problems("60s", {{"mean", "a"}, {"select", "{a_mean: max(a)}"}}).find("E0405") !=
        std::string::npos);
  CHECK(problems("60s", {{"by", "partial"}, {"count", "true"}}).find("E0405") != std::string::npos);
  CHECK(problems("60s", {{"by", "[a + 1]"}, {"count", "true"}}).find("E0401") != std::string::npos);
  CHECK(problems("60s", {{"select", "{x: nothing(a)}"}}) != "");
}

TEST_CASE("window: state of another window or version, and damaged state, is refused") {
  const auto op = window("60s", {{"by", "k"}, {"mean", "v"}})();
  Capture out;
  take(*op, make_batch(values({{1, R"({"k":"a","v":1})"}, {2, R"({"k":"b","v":1})"}}), 0, 2), out);
  std::bitset<kPartitions> dirty = op->take_dirty();
  CHECK(dirty.count() == 3);
  CHECK(op->take_dirty().none());
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string bytes = saved(*op, partition);
    CHECK(bytes.empty() == !dirty.test(partition));
    if (bytes.empty()) continue;
    CHECK(!window("61s", {{"by", "k"}, {"mean", "v"}})()->load(partition, bytes).has_value());
    CHECK(!window("60s", {{"by", "k"}, {"max", "v"}})()->load(partition, bytes).has_value());
    for (size_t size = 1; size < bytes.size(); ++size) {
      const auto to = window("60s", {{"by", "k"}, {"mean", "v"}})();
      CHECK(!to->load(partition, std::string_view(bytes).substr(0, size)).has_value());
      CHECK(to->unfinished().empty());
    }
    std::string newer = bytes;
    newer[0] = 99;
    CHECK(!window("60s", {{"by", "k"}, {"mean", "v"}})()->load(partition, newer).has_value());
  }
}

TEST_CASE("window: loading replaces a partition") {
  const auto make = window("60s", {{"by", "k"}, {"count", "true"}});
  const auto op = make();
  Capture out;
  const Stream stream = values({{1, R"({"k":"a"})"}, {2, R"({"k":"b"})"}});
  take(*op, make_batch(stream, 0, 2), out);
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string bytes = saved(*op, partition);
    REQUIRE(op->load(partition, bytes).has_value());
  }
  advance(*op, kTimeMax, out);
  CHECK(out.rows.size() == 2);
  for (const std::string& text : out.rows) CHECK(text.find("\"count\":1") != std::string::npos);
}
