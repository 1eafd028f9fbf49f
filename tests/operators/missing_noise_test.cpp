// Steps for missing and noisy data and for fewer records: bounds, state, order of arrival.  What they
// compute is in tests/flows and, against pandas, in tests/oracle.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "operators/noise/smoother.h"
#include "operators/noise/value_window.h"
#include "operators/row/spread.h"
#include "tests/operators/capture.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

using Texts = std::vector<std::string>;

struct Step {
  std::string verb, argument;
  Options options;
};

// Every step that keeps something, with options that make it use all of its state.
const Step kSteps[] = {
    {"ffill", "[v, {u: s}]", {{"by", "k"}, {"within", "20s"}, {"limit", "3"}}},
    {"bfill", "[v, s]", {{"by", "k"}, {"within", "9s"}}},
    {"bfill", "v", {{"limit", "2"}, {"max_records", "5"}}},
    {"interpolate", "{u: v}", {{"by", "k"}, {"within", "15s"}}},
    {"interpolate", "v", {{"by", "k"}, {"limit", "2"}}},
    {"absent", "8s", {{"by", "k"}, {"expect", "[a, z]"}}},
    {"outliers", "v", {{"by", "k"}, {"n", "4"}, {"action", "flag"}}},
    {"outliers", "v", {{"by", "k"}, {"n", "4"}, {"method", "iqr"}, {"action", "clip"}}},
    {"smooth", "{u: v}", {{"by", "k"}, {"method", "savgol"}}},
    {"smooth", "v", {{"by", "k"}, {"method", "kalman"}}},
    {"smooth", "v", {{"by", "k"}, {"method", "median"}}},
    {"deadband", "[v, s]", {{"by", "k"}, {"width", "3"}, {"every", "20s"}}},
    {"dedupe", "[k, s]", {{"within", "7s"}}},
    {"dedupe", "[k, s]", {{"keep", "last"}, {"within", "7s"}}},
    {"dedupe", "[k, s]", {{"keep", "last"}, {"max_keys", "2"}}},
    {"dedupe", "[k, s]", {{"max_keys", "2"}}},
    {"throttle", "5s", {{"by", "k"}, {"keep", "last"}}},
    {"sample", "0.4", {}},
    {"limit", "20", {{"by", "k"}}},
    {"time", "at", {{"lateness", "3s"}}},
};

MakeOperator maker(const Step& step) {
  return [&step] {
    Built built = build_step(step.verb, step.argument, step.options);
    REQUIRE_MESSAGE(built.op != nullptr, step.verb << ": " << built.problems);
    return std::move(built.op);
  };
}

constexpr Micros kLateness = 3 * kMicrosPerSecond;

// Equal times, gaps and nulls; in order.
Stream ugly(unsigned seed, size_t count) {
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  Stream stream;
  stream.lateness = kLateness;
  stream.start = 1'000'000'000;
  Micros time = stream.start;
  for (size_t i = 0; i < count; ++i) {
    time += below(3) * (below(8) == 0 ? 7 : 1) * (kMicrosPerSecond / 2);
    std::string json = "{\"n\":" + std::to_string(i) + ",\"at\":" + std::to_string(time + below(5'000'000));
    json += std::string(",\"k\":\"") + static_cast<char>('a' + below(3)) + "\"";
    const unsigned kind = below(8);
    if (kind == 0) json += ",\"v\":null";
    if (kind > 2) json += ",\"v\":" + std::to_string(below(40)) + (below(2) ? ".50" : "");
    if (kind == 2) json += ",\"v\":\"x\"";
    if (below(2)) json += std::string(",\"s\":\"") + static_cast<char>('p' + below(2)) + "\"";
    stream.records.push_back({time, json + "}", time});
  }
  return stream;
}

// Another order of arrival, none beyond the lateness, equal times as they were.
Stream shuffled(Stream stream, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::pair<Micros, Record>> arrivals;
  for (Record& record : stream.records) {
    const Micros delay = static_cast<Micros>(random() % static_cast<unsigned>(kLateness));
    arrivals.emplace_back(record.time + delay, std::move(record));
  }
  // Of one time none overtakes another.
  for (size_t i = 1; i < arrivals.size(); ++i)
    if (arrivals[i].second.time == arrivals[i - 1].second.time)
      arrivals[i].first = std::max(arrivals[i].first, arrivals[i - 1].first);
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  stream.records.clear();
  for (auto& [at, record] : arrivals) stream.records.push_back(std::move(record));
  return stream;
}

