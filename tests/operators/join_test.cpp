// Joins over random streams: neither batches, nor saving between rows, nor the order of arrival within
// the lateness change a thing.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/operators/capture.h"

namespace streamflow::test {
namespace {

struct Arrival {
  unsigned side = 0;
  Micros time = 0;
  std::string json;
  Micros mark = kTimeMin, mark_after = kTimeMin;  // the merged watermark, before and after
};

// Each side's watermark is its highest time so far less the lateness; theirs is the lesser.
void add_marks(std::vector<Arrival>& arrivals, Micros lateness) {
  Micros highest[2] = {kTimeMin, kTimeMin};
  const auto mark = [&] {
    const Micros least = std::min(highest[0], highest[1]);
    return least == kTimeMin ? kTimeMin : least - lateness;
  };
  for (Arrival& arrival : arrivals) {
    arrival.mark = mark();
    highest[arrival.side] = std::max(highest[arrival.side], arrival.time);
    arrival.mark_after = mark();
  }
}

// `disorder` above the lateness makes some records late.
std::vector<Arrival> random_arrivals(unsigned seed, Micros lateness, Micros disorder, bool unique) {
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<Micros>(random() % n); };
  struct Timed {
    Arrival arrival;
    Micros when;
  };
  std::vector<Timed> all;
  Micros time = 0;
  for (int i = 0; i < 160; ++i) {
    time += unique ? 1 + below(6) : below(5);
    Arrival arrival;
    arrival.side = static_cast<unsigned>(below(2));
    arrival.time = time;
    const Micros key = below(4);
    const std::string k = key == 0 ? "null" : "\"" + std::string(1, static_cast<char>('a' + key)) + "\"";
    arrival.json = "{\"k\": " + k + ", \"n\":" + std::to_string(i);
    if (below(4) == 0) arrival.json += ", \"extra\":  [" + std::to_string(i) + "]";
    arrival.json += "}";
    all.push_back({arrival, time + below(static_cast<unsigned>(disorder) + 1)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Timed& a, const Timed& b) { return a.when < b.when; });
  std::vector<Arrival> arrivals;
  for (Timed& timed : all) arrivals.push_back(std::move(timed.arrival));
  add_marks(arrivals, lateness);
  return arrivals;
}

Batch batch_of(const std::vector<Arrival>& arrivals, size_t begin, size_t end) {
  Stream stream;
  auto marks = std::make_shared<Times>();
  for (size_t i = begin; i < end; ++i) {
    stream.records.push_back({arrivals[i].time, arrivals[i].json, arrivals[i].time});
    marks->push_back(arrivals[i].mark);
  }
  Batch batch = make_batch(stream, 0, end - begin);
  batch.input = arrivals[begin].side;
  batch.watermark = std::move(marks);
  batch.watermark_after = arrivals[end - 1].mark_after;
  return batch;
}

// At most `most` rows of one side at a time; before row `cut` the state moves to a new operator.
Capture join(const MakeOperator& make, const std::vector<Arrival>& arrivals, size_t most,
             size_t cut = SIZE_MAX, bool with_times = true) {
  auto op = make();
  REQUIRE(op != nullptr);
  Capture out(with_times);
  for (size_t begin = 0; begin < arrivals.size();) {
    if (begin == cut) op = moved(*op, make);
    size_t end = begin + 1;
    while (end < arrivals.size() && end - begin < most && end != cut &&
           arrivals[end].side == arrivals[begin].side)
      ++end;
    const Batch batch = batch_of(arrivals, begin, end);
    take(*op, batch, out);
    advance(*op, batch.watermark_after, out);
    begin = end;
  }
  advance(*op, kTimeMax, out);
  const Tally& t = out.counts;
  CHECK(t.in == t.passed + t.filtered + t.absorbed + t.late + t.dropped + t.failed + t.held);
  CHECK(t.out == t.passed + t.created);
  CHECK(out.most_rows <= kBatchRowsMax);
  return out;
}

const std::vector<Options> kJoins = {
    {{"on", "k"}, {"within", "0s"}},
    {{"on", "k"}, {"within", "[-20us, 5us]"}},
    {{"on", "k"}, {"within", "[2us, 30us]"}, {"how", "left"}},
    {{"on", "k"}, {"within", "12us"}, {"how", "outer"}, {"where", "(n + n_right) % 3 != 0"}},
    {{"on", "k"}, {"max_records", "20"}, {"how", "outer"}, {"take", "[n]"}},
    {{"on", "k"}, {"how", "asof"}},
    {{"on", "k"}, {"how", "asof"}, {"within", "9us"}, {"where", "n % 2 == 0"}},
    {{"on", "k"}, {"how", "nearest"}},
    {{"on", "k"}, {"how", "nearest"}, {"within", "9us"}, {"take", "{m: n}"}},
};

MakeOperator maker(const Options& options) {
  return [&options] { return build_step("join", "other", options).op; };
}

TEST_CASE("join: neither batches nor saving between rows change a byte, late records included") {
  for (size_t j = 0; j < kJoins.size(); ++j) {
    CAPTURE(j);
    size_t rows = 0, lates = 0;
    for (unsigned seed = 0; seed < 6; ++seed) {
      CAPTURE(seed);
      const std::vector<Arrival> arrivals = random_arrivals(seed, 10, seed < 3 ? 10 : 60, false);
      const Capture whole = join(maker(kJoins[j]), arrivals, 1024);
      rows += whole.rows.size();
      lates += whole.lates.size();
      for (const size_t most : {1, 2, 7}) CHECK(join(maker(kJoins[j]), arrivals, most) == whole);
      for (size_t cut = 1; cut < arrivals.size(); cut += 13)
        CHECK(join(maker(kJoins[j]), arrivals, 5, cut) == whole);
    }
    CHECK(rows > 0);
    CHECK(lates > 0);
  }
}

TEST_CASE("join: which record is one too many does not depend on batches or on saving") {
  const std::vector<Options> joins = {
      {{"on", "k"}, {"within", "20us"}, {"max_records", "6"}},
      {{"on", "k"}, {"within", "20us"}, {"max_records", "6"}, {"how", "outer"}},
      {{"on", "k"}, {"how", "asof"}, {"max_records", "6"}},
      {{"on", "k"}, {"how", "nearest"}, {"within", "9us"}, {"max_records", "6"}},
  };
  for (size_t j = 0; j < joins.size(); ++j) {
    CAPTURE(j);
    size_t failures = 0;
    for (unsigned seed = 0; seed < 6; ++seed) {
      CAPTURE(seed);
      const std::vector<Arrival> arrivals = random_arrivals(seed, 10, seed < 3 ? 10 : 60, false);
      const Capture whole = join(maker(joins[j]), arrivals, 1024);
      failures += whole.failures.size();
      for (const size_t most : {1, 2, 7}) CHECK(join(maker(joins[j]), arrivals, most) == whole);
      for (size_t cut = 1; cut < arrivals.size(); cut += 13)
        CHECK(join(maker(joins[j]), arrivals, 5, cut) == whole);
    }
    CHECK(failures > 0);
  }
}

TEST_CASE("join: the order of arrival within the lateness changes nothing") {
  for (size_t j = 0; j < kJoins.size(); ++j) {
    CAPTURE(j);
    for (unsigned seed = 10; seed < 16; ++seed) {
      CAPTURE(seed);
      std::vector<Arrival> arrivals = random_arrivals(seed, 25, 25, true);
      const Capture first = join(maker(kJoins[j]), arrivals, 7, SIZE_MAX, false);
      CHECK(first.lates.empty());
      std::stable_sort(arrivals.begin(), arrivals.end(),
                       [](const Arrival& a, const Arrival& b) { return a.time < b.time; });
      add_marks(arrivals, 0);
      CHECK(join(maker(kJoins[j]), arrivals, 7, SIZE_MAX, false).rows == first.rows);
    }
  }
}

TEST_CASE("join: state that is damaged or of another join is refused") {
  const std::vector<Arrival> arrivals = random_arrivals(1, 10, 10, false);
  for (const size_t j : {1, 3, 5, 7}) {
    CAPTURE(j);
    auto op = build_step("join", "other", kJoins[j]).op;
    Capture out;
    for (size_t i = 0; i < 80; ++i) take(*op, batch_of(arrivals, i, i + 1), out);
    unsigned partition = 0;
    std::string state;
    for (; partition < kPartitions && state.size() < 100; ++partition) state = saved(*op, partition);
    REQUIRE(state.size() >= 100);
    --partition;
    auto fresh = build_step("join", "other", kJoins[j]).op;
    CHECK(fresh->load(partition, state).has_value());
    for (size_t size = 1; size < state.size(); size += 3)
      CHECK_FALSE(fresh->load(partition, std::string_view(state).substr(0, size)).has_value());
    CHECK_FALSE(fresh->load(partition, state + "x").has_value());
    for (const size_t other : {1, 3, 5, 7}) {
      if (other == j) continue;
      CHECK_FALSE(build_step("join", "other", kJoins[other]).op->load(partition, state).has_value());
    }
    CHECK(fresh->load(partition, {}).has_value());
    CHECK(fresh->load(partition, state).has_value());
  }
}

TEST_CASE("join: a right record passes on what no step looked at, and clashes get their suffix by record") {
  std::vector<Arrival> arrivals(4);
  arrivals[0] = {0, 10, R"({"k":1, "a": 1.50})"};
  arrivals[1] = {0, 10, R"({"k":1})"};
  arrivals[2] = {1, 10, R"({"b" : {"c":[ 1 ]}, "k":1.0, "a":"\u00e9", "a_right": 2e3})"};
  arrivals[3] = {1, 11, R"({"k": 1, "a":0})"};
  add_marks(arrivals, 0);
  const Options options = {{"on", "k"}, {"within", "0s"}};
  const Capture got = join(maker(options), arrivals, 7, SIZE_MAX, false);
  CHECK(got.rows == std::vector<std::string>{
                        R"({"k":1, "a": 1.50,"b":{"c":[ 1 ]},"a_right":"\u00e9","a_right_right":2e3})",
                        R"({"k":1,"b":{"c":[ 1 ]},"a":"\u00e9","a_right":2e3})"});
}

}  // namespace
}  // namespace streamflow::test
