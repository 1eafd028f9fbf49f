#include "connectors/generate/source.h"

#include <doctest/doctest.h>

#include <set>

#include "connectors/log/log.h"
#include "core/decode/json.h"
#include "core/log.h"
#include "core/sim_loop.h"
#include "tests/support/fake_host.h"

using namespace streamflow;
using namespace streamflow::test;
using generate::SensorOptions;
using generate::SensorSource;

namespace {

std::string reading(const SensorOptions& options, uint64_t number) {
  std::string out;
  generate::append_reading(options, number, out);
  return out;
}

std::string_view member(const std::string& record, std::string_view name) {
  JsonMembers members(record);
  while (members.next()) {
    if (members.key == name) return members.value;
  }
  return {};
}

double number(const std::string& record, std::string_view name) {
  return std::stod(std::string(member(record, name)));
}

}  // namespace

TEST_CASE("generate: a reading depends on the seed and its number only") {
  const SensorOptions options;
  for (const uint64_t n : {0, 7, 123'456}) CHECK(reading(options, n) == reading(options, n));
  CHECK(reading(options, 3) != reading({.seed = 2}, 3));
  CHECK(member(reading(options, 9), "seq") == "9");
}

TEST_CASE("generate: devices report in turn, within the bounds of what they measure") {
  const SensorOptions options;
  std::set<std::string> devices;
  double hottest = -100, coldest = 100, strongest = 0;
  for (uint64_t n = 0; n < 60'000; ++n) {
    const std::string text = reading(options, n);
    const Value value = parse_json(text);
    REQUIRE(value.is(Kind::kMap));
    REQUIRE(value.entries().size() == 7);
    devices.emplace(member(text, "device"));
    hottest = std::max(hottest, number(text, "temperature"));
    coldest = std::min(coldest, number(text, "temperature"));
    strongest = std::max(strongest, number(text, "vibration"));
    const double humidity = number(text, "humidity");
    const double battery = number(text, "battery");
    REQUIRE((humidity >= 0 && humidity <= 100 && battery > 0 && battery <= 100));
  }
  CHECK(devices.size() == 8);
  CHECK(*devices.begin() == "\"dev-01\"");
  CHECK(coldest > 5);
  CHECK(hottest > 25);
  CHECK(hottest < 50);
  CHECK(strongest > 4);  // a spike
}

TEST_CASE("generate: so many a second, at once when it starts") {
  SimLoop loop(kMicrosPerSecond);
  FakeSourceHost host;
  SensorSource source({.rate = 250}, {});
  source.start(loop, host);
  CHECK(host.last_state() == ConnectorState::kUp);
  loop.run_turn();
  CHECK(host.messages.size() == 1);
  loop.run_until(loop.now() + 4 * kMicrosPerSecond);
  CHECK(host.messages.size() >= 999);
  CHECK(host.messages.size() <= 1001);
  CHECK(host.messages[500] == reading({.rate = 250}, 500));
  CHECK(source.position() == std::to_string(host.messages.size()));
  source.stop();
  CHECK(loop.idle());
}

TEST_CASE("generate: slow rates keep their fractions") {
  SimLoop loop;
  FakeSourceHost host;
  SensorSource source({.rate = 0.5}, {});
  source.start(loop, host);
  loop.run_until(21 * kMicrosPerSecond);
  CHECK(host.messages.size() == 11);
  source.stop();
}

TEST_CASE("generate: ends after `count` messages") {
  SimLoop loop;
  FakeSourceHost host;
  SensorSource source({.rate = 100'000}, 12'345);
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  CHECK(host.messages.size() == 12'345);
  CHECK(host.ends == 1);
  CHECK(loop.idle());
}

TEST_CASE("generate: what a pause or a late loop missed is not made up for") {
  SimLoop loop;
  FakeSourceHost host;
  SensorSource source({.rate = 100}, {});
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  source.pause();
  const size_t before = host.messages.size();
  loop.run_until(100 * kMicrosPerSecond);
  CHECK(host.messages.size() == before);
  source.resume();
  loop.run_until(101 * kMicrosPerSecond);
  CHECK(host.messages.size() <= before + 101);
  CHECK(host.messages.size() >= before + 99);
  loop.set_now(loop.now() + 3600 * kMicrosPerSecond);  // the clock was set
  loop.run_until(loop.now() + kMicrosPerSecond);
  CHECK(host.messages.size() <= before + 303);
  source.stop();
}

TEST_CASE("log sink: so many records a second, the rest counted in one line") {
  std::vector<std::string> logged;
  set_log_sink([&](LogLevel level, std::string_view text) {
    CHECK(level == LogLevel::kInfo);
    logged.emplace_back(text);
  });
  auto n = std::make_shared<Column>(5);
  for (size_t i = 0; i < 5; ++i) n->set_int(i, static_cast<int64_t>(i));
  Batch batch;
  batch.rows = 5;
  batch.set("n", n);
  SimLoop loop;
  FakeSinkHost host;
  LogSink sink("p: main.1", 3);
  sink.start(loop, host);
  sink.write(batch);
  sink.write(batch);
  CHECK(logged == std::vector<std::string>{"p: main.1: {\"n\":0}", "p: main.1: {\"n\":1}",
                                           "p: main.1: {\"n\":2}"});
  loop.run_until(kMicrosPerSecond);
  CHECK(logged.back() == "p: main.1: 7 records more in this second");
  sink.write(batch);
  CHECK(logged.size() == 7);
  CHECK(host.written_rows == 15);
  sink.stop();
  CHECK(logged.size() == 8);
  CHECK(loop.idle());

  logged.clear();
  auto text = std::make_shared<Column>(1);
  std::string long_text;
  while (long_text.size() < 3000) long_text += "é";
  text->set_string(0, long_text);
  Batch wide;
  wide.rows = 1;
  wide.set("t", text);
  LogSink other("x", 3);
  other.start(loop, host);
  other.write(wide);
  CHECK(logged[0].size() <= LogSink::kRecordBytesMax + 8);
  CHECK(logged[0].substr(logged[0].size() - 5) == "é…");
  other.stop();
  set_log_sink([](LogLevel, std::string_view) {});
}