Stream records(std::vector<std::string> json) {
  Stream stream;
  Micros time = 0;
  for (std::string& text : json)
    stream.records.push_back({time += kMicrosPerSecond, std::move(text), time});
  return stream;
}

Capture apply(const Step& step, const Stream& stream) { return run(maker(step), stream); }

}  // namespace

TEST_CASE("missing, noise, fewer: batches and cuts change nothing, times and watermarks included") {
  for (const Step& step : kSteps) {
    CAPTURE(step.verb);
    for (unsigned seed = 0; seed < 4; ++seed) {
      Stream stream = shuffled(ugly(seed, 150), seed + 100);
      const MakeOperator make = maker(step);
      const Capture whole = run(make, stream, {.with_times = true});
      CHECK((whole.rows.size() + whole.counts.filtered) > 5);
      CHECK(run(make, stream, {.batch = 1, .with_times = true}) == whole);
      CHECK(run(make, stream, {.batch = 7, .with_times = true}) == whole);
      for (const size_t cut : {1u, 40u, 77u, 149u})
        CHECK(run(make, stream, {.batch = 16, .cut = cut, .with_times = true}) == whole);
    }
  }
}

TEST_CASE("missing, noise, fewer: the order of arrival within the lateness changes nothing") {
  for (const Step& step : kSteps) {
    if (step.verb == "time") continue;  // sends records as they arrive
    CAPTURE(step.verb);
    for (unsigned seed = 0; seed < 6; ++seed) {
      const Stream stream = ugly(seed, 120);
      const Capture in_order = apply(step, stream);
      const Capture other = apply(step, shuffled(stream, seed));
      CHECK(other.rows == in_order.rows);
      CHECK(other.lates.empty());
    }
  }
}

TEST_CASE("missing, noise, fewer: with `order: arrival` nothing is late") {
  for (Step step : kSteps) {
    if (step.verb == "time") continue;
    CAPTURE(step.verb);
    step.options.emplace_back("order", "arrival");
    Stream stream = shuffled(ugly(5, 120), 5);
    stream.lateness = 0;
    const Capture out = run(maker(step), stream);
    CHECK(out.lates.empty());
    CHECK(out.counts.in == 120);
    CHECK(run(maker(step), stream, {.batch = 1, .cut = 60}).rows == out.rows);
  }
}

TEST_CASE("missing, noise, fewer: damaged state is refused, whatever is cut off or changed") {
  for (const Step& step : kSteps) {
    CAPTURE(step.verb);
    const MakeOperator make = maker(step);
    auto op = make();
    Capture out;
    const Stream stream = shuffled(ugly(3, 60), 3);
    take(*op, make_batch(stream, 0, 60), out);
    for (unsigned partition = 0; partition < kPartitions; ++partition) {
      std::string bytes = saved(*op, partition);
      if (bytes.empty()) continue;
      for (size_t size = 1; size < bytes.size(); size += 1 + size / 16) {
        if (make()->load(partition, std::string_view(bytes).substr(0, size))) {
          // A shorter state that is whole: the step above it has none.
          CHECK_MESSAGE(size < 40, "cut at " << size << " of " << bytes.size());
        }
      }
      std::mt19937 random(partition);
      for (int i = 0; i < 40; ++i) {
        std::string other = bytes;
        other[random() % other.size()] = static_cast<char>(random());
        (void)make()->load(partition, other);  // refused or not, but no crash
      }
    }
  }
}

