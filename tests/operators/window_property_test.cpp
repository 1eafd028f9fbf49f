// Windows against a naive computation of the same, over many streams.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "tests/operators/capture.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

constexpr Micros kSecond = kMicrosPerSecond;

struct Case {
  Micros size, every, offset;
  bool keyed;
  std::string empty;
  Micros lateness;
};

Stream random_stream(std::mt19937& random, const Case& c, size_t count) {
  Stream stream;
  stream.lateness = c.lateness;
  Micros now = 0;
  for (size_t i = 0; i < count; ++i) {
    now += static_cast<Micros>(random() % 3) * 700'000 + (random() % 40 == 0 ? 90 * kSecond : 0);
    Micros time = now;
    if (c.lateness > 0)
      time -= static_cast<Micros>(random() % (2 * static_cast<uint64_t>(c.lateness)));
    std::string json = "{";
    if (random() % 10 != 0) json += R"("k":"key )" + std::to_string(random() % 6) + R"(",)";
    const auto number = static_cast<int>(random() % 1000);
    const int kind = static_cast<int>(random() % 10);
    json +=
        R"("v":)" + (kind == 0   ? "null"
                     : kind == 1 ? std::to_string(number)
                                 : std::to_string(number / 10) + "." + std::to_string(number % 10));
    stream.records.push_back({time, json + "}"});
  }
  return stream;
}

Options options_of(const Case& c) {
  Options options = {{"every", format_duration(c.every)},
                     {"empty", c.empty},
                     {"count", "true"},
                     {"sum", "v"},
                     {"mean", "v"},
                     {"min", "v"},
                     {"last", "v"},
                     {"std", "v"}};
  if (c.offset != 0) options.push_back({"offset", format_duration(c.offset)});
  if (c.keyed) options.push_back({"by", "k"});
  return options;
}

struct Naive {
  std::map<std::pair<Micros, std::string>, std::vector<double>> windows;  // (end, key) -> values
  std::map<std::pair<Micros, std::string>, size_t> counts;
  size_t lates = 0;
};

std::string key_of(const Value& record) {
  for (const auto& [key, value] : record.entries()) {
    if (key.text() == "k" && value.is(Kind::kString)) return std::string(value.text());
  }
  return "";
}

// Puts each record into every window that is open at its own watermark.
Naive naive(const Stream& stream, const Case& c) {
  Naive result;
  Micros highest = kTimeMin;
  for (const Record& record : stream.records) {
    const Micros watermark = highest == kTimeMin ? kTimeMin : highest - stream.lateness;
    highest = std::max(highest, record.time);
    const Value value = parse_json(record.json);
    const std::string key = c.keyed ? key_of(value) : "";
    bool taken = false;
    for (Micros start = floor_to(record.time, c.every, c.offset); start > record.time - c.size;
         start -= c.every) {
      const Micros end = start + c.size;
      if (end <= watermark) continue;
      taken = true;
      ++result.counts[{end, key}];
      const Value cell = value.entries().back().second;
      auto& values = result.windows[{end, key}];
      if (is_number(cell.kind())) values.push_back(cell.to_double());
    }
    if (!taken) ++result.lates;
  }
  return result;
}

void compare(const Capture& out, const Naive& expected, const Case& c) {
  size_t with_records = 0;
  std::pair<Micros, std::string> before{kTimeMin, ""};
  for (const std::string& text : out.rows) {
    const Value record = parse_json(text);
    const Micros end = *parse_rfc3339(member(record, "window_end").text());
    const std::pair<Micros, std::string> at{end, c.keyed ? key_of(record) : ""};
    CHECK(before < at);  // order; and once each
    before = at;
    CHECK(*parse_rfc3339(member(record, "window_start").text()) == end - c.size);
    const auto found = expected.windows.find(at);
    if (found == expected.windows.end()) {
      CHECK(c.empty != "skip");
      continue;
    }
    ++with_records;
    CHECK(member(record, "count").as_int() == static_cast<int64_t>(expected.counts.at(at)));
    const std::vector<double>& values = found->second;
    if (values.empty()) {
      CHECK(member(record, "v_mean").is(Kind::kNull));
      continue;
    }
    double sum = 0, least = values[0], squares = 0;
    for (const double v : values) sum += v, least = std::min(least, v);
    const double mean = sum / static_cast<double>(values.size());
    for (const double v : values) squares += (v - mean) * (v - mean);
    CHECK(member(record, "v_sum").to_double() == doctest::Approx(sum).epsilon(1e-9));
    CHECK(member(record, "v_mean").to_double() == doctest::Approx(mean).epsilon(1e-9));
    CHECK(member(record, "v_min").to_double() == least);
    if (values.size() < 2) {
      CHECK(member(record, "v_std").is(Kind::kNull));
    } else {
      const double std = std::sqrt(squares / static_cast<double>(values.size() - 1));
      CHECK(member(record, "v_std").to_double() == doctest::Approx(std).epsilon(1e-9));
    }
  }
  CHECK(with_records == expected.windows.size());
  CHECK(out.lates.size() == expected.lates);
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {10 * kSecond, 10 * kSecond, 0, true, "skip", 0},
      {10 * kSecond, 10 * kSecond, 3 * kSecond, true, "skip", 15 * kSecond},
      {60 * kSecond, 20 * kSecond, 0, true, "skip", 7 * kSecond},
      {25 * kSecond, 10 * kSecond, 0, false, "skip", 20 * kSecond},
      {10 * kSecond, 10 * kSecond, 0, true, "zero", 4 * kSecond},
      {30 * kSecond, 10 * kSecond, 0, true, "previous", 4 * kSecond},
      {10 * kSecond, 10 * kSecond, 0, false, "null", 0},
  };
  return all;
}

