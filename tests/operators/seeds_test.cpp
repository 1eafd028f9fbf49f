// Steps with random options over random streams, each made from its seed: neither batches, nor
// saving and loading between any two records, nor the order of arrival within the lateness change a
// byte of what they send; and windows of many panes are those of their records alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/operators/capture.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

constexpr Micros kSecond = kMicrosPerSecond;
constexpr unsigned kSeeds = 2'000;  // STREAMFLOW_SEEDS in the environment: another number

unsigned seeds() {
  const char* text = std::getenv("STREAMFLOW_SEEDS");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : kSeeds;
}

using Random = std::mt19937;

size_t below(Random& random, size_t most) { return random() % most; }

template <class... Texts>
std::string one_of(Random& random, Texts... texts) {
  const std::vector<std::string> list = {texts...};
  return list[below(random, list.size())];
}

struct Step {
  std::string verb, argument;
  Options options;
};

std::string seconds(size_t n) { return std::to_string(n) + "s"; }

void add_aggregates(Random& random, Options& options) {
  options.push_back(
      {"select", "{n: count(), m: mean(v), d: std(v), low: min(v), q: median(v), l: last(v), c: " +
                     one_of(random, "count_distinct(v)", "sum(w)", "argmax(v, w)", "slope(v)",
                            "count().where(v > 40)", "approx_quantile(v, 0.5)", "var(w) + max(w)") +
                     "}"});
}

Step window(Random& random) {
  Step step{"window", "", {}};
  switch (below(random, 7)) {
    case 0:
      step.argument = seconds(1 + below(random, 40));
      break;
    case 1:
      step.argument = seconds(10 * (1 + below(random, 9)));
      step.options.push_back({"every", seconds(1 + below(random, 9))});
      break;
    case 2:  // many panes: sums of them, and no aggregate that keeps values
      step.argument = seconds(64 + below(random, 400));
      step.options = {{"every", one_of(random, "1s", "2s", "500ms")},
                      {"by", "k"},
                      {"select", "{n: count(), m: mean(v), d: std(v), low: min(v), l: last(v)}"}};
      if (below(random, 3) == 0) step.options.push_back({"empty", "zero"});
      return step;
    case 3:
      step.argument = "{session: " + seconds(1 + below(random, 9)) + "}";
      break;
    case 4:
      step.argument = "{count: " + std::to_string(1 + below(random, 9)) + "}";
      if (below(random, 2) == 0)
        step.options.push_back({"every", std::to_string(1 + below(random, 9))});
      break;
    case 5:
      step.argument = one_of(random, "{when: w > 30}", "{when: w > 70, until: w < 30}");
      break;
    default:
      step.argument = one_of(random, "1d", "1h", "1mo");
      step.options.push_back({"timezone", one_of(random, "Europe/Paris", "America/New_York")});
  }
  const bool of_time = step.argument[0] != '{';
  if (below(random, 3) != 0) step.options.push_back({"by", "k"});
  if (of_time) {
    step.options.push_back({"empty", one_of(random, "skip", "skip", "zero", "null", "previous")});
    if (step.options[0].first != "timezone" && below(random, 4) == 0)
      step.options.push_back({"early", "{every: 7s, emit: true}"});
  }
  add_aggregates(random, step.options);
  return step;
}