TEST_CASE("missing, noise, fewer: records of more than max_keys keys fail, the others go on") {
  for (const Step& step : {Step{"ffill", "v", {}}, Step{"smooth", "v", {}}, Step{"limit", "9", {}},
                           Step{"bfill", "v", {}}, Step{"deadband", "v", {{"width", "0"}}}}) {
    CAPTURE(step.verb);
    Step keyed = step;
    keyed.options.insert(keyed.options.end(), {{"by", "k"}, {"max_keys", "2"}});
    const Capture out = apply(keyed, records({R"({"k":1,"v":1})", R"({"k":2,"v":2})", R"({"k":3,"v":3})", R"({"k":1.0,"v":4})"}));
    CHECK(out.rows.size() == 3);
    CHECK(out.failures == Texts{step.verb + R"(: more than max_keys keys: {"k":3,"v":3})"});
  }
}

TEST_CASE("dedupe: beyond max_keys the oldest is forgotten, and that is counted") {
  const Capture out = apply({"dedupe", "k", {{"max_keys", "2"}}},
                            records({R"({"k":1})", R"({"k":2})", R"({"k":3})", R"({"k":2})", R"({"k":1})"}));
  CHECK(out.rows == Texts{R"({"k":1})", R"({"k":2})", R"({"k":3})", R"({"k":1})"});
  CHECK(out.cell_errors.size() == 2);
}

