#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_hosts.h"
#include "tests/support/poll_loop.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

// Rows {device, n} with n from begin to end - 1.
Batch rows(int begin, int end, const std::string& device = "d1") {
  Batch batch;
  batch.rows = static_cast<size_t>(end - begin);
  auto devices = std::make_shared<Column>(batch.rows);
  auto values = std::make_shared<Column>(batch.rows);
  for (size_t row = 0; row < batch.rows; ++row) {
    devices->set_string(row, device);
    values->set_int(row, begin + static_cast<int>(row));
  }
  batch.set("device", devices);
  batch.set("n", values);
  return batch;
}

// Where texts are not the numbers from 0 on, in words; empty: nowhere.
std::string out_of_order(const std::vector<std::string>& texts, size_t begin = 0) {
  for (size_t i = begin; i < texts.size(); ++i) {
    const int before = i == begin ? -1 : std::stoi(texts[i - 1]);
    if (std::stoi(texts[i]) != before + 1 && (i > begin || begin == 0)) {
      return "at " + std::to_string(i) + ": " + texts[i] + " after " + std::to_string(before);
    }
  }
  return {};
}

// No session of an earlier bench.
std::string fresh_id() {
  static int count = 0;
  return "subscriber" + std::to_string(++count);
}

// A subscriber beside the sink, on the same loop.
struct Bench {
  explicit Bench(Mosquitto& broker_, const std::string& topics = "#")
      : broker(broker_),
        source(make_source(broker.address(topics), {{"client_id", scalar(fresh_id())}})) {
    source->start(loop, heard);
    REQUIRE(loop.run_until([this] { return heard.states.up(); }));
  }
  ~Bench() {
    if (sink) sink->stop();
    source->stop();
  }
  void start(const std::string& topic, const Options& options = {}) {
    sink = make_sink(broker.address(topic), options);
    REQUIRE(sink);
    sink->start(loop, host);
  }
  void write(const Batch& batch) {
    rows_in += batch.count();
    sink->write(batch);
    sink->flush();
    balanced();
  }
  // The ledger: every row is exactly one of these.
  void balanced() const {
    CHECK(rows_in == host.rows_written + host.rows_failed + host.rows_dropped + host.rows_queued);
  }
  bool hears(size_t count) {
    return loop.run_until([this, count] { return heard.received.size() >= count; });
  }
  bool settled() {
    return loop.run_until([this] { return host.rows_queued == 0; });
  }

  Mosquitto& broker;
  PollLoop loop;
  NotingSourceHost heard;
  NotingSinkHost host;
  std::unique_ptr<Source> source;
  std::unique_ptr<Sink> sink;
  uint64_t rows_in = 0;
};

}  // namespace

TEST_CASE("mqtt sink: records as JSON on topics with fields, at every QoS and version") {
  Mosquitto broker;
  for (const std::string version : {"3.1.1", "5"}) {
    for (const std::string qos : {"0", "1", "2"}) {
      CAPTURE(version);
      CAPTURE(qos);
      Bench bench(broker);
      bench.start("alerts/{device}/state", {{"version", scalar(version)}, {"qos", scalar(qos)}});
      bench.write(rows(0, 1200));
      REQUIRE(bench.settled());
      bench.balanced();
      CHECK(bench.host.rows_written == 1200);
      REQUIRE(bench.hears(1200));
      CHECK(bench.heard.received[0].topic == "alerts/d1/state");
      CHECK(bench.heard.received[0].payload == R"({"device":"d1","n":0})");
      CHECK(bench.heard.received[1199].payload == R"({"device":"d1","n":1199})");
    }
  }
}

TEST_CASE("mqtt sink: one field as the payload, and retained") {
  Mosquitto broker;
  {
    Bench bench(broker);
    bench.start("last/{device}", {{"value", scalar("n")}, {"retain", scalar("true")}});
    bench.write(rows(41, 43));
    REQUIRE(bench.settled());
  }
  PollLoop loop;
  NotingSourceHost late;
  auto source = make_source(broker.address("last/+"), {{"client_id", scalar("late")}});
  source->start(loop, late);
  REQUIRE(loop.run_until([&] { return !late.received.empty(); }));
  CHECK(late.received[0].payload == "42");
  CHECK(late.received[0].retain);
  source->stop();
}

TEST_CASE("mqtt sink: a field cannot leave its level of the topic") {
  Mosquitto broker;
  Bench bench(broker);
  bench.start("a/{device}/b");
  for (const std::string& bad : {std::string("x/y"), std::string("+"), std::string("#"),
                                 std::string("a\0b", 3), std::string(), std::string(70000, 'x')}) {
    bench.write(rows(0, 1, bad));
  }
  Batch missing = rows(0, 1);
  missing.drop("device");
  bench.write(missing);
  bench.write(rows(7, 8, "good"));
  REQUIRE(bench.settled());
  CHECK(bench.host.rows_failed == 7);
  CHECK(bench.host.rows_written == 1);
  CHECK(bench.host.reasons[0].find("holds '/'") != std::string::npos);
  CHECK(bench.host.reasons[4] == "field 'device' of the topic is empty");
  CHECK(bench.host.reasons[6] == "field 'device' of the topic has no value");
  REQUIRE(bench.hears(1));
  CHECK(bench.heard.received[0].topic == "a/good/b");
}