Step other(Random& random) {
  Step step;
  const std::string n = std::to_string(1 + below(random, 9));
  switch (below(random, 12)) {
    case 0:
    case 1:
      step = {"rolling", one_of(random, n, seconds(1 + below(random, 60))), {}};
      step.options.push_back(
          {"derive", "{m: mean(v), q: median(v), low: min(v), d: std(v), n: count(), c: " +
                         one_of(random, "count_distinct(v)", "sum(w)", "last(v)", "argmin(v, w)") +
                         "}"});
      break;
    case 2:
      step = {"aggregate", "{m: mean(v), q: max(v), n: count(v), d: std(w)}", {}};
      break;
    case 3:
      step = {"derive", "{a: lag(v), b: diff(w), c: cumsum(w), d: changed(k), e: lag(w) + w}", {}};
      break;
    case 4:
      step = {one_of(random, "ffill", "bfill", "interpolate"), "[v]", {{"within", seconds(40)}}};
      break;
    case 5:
      step = {"outliers",
              "w",
              {{"method", one_of(random, "hampel", "zscore", "iqr", "mad")},
               {"action", one_of(random, "drop", "clip", "median", "flag")},
               {"n", "5"}}};
      break;
    case 6:
      step = {
          "smooth", "w", {{"method", one_of(random, "ewm", "mean", "median", "savgol", "kalman")}}};
      break;
    case 7:
      step = {"smooth", "w", {{"half_life", seconds(1 + below(random, 20))}}};
      break;
    case 8:
      step = {
          "top", n, {{"of", "[-w]"}, {"within", seconds(1 + below(random, 60))}, {"rank", "r"}}};
      break;
    case 9:
      step = {"alert", "w > 50", {{"for", seconds(below(random, 9))}, {"clear", "w < 30"}}};
      break;
    case 10:
      step = {
          "dedupe",
          "k",
          {{"within", seconds(1 + below(random, 30))}, {"keep", one_of(random, "first", "last")}}};
      return step;
    default:
      step = {"resample", seconds(1 + below(random, 20)), {{"fields", "[v, w]"}}};
  }
  if (below(random, 3) != 0) step.options.push_back({"by", "k"});
  return step;
}

std::string written(const Step& step) {
  std::string text = step.verb + ": " + step.argument;
  for (const auto& [name, value] : step.options) text += ", " + name + ": " + value;
  return text;
}

// In the order of time, each time once: of equal ones the order of arrival counts.
Stream stream_of(Random& random, size_t count) {
  Stream stream;
  Micros now = 1'711'842'000 * kSecond;  // an hour before the clocks change in Europe
  const size_t keys = 1 + below(random, 6);
  const Micros stride = random() % 2 == 0 ? 2'000'000 : 40'000'000;
  for (size_t i = 0; i < count; ++i) {
    now += 1 + static_cast<Micros>(random() % static_cast<uint64_t>(stride));
    if (random() % 30 == 0) now += 200 * kSecond;
    std::string json = "{";
    if (random() % 12 != 0) json += R"("k":"key )" + std::to_string(below(random, keys)) + R"(",)";
    json += R"("w":)" + std::to_string(below(random, 100));
    const auto number =
        std::to_string(below(random, 1000) / 10) + "." + std::to_string(random() % 10);
    if (random() % 8 != 0) json += R"(,"v":)" + (random() % 9 == 0 ? "null" : number);
    stream.records.push_back({now, json + "}"});
  }
  return stream;
}

// Records come later by less than the lateness.
Stream mixed(Random& random, Stream stream) {
  std::vector<std::pair<Micros, Record>> by_arrival;
  for (Record& record : stream.records) {
    const auto delay = random() % static_cast<uint64_t>(stream.lateness);
    by_arrival.emplace_back(record.time + static_cast<Micros>(delay), std::move(record));
  }
  std::stable_sort(by_arrival.begin(), by_arrival.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < by_arrival.size(); ++i) stream.records[i] = by_arrival[i].second;
  return stream;
}

MakeOperator maker(const Step& step) {
  return [step] {
    Built built = build_step(step.verb, step.argument, step.options);
    REQUIRE_MESSAGE(built.op != nullptr, written(step) << "\n" << built.problems);
    return std::move(built.op);
  };
}

bool early(const Step& step) {
  return std::any_of(step.options.begin(), step.options.end(),
                     [](const auto& option) { return option.first == "early"; });
}

std::string difference(const Capture& a, const Capture& b) {
  for (const auto list :
       {&Capture::rows, &Capture::lates, &Capture::failures, &Capture::cell_errors}) {
    const std::vector<std::string>&x = a.*list, &y = b.*list;
    for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
      const std::string left = i < x.size() ? x[i] : "nothing",
                        right = i < y.size() ? y[i] : "nothing";
      if (left != right) return left + "\ninstead of\n" + right;
    }
  }
  return "";
}

// What a step sends; of errors their number, since their text says whether a batch's neighbours had
// the field.
bool same(const Capture& a, const Capture& b) {
  return a.rows == b.rows && a.lates == b.lates && a.failures == b.failures &&
         a.cell_errors.size() == b.cell_errors.size();
}