TEST_CASE("dedupe: a hundred thousand keys come and go with bounded state") {
  const Step step{"dedupe", "k", {{"within", "1s"}}};
  auto op = maker(step)();
  Capture out;
  Stream stream;
  for (int i = 0; i < 100'000; ++i)
    stream.records.push_back({i * 1000, "{\"k\":" + std::to_string(i % 50'000) + "}", 0});
  for (size_t begin = 0; begin < stream.records.size(); begin += 1000) {
    Stream part;
    part.records.assign(stream.records.begin() + static_cast<std::ptrdiff_t>(begin),
                        stream.records.begin() + static_cast<std::ptrdiff_t>(begin + 1000));
    take(*op, make_batch(part, 0, 1000), out);
  }
  CHECK(out.counts.passed == 100'000);  // 50 s apart
  size_t bytes = 0;
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string state = saved(*op, partition);
    bytes += state.size();
  }
  CHECK(bytes < 1100 * 64);
}

TEST_CASE("bfill: beyond max_records the oldest goes on as it is, and that is counted") {
  const Capture out = apply({"bfill", "v", {{"max_records", "2"}}},
                            records({R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"v":7})"}));
  CHECK(out.rows == Texts{R"({"n":1})", R"({"n":2,"v":7})", R"({"n":3,"v":7})", R"({"v":7})"});
  CHECK(out.cell_errors.size() == 1);
}

TEST_CASE("ffill: what is not filled is written as it came, also beside what is") {
  const Capture out = apply({"ffill", "v", {}}, records({R"({"v": 1.50, "s":"x\u0041"})", R"({"v":null})", R"({"v":"\u0042"})", R"({})"}));
  CHECK(out.rows == Texts{R"({"v":1.50,"s":"x\u0041"})", R"({"v":1.5})", R"({"v":"\u0042"})", R"({"v":"B"})"});
}

TEST_CASE("smooth, outliers: what is no number is counted") {
  for (const Step& step : {Step{"smooth", "v", {}}, Step{"outliers", "v", {{"action", "median"}}}}) {
    const Capture out = apply(step, records({R"({"v":"x"})", R"({"v":[1]})", R"({"v":2})"}));
    CHECK(out.rows.size() == 3);
    CHECK(out.cell_errors.size() == 2);
    CHECK(out.failures.empty());
  }
}

TEST_CASE("value window: quantiles and the deviation are those of sorting afresh") {
  std::mt19937 random(1);
  for (const size_t most : {1u, 2u, 3u, 8u, 11u}) {
    ValueWindow window;
    std::vector<double> all;
    for (int i = 0; i < 300; ++i) {
      const double x = random() % 4 == 0 ? 5 : static_cast<double>(random() % 1000) / 8;
      window.add(x, most);
      all.push_back(x);
      if (all.size() > most) all.erase(all.begin());
      std::vector<double> sorted = all;
      std::sort(sorted.begin(), sorted.end());
      const auto median = [](const std::vector<double>& values) {
        const size_t half = values.size() / 2;
        return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
      };
      CHECK(window.median() == median(sorted));
      CHECK(window.newest(0) == x);
      CHECK(window.newest(all.size() - 1) == all.front());
      std::vector<double> distances;
      for (const double value : sorted) distances.push_back(std::abs(value - window.median()));
      std::sort(distances.begin(), distances.end());
      CHECK(window.deviation(window.median()) == median(distances));
    }
  }
}

TEST_CASE("smooth: Savitzky-Golay weights keep polynomials of their degree and add up to one") {
  for (size_t m = 1; m <= 60; ++m) {
    for (size_t degree = 0; degree <= 5; ++degree) {
      const std::vector<double> weights = savgol_weights(m, degree);
      for (size_t power = 0; power <= std::min(degree, m - 1); ++power) {
        double fitted = 0;
        for (size_t i = 0; i < m; ++i)
          fitted += weights[i] * std::pow(static_cast<double>(m - i), static_cast<double>(power));
        const double expected = std::pow(static_cast<double>(m), static_cast<double>(power));
        CHECK(fitted == doctest::Approx(expected).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("explode: more elements than a batch holds") {
  std::string list = "[0";
  for (int i = 1; i < 3000; ++i) list += "," + std::to_string(i);
  const Capture out = apply({"explode", "r", {}}, records({"{\"r\":" + list + "]}", R"({"r":[]})"}));
  CHECK(out.rows.size() == 3000);
  CHECK(out.rows[2999] == R"({"r":2999})");
  CHECK(out.most_rows == kBatchRowsMax);
  CHECK(out.counts.absorbed == 2);
  CHECK(out.counts.created == 3000);
}

TEST_CASE("explode: elements with quotes, brackets and blanks in them") {
  const Capture out = apply({"explode", "r", {}}, records({R"({"r":[ "a,]\"b" , {"x":"}]"} ,[1, [2]], -1.5e3 , true ]})"}));
  CHECK(out.rows == Texts{R"({"r":"a,]\"b"})", R"({"r":{"x":"}]"}})", R"({"r":[1, [2]]})", R"({"r":-1.5e3})", R"({"r":true})"});
}

TEST_CASE("explode and parse: a record's fields stand in its own order, whatever its neighbours are") {
  const Stream stream = records({R"({"r":{"b":1}})", R"({"r":{"a":2,"b":3}})", R"({"r":{"b":4,"a":5}})"});
  const Step step{"explode", "r", {{"into", "fields"}}};
  const Texts expected = {R"({"b":1})", R"({"a":2,"b":3})", R"({"b":4,"a":5})"};
  CHECK(apply(step, stream).rows == expected);
  CHECK(run(maker(step), stream, {.batch = 1}).rows == expected);
}

TEST_CASE("absent: an expected key that never came is said once, from the start of the stream") {
  Stream stream = records({R"({"k":"b"})", R"({"k":"b"})"});
  stream.start = 0;
  const Step step{"absent", "5s", {{"by", "k"}, {"expect", "[a]"}}};
  auto op = maker(step)();
  Capture out(true);
  take(*op, make_batch(stream, 0, 2), out);
  CHECK(out.rows.empty());
  advance(*op, 5 * kMicrosPerSecond, out);
  CHECK(out.rows.empty());
  advance(*op, 6 * kMicrosPerSecond, out);
  CHECK(out.rows == Texts{R"(5000000 5000000 {"k":"a","status":"silent","last_seen":null})"});
  op = moved(*op, maker(step));
  advance(*op, 60 * kMicrosPerSecond, out);
  CHECK(out.rows.size() == 2);
  CHECK(op->next_deadline() == kTimeMax);
}

TEST_CASE("absent: expected keys are watched by the clock before the first record") {
  const Step step{"absent", "5s", {{"by", "k"}, {"expect", "[a]"}}};
  auto op = maker(step)();
  Capture out;
  const Micros now = 1'700'000'000'000'000;
  CHECK(op->next_deadline() <= now);
  advance(*op, now, out);
  CHECK(op->next_deadline() == now + 5 * kMicrosPerSecond + 1);
  advance(*op, now + 5 * kMicrosPerSecond + 1, out);
  CHECK(out.rows.size() == 1);
}