MakeOperator maker(const Case& c) {
  return [c] {
    Built built = build_step("window", format_duration(c.size), options_of(c));
    REQUIRE_MESSAGE(built.op != nullptr, built.problems);
    return std::move(built.op);
  };
}

}  // namespace

TEST_CASE("windows equal a naive computation, whatever the batches") {
  std::mt19937 random(3);
  for (const Case& c : cases()) {
    const auto make = maker(c);
    for (int round = 0; round < 6; ++round) {
      const Stream stream = random_stream(random, c, 150);
      const Capture out = run(make, stream, {.with_times = false});
      compare(out, naive(stream, c), c);
      const Capture timed = run(make, stream, {.with_times = true});
      for (const size_t batch : {size_t{1}, size_t{7}}) {
        CHECK(run(make, stream, {.batch = batch, .with_times = true}) == timed);
      }
    }
  }
}

TEST_CASE("windows cut at any record by save and load send the same") {
  std::mt19937 random(4);
  for (const Case& c : cases()) {
    const auto make = maker(c);
    const Stream stream = random_stream(random, c, 60);
    const Capture whole = run(make, stream, {.with_times = true});
    for (size_t cut = 0; cut <= stream.records.size(); ++cut) {
      CHECK(run(make, stream, {.batch = 7, .cut = cut, .with_times = true}) == whole);
    }
  }
}

TEST_CASE("windows cut in the middle of sending send the rest") {
  Stream stream;
  for (int i = 0; i < 2'500; ++i) {
    stream.records.push_back({i * 1'000, R"({"k":)" + std::to_string(i) + "}"});
  }
  const MakeOperator make = [] {
    return build_step("window", "10s", {{"by", "k"}, {"count", "true"}, {"empty", "zero"}}).op;
  };
  auto op = make();
  Capture whole, out;
  const auto fill = [&](Operator& to, Capture& into) {
    for (size_t i = 0; i < 2'500; i += 500) take(to, make_batch(stream, i, i + 500), into);
  };
  fill(*op, out);
  const Micros upto = 30 * kSecond;
  while (!op->on_watermark(upto, out)) op = moved(*op, make);
  const auto straight = make();
  fill(*straight, whole);
  advance(*straight, upto, whole);
  CHECK(out.rows.size() == 7'500);
  CHECK(out.rows == whole.rows);
}

TEST_CASE("windows do not depend on the order of arrival within lateness") {
  std::mt19937 random(5);
  for (Case c : cases()) {
    c.lateness = 12 * kSecond;
    const auto make = maker(c);
    Stream stream = random_stream(random, c, 120);
    std::stable_sort(stream.records.begin(), stream.records.end(),
                     [](const Record& a, const Record& b) { return a.time < b.time; });
    // Distinct times: of equal ones `last` takes the last to arrive.
    for (size_t i = 0; i < stream.records.size(); ++i) {
      stream.records[i].time = stream.records[i].time * 1'000 / 1'000 + static_cast<Micros>(i);
    }
    const Capture sorted = run(make, stream);
    CHECK(sorted.lates.empty());
    for (int round = 0; round < 4; ++round) {
      Stream mixed = stream;
      std::vector<std::pair<Micros, Record>> by_delay;
      for (Record& record : mixed.records) {
        by_delay.emplace_back(record.time + static_cast<Micros>(random() % (12 * kSecond)), record);
      }
      std::stable_sort(by_delay.begin(), by_delay.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      for (size_t i = 0; i < by_delay.size(); ++i) mixed.records[i] = by_delay[i].second;
      const Capture out = run(make, mixed);
      CHECK(out.lates.empty());
      CHECK(out.rows == sorted.rows);
    }
  }
}

TEST_CASE("windows of ever new keys keep no more than the open ones") {
  const auto op =
      build_step("window", "1s", {{"by", "k"}, {"count", "true"}, {"max_keys", "6000"}}).op;
  REQUIRE(op != nullptr);
  Capture out;
  for (int window = 0; window < 20; ++window) {
    Stream stream;
    for (int i = 0; i < 1'000; ++i) {
      stream.records.push_back(
          {window * kSecond + i * 1'000, R"({"k":)" + std::to_string(window * 1'000 + i) + "}"});
    }
    advance(*op, window * kSecond, out);
    take(*op, make_batch(stream, 0, 1'000), out);
  }
  advance(*op, kTimeMax, out);
  CHECK(out.counts.failed == 0);
  CHECK(out.rows.size() == 20'000);
}