void check_seed(unsigned seed) {
  Random random(seed);
  const Step step = seed % 2 == 0 ? window(random) : other(random);
  INFO("seed " << seed << ": " << written(step));
  const MakeOperator make = maker(step);
  Stream stream = stream_of(random, 20 + below(random, 80));
  const size_t count = stream.records.size();
  stream.lateness = 1 + static_cast<Micros>(below(random, 30)) * kSecond;
  // Late records too: what comes up to three times the lateness late.
  Stream wild = stream;
  wild.lateness *= 3;
  wild = mixed(random, std::move(wild));
  wild.lateness = stream.lateness;
  const Capture whole = run(make, wild, {.with_times = true});
  for (const size_t batch : {size_t{1}, 2 + below(random, 20)}) {
    const Capture parts = run(make, wild, {.batch = batch, .with_times = true});
    CHECK_MESSAGE(same(parts, whole), "batches of " << batch << ": " << difference(parts, whole));
  }
  const size_t cut = below(random, count);
  const Capture moved =
      run(make, wild, {.batch = 1 + below(random, 9), .cut = cut, .with_times = true});
  CHECK_MESSAGE(same(moved, whole), "cut at " << cut << ": " << difference(moved, whole));
  if (early(step)) return;  // they speak as time passes, so as records come
  const Capture sorted = run(make, stream);
  const Capture shuffled = run(make, mixed(random, stream));
  CHECK(sorted.lates.empty());
  CHECK(shuffled.lates.empty());
  CHECK(shuffled.rows == sorted.rows);
}

bool alike(const Value& a, const Value& b) {
  if (!is_number(a.kind()) || !is_number(b.kind())) return a.kind() == b.kind();
  const double x = a.to_double(), y = b.to_double();
  return std::abs(x - y) <= 1e-9 * std::max({std::abs(x), std::abs(y), 1.0});
}

// Each result of a hopping window is what one window of all time gives of its records.
void check_panes(unsigned seed) {
  Random random(seed);
  const Micros every = static_cast<Micros>(1 + below(random, 3)) * kSecond;
  const Micros size = every * static_cast<Micros>(2 + below(random, 400));
  const Options select = {
      {"select",
       "{n: count(), s: sum(v), m: mean(v), d: std(v), low: min(v), high: max(v), f: first(v), "
       "l: last(v), r: slope(v), c: corr(v, w), x: argmax(v, w), a: any(w > 90), t: "
       "count().where(w "
       "> 50)}"}};
  Options options = select;
  options.push_back({"every", format_duration(every)});
  INFO("seed " << seed << ": " << format_duration(size) << " every " << format_duration(every));
  const Stream stream = stream_of(random, 80);
  const Capture out =
      run([&] { return build_step("window", format_duration(size), options).op; }, stream);
  const size_t step = std::max<size_t>(1, out.rows.size() / 40);
  for (size_t i = below(random, step); i < out.rows.size(); i += step) {
    const Value result = parse_json(out.rows[i]);
    const Micros start = *parse_rfc3339(member(result, "window_start").text());
    Stream inside = stream;
    std::erase_if(inside.records, [&](const Record& record) {
      return record.time < start || record.time >= start + size;
    });
    const Capture direct = run([&] { return build_step("window", "all", select).op; }, inside);
    REQUIRE(direct.rows.size() == 1);
    const Value expected = parse_json(direct.rows[0]);
    for (const char* name : {"n", "s", "m", "d", "low", "high", "f", "l", "r", "x", "a", "t"}) {
      CHECK_MESSAGE(alike(member(result, name), member(expected, name)), name << ": " << out.rows[i]
                                                                              << "\n"
                                                                              << direct.rows[0]);
    }
  }
}

}  // namespace

TEST_CASE(
    "seeds: batches, cuts and the order of arrival change no byte, for random steps and streams") {
  const char* one = std::getenv("SEED");  // to look at one
  if (one != nullptr) return check_seed(static_cast<unsigned>(std::strtoul(one, nullptr, 10)));
  for (unsigned seed = 0; seed < seeds(); ++seed) check_seed(seed);
  MESSAGE(seeds() << " random steps and streams");
}

TEST_CASE("seeds: windows of up to 400 panes are those of their records alone") {
  const unsigned count = seeds() / 30;
  for (unsigned seed = 0; seed < count; ++seed) check_panes(seed);
  MESSAGE(count << " random streams");
}