TEST_CASE("mqtt sink: a topic that starts with a field cannot reach the broker's own") {
  Mosquitto broker;
  Bench bench(broker);
  bench.start("{device}/x");
  bench.write(rows(0, 1, "$SYS"));
  CHECK(bench.host.rows_failed == 1);
}

TEST_CASE("mqtt sink: rows wait for the broker and arrive in order, through an outage") {
  Mosquitto broker;
  for (const std::string qos : {"0", "1", "2"}) {
    CAPTURE(qos);
    broker.start();
    // The broker may still be busy with the round before.
    Bench bench(broker, qos + "/#");
    bench.start(qos + "/{device}", {{"qos", scalar(qos)}, {"value", scalar("n")}});
    bench.write(rows(0, 100));
    REQUIRE(bench.settled());
    REQUIRE(bench.hears(100));
    broker.stop();
    REQUIRE(bench.loop.run_until([&] { return bench.host.states.is(ConnectorState::kDown); }));
    bench.write(rows(100, 600));
    bench.write(rows(600, 1500));
    CHECK(bench.host.rows_queued == 1400);
    CHECK(bench.host.bytes_queued > 1400);
    bench.loop.run_for(300 * kMicrosPerMilli);
    bench.balanced();
    broker.start();
    REQUIRE(bench.settled());
    bench.balanced();
    CHECK(bench.host.rows_written == 1500);
    if (qos != "0") {
      // The subscriber's session keeps what came before it was back.
      REQUIRE(bench.hears(1500));
      CHECK(out_of_order(bench.heard.payloads()) == "");
    }
  }
}

TEST_CASE("mqtt sink: killed in the middle, the broker gets every row at least once, in order") {
  Mosquitto broker("max_inflight_messages 0");
  Bench bench(broker, "k");
  bench.start("k", {{"value", scalar("n")}});
  REQUIRE(bench.loop.run_until([&] { return bench.host.states.up(); }));
  bench.write(rows(0, 20000));
  // In the middle: some are confirmed, some on their way, most are waiting.
  REQUIRE(bench.loop.run_until([&] { return bench.host.rows_written > 3000; }));
  REQUIRE(bench.host.rows_queued > 0);
  const uint64_t confirmed = bench.host.rows_written;
  broker.kill();
  REQUIRE(bench.loop.run_until([&] { return bench.host.states.is(ConnectorState::kDown); }));
  const size_t heard_before = bench.heard.received.size();
  broker.start();  // it has forgotten everything, our subscription too
  REQUIRE(bench.loop.run_until([&] { return bench.heard.states.up(); }));
  REQUIRE(bench.settled());
  bench.balanced();
  CHECK(bench.host.rows_written == 20000);
  CHECK(confirmed < 20000);
  bench.loop.run_for(300 * kMicrosPerMilli);
  // What came after the return is a run of consecutive rows to the end.
  const auto all = bench.heard.payloads();
  REQUIRE(all.size() > heard_before);
  CHECK(out_of_order(all, heard_before) == "");
  CHECK(all.back() == "19999");
}

TEST_CASE("mqtt sink: draining waits for the last confirmation; stopping counts the rest") {
  Mosquitto broker;
  Bench bench(broker);
  bench.start("d", {{"value", scalar("n")}});
  bench.write(rows(0, 2500));
  bool drained = false;
  bench.sink->drain([&] { drained = true; });
  CHECK_FALSE(drained);
  REQUIRE(bench.loop.run_until([&] { return drained; }));
  CHECK(bench.host.rows_written == 2500);

  broker.stop();
  REQUIRE(bench.loop.run_until([&] { return bench.host.states.is(ConnectorState::kDown); }));
  bench.write(rows(0, 10));
  bench.sink->stop();
  CHECK(bench.host.rows_dropped == 10);
  CHECK(bench.host.rows_queued == 0);
  bench.balanced();
}

TEST_CASE("mqtt sink: a refused message fails with the broker's reason (MQTT 5)") {
  TemporaryFolder folder;
  const std::string acl = folder.write("acl", "topic read #\ntopic write open/#\n");
  Mosquitto broker("acl_file " + acl);
  Bench bench(broker);
  bench.start("{device}/x", {{"version", scalar("5")}});
  bench.write(rows(0, 1, "secret"));
  bench.write(rows(1, 2, "open"));
  REQUIRE(bench.settled());
  CHECK(bench.host.rows_failed == 1);
  CHECK(bench.host.rows_written == 1);
  REQUIRE(bench.host.reasons.size() == 1);
  CHECK(bench.host.reasons[0] == "the broker refused it: not authorised");
}

TEST_CASE("mqtt sink: two daemons of one machine with the same pipeline leave each other alone") {
  Mosquitto broker;
  PollLoop loop;
  NotingSinkHost hosts[2];
  std::unique_ptr<Sink> sinks[2];
  for (int i = 0; i < 2; ++i) {
    sinks[i] = make_sink(broker.address("t"));
    sinks[i]->start(loop, hosts[i]);
  }
  REQUIRE(loop.run_until([&] { return hosts[0].states.up() && hosts[1].states.up(); }));
  loop.run_for(300 * kMicrosPerMilli);
  for (int i = 0; i < 2; ++i) {
    CHECK(hosts[i].states.all.size() == 2);
    sinks[i]->stop();
  }
}
