#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_hosts.h"
#include "tests/support/poll_loop.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

// A source that runs, stopped and then ended in that order.
struct Running {
  Running(PollLoop& loop_, const std::string& address, const Options& options = {},
          const std::string& state_dir = "")
      : loop(loop_), source(make_source(address, options, state_dir)) {
    REQUIRE(source);
    source->start(loop, host);
  }
  ~Running() {
    if (source) source->stop();
  }
  bool up() {
    return loop.run_until([this] { return host.states.up(); });
  }
  bool receives(size_t count) {
    return loop.run_until([this, count] { return host.received.size() >= count; });
  }

  PollLoop& loop;
  NotingSourceHost host;
  std::unique_ptr<Source> source;
};

size_t count_of(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++count;
  return count;
}

}  // namespace

TEST_CASE("mqtt source: receives at QoS 0, 1 and 2, in MQTT 3.1.1 and 5") {
  Mosquitto broker;
  PollLoop loop;
  for (const std::string version : {"3.1.1", "5", "auto"}) {
    for (const std::string qos : {"0", "1", "2"}) {
      CAPTURE(version);
      CAPTURE(qos);
      Running run(loop, broker.address("a/#"),
                  {{"qos", scalar(qos)}, {"version", scalar(version)}, {"clean", scalar("true")}});
      REQUIRE(run.up());
      REQUIRE(broker.publish("a/b", lines(numbers(0, 200)), std::stoi(qos)));
      REQUIRE(run.receives(200));
      CHECK(run.host.payloads() == numbers(0, 200));
      CHECK(run.host.received.front().topic == "a/b");
      CHECK(run.host.received.front().qos == std::stoi(qos));
      CHECK_FALSE(run.host.received.front().retain);
      CHECK(run.host.complaints.empty());
      CHECK(run.host.states.all.size() == 2);
    }
  }
}

TEST_CASE("mqtt source: captures become fields, in the order of the first topic") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address(),
              {{"topics", list({"site/{device}/{what}", "old/{what}/{device}"})}});
  REQUIRE(run.up());
  REQUIRE(broker.publish("site/d1/temperature", "21\n"));
  REQUIRE(broker.publish("old/humidity/d2", "60\n"));
  REQUIRE(broker.publish("else/x/y", "0\n"));
  REQUIRE(run.receives(2));
  CHECK(run.host.received[0].captures == std::vector<std::string>{"d1", "temperature"});
  CHECK(run.host.received[1].captures == std::vector<std::string>{"d2", "humidity"});
}

TEST_CASE("mqtt source: empty and large payloads, and one beyond max_message") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"max_message", scalar("1MiB")}});
  REQUIRE(run.up());
  REQUIRE(broker.publish("t", "\n"));
  REQUIRE(broker.publish("t", std::string(1000000, 'x') + "\n"));
  REQUIRE(broker.publish("t", std::string(1100000, 'y') + "\n"));
  REQUIRE(broker.publish("t", "last\n"));
  REQUIRE(run.receives(3));
  CHECK(run.host.received[0].payload.empty());
  CHECK(run.host.received[1].payload.size() == 1000000);
  CHECK(run.host.received[2].payload == "last");
  REQUIRE(run.host.rejections.size() == 1);
  CHECK(run.host.rejections[0].find("1100000 bytes is more") != std::string::npos);
}

TEST_CASE("mqtt source: retained messages are kept or skipped") {
  Mosquitto broker;
  REQUIRE(broker.publish("r/1", "old\n", 1, "-r"));
  PollLoop loop;
  for (const std::string version : {"3.1.1", "5"}) {
    Running keep(loop, broker.address("r/#"),
                 {{"version", scalar(version)}, {"clean", scalar("true")}});
    REQUIRE(keep.receives(1));
    CHECK(keep.host.received[0].retain);
    Running skip(loop, broker.address("r/#"),
                 {{"version", scalar(version)},
                  {"clean", scalar("true")},
                  {"client_id", scalar("skipper")},
                  {"retained", scalar("skip")}});
    REQUIRE(skip.up());
    REQUIRE(broker.publish("r/2", "new\n"));
    REQUIRE(skip.receives(1));
    CHECK(skip.host.payloads() == std::vector<std::string>{"new"});
  }
}

TEST_CASE("mqtt source: a wrong password is said in words, once, and the right one works") {
  TemporaryFolder folder;
  REQUIRE(run_program("mosquitto_passwd -b -c " + folder.path() + "/passwd alice wonder") == 0);
  Mosquitto broker("allow_anonymous false\npassword_file " + folder.path() + "/passwd");
  PollLoop loop;
  for (const std::string version : {"3.1.1", "5"}) {
    const Options wrong = {
        {"version", scalar(version)}, {"username", scalar("alice")}, {"password", scalar("queen")}};
    Running run(loop, broker.address("t"), wrong);
    REQUIRE(loop.run_until([&] { return run.host.states.down("not authorised"); }));
    CHECK(run.host.states.last() == "not authorised: check username and password");
    loop.run_for(700 * kMicrosPerMilli);  // several tries
    CHECK(run.host.states.all.size() == 2);
    const std::string address = broker.address("t");
    Running right(loop, "mqtt://alice:wonder@" + address.substr(7),
                  {{"version", scalar(version)}, {"client_id", scalar("right")}});
    CHECK(right.up());
  }
}

TEST_CASE("mqtt source: starts without its broker, and finds it when it comes") {
  Mosquitto broker;
  broker.stop();
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(loop.run_until([&] { return run.host.states.down("connection refused"); }));
  broker.start();
  REQUIRE(run.up());
  REQUIRE(broker.publish("t", "1\n"));
  CHECK(run.receives(1));
  CHECK(run.host.states.all ==
        std::vector<StateChange>{{ConnectorState::kConnecting, ""},
                                 {ConnectorState::kDown, "connection refused"},
                                 {ConnectorState::kUp, ""}});
}

TEST_CASE("mqtt source: names are resolved; one that is unknown is said") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, "mqtt://localhost:" + std::to_string(broker.port()) + "/t");
  REQUIRE(run.up());
  CHECK(run.host.states.all.size() == 2);
  Running lost(loop, "mqtt://no-such-host.invalid/t");
  REQUIRE(loop.run_until([&] { return lost.host.states.down("cannot resolve"); }));
}

TEST_CASE("mqtt source: stopping while a name is being resolved waits for nothing") {
  PollLoop loop;
  NotingSourceHost host;
  auto source = make_source("mqtt://no-such-host.invalid/t");
  source->start(loop, host);
  source->stop();
  source.reset();
  CHECK(loop.watching() == 0);
  CHECK(loop.timing() == 0);
  loop.run_for(200 * kMicrosPerMilli);
  CHECK(host.states.all.size() == 1);
}

TEST_CASE("mqtt source: the broker killed loses the session, we subscribe again") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(run.up());
  broker.kill();
  REQUIRE(loop.run_until([&] { return run.host.states.is(ConnectorState::kDown); }));
  loop.run_for(300 * kMicrosPerMilli);
  broker.start();
  REQUIRE(run.up());
  REQUIRE(broker.publish("t", lines(numbers(0, 100))));
  REQUIRE(run.receives(100));
  CHECK(run.host.payloads() == numbers(0, 100));
}

TEST_CASE("mqtt source: resumes after the broker restarts, without a second subscription") {
  Mosquitto broker("log_type all");
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(run.up());
  REQUIRE(broker.publish("t", "before\n"));
  REQUIRE(run.receives(1));
  broker.stop();  // keeps its sessions
  REQUIRE(loop.run_until([&] { return run.host.states.is(ConnectorState::kDown); }));
  broker.start();
  REQUIRE(broker.publish("t", "away\n"));  // very likely before we are back
  REQUIRE(run.up());
  REQUIRE(broker.publish("t", "after\n"));
  REQUIRE(run.receives(3));
  loop.run_for(100 * kMicrosPerMilli);
  CHECK(run.host.payloads() == std::vector<std::string>{"before", "away", "after"});
  CHECK(count_of(broker.log(), "Received SUBSCRIBE") == 1);
}

TEST_CASE("mqtt source: what is published while we are away comes with the session") {
  Mosquitto broker;
  TemporaryFolder state;
  PollLoop loop;
  for (const std::string version : {"3.1.1", "5"}) {
    const Options options = {{"version", scalar(version)}};
    { REQUIRE(Running(loop, broker.address("t"), options, state.path()).up()); }
    REQUIRE(broker.publish("t", lines(numbers(0, 50))));
    Running again(loop, broker.address("t"), options, state.path());
    REQUIRE(again.receives(50));
    CHECK(again.host.payloads() == numbers(0, 50));
  }
}

TEST_CASE("mqtt source: topics that a pipeline no longer has are unsubscribed from") {
  Mosquitto broker;
  TemporaryFolder state;
  PollLoop loop;
  {
    REQUIRE(
        Running(loop, broker.address(), {{"topics", list({"old", "kept"})}}, state.path()).up());
  }
  Running run(loop, broker.address("kept"), {}, state.path());
  REQUIRE(run.up());
  REQUIRE(broker.publish("old", "1\n"));
  REQUIRE(broker.publish("kept", "2\n"));
  REQUIRE(run.receives(1));
  loop.run_for(100 * kMicrosPerMilli);
  CHECK(run.host.payloads() == std::vector<std::string>{"2"});
}

TEST_CASE("mqtt source: what the broker kept for a topic that a pipeline no longer has is rejected") {
  Mosquitto broker;
  TemporaryFolder state;
  PollLoop loop;
  { REQUIRE(Running(loop, broker.address("old/#"), {}, state.path()).up()); }
  REQUIRE(broker.publish("old/x", "{\"from\":\"old\"}\n"));
  Running run(loop, broker.address("new/#"), {}, state.path());
  REQUIRE(run.up());
  REQUIRE(broker.publish("new/x", "2\n"));
  REQUIRE(run.receives(1));
  CHECK(run.host.payloads() == std::vector<std::string>{"2"});
  CHECK(run.host.rejections ==
        std::vector<std::string>{"a message on a topic that this source no longer subscribes to"});
}

TEST_CASE("mqtt source: dying before its records are through gets them all again") {
  Mosquitto broker;
  TemporaryFolder state;
  for (const std::string version : {"3.1.1", "5"}) {
    CAPTURE(version);
    const Options options = {{"version", scalar(version)}};
    {
      PollLoop loop;
      REQUIRE(Running(loop, broker.address("t"), options, state.path()).up());
    }
    REQUIRE(broker.publish("t", lines(numbers(0, 100))));
    const pid_t child = ::fork();
    if (child == 0) {
      PollLoop loop;
      NotingSourceHost host;
      host.on_flush = [] { ::_exit(9); };  // as SIGKILL
      auto source = make_source(broker.address("t"), options, state.path());
      source->start(loop, host);
      loop.run_for(PollLoop::kLimit);
      ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 9);
    PollLoop loop;
    Running again(loop, broker.address("t"), options, state.path());
    REQUIRE(again.receives(100));
    CHECK(again.host.payloads() == numbers(0, 100));
  }
}

TEST_CASE("mqtt source: a short pause keeps the connection, a long one only the session") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"keepalive", scalar("5s")}});
  REQUIRE(run.up());
  run.source->pause();
  REQUIRE(broker.publish("t", "1\n"));
  loop.run_for(300 * kMicrosPerMilli);
  CHECK(run.host.received.empty());
  CHECK(run.host.states.up());
  run.source->resume();
  REQUIRE(run.receives(1));

  run.source->pause();
  REQUIRE(loop.run_until([&] { return run.host.states.is(ConnectorState::kPaused); }));
  CHECK(run.host.states.last() == "the pipeline is behind; the broker keeps the session");
  REQUIRE(broker.publish("t", lines(numbers(2, 30))));
  run.source->resume();
  REQUIRE(run.receives(29));
  CHECK(run.host.payloads() == numbers(1, 30));
  CHECK(run.host.states.up());
}

TEST_CASE(
    "mqtt source: paused in the middle of a flood, it hands over nothing more until resumed") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(run.up());
  run.host.on_flush = [&] {
    if (run.host.received.empty()) run.source->pause();
  };
  REQUIRE(broker.publish("t", lines(numbers(0, 5000))));
  REQUIRE(run.receives(1));
  const size_t then = run.host.received.size();
  loop.run_for(300 * kMicrosPerMilli);
  CHECK(run.host.received.size() == then);
  CHECK(then <= 1000);
  run.source->resume();
  REQUIRE(run.receives(5000));
  CHECK(run.host.payloads() == numbers(0, 5000));
}

TEST_CASE("mqtt source: stopped inside a flush, it says nothing more") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(run.up());
  run.host.on_flush = [&] { run.source->stop(); };
  REQUIRE(broker.publish("t", "1\n"));
  REQUIRE(run.receives(1));
  const size_t states = run.host.states.all.size();
  loop.run_for(200 * kMicrosPerMilli);
  CHECK(run.host.states.all.size() == states);
  CHECK(loop.watching() == 0);
  CHECK(loop.timing() == 0);
}

TEST_CASE("mqtt source: the connection survives silence longer than its keepalive") {
  Mosquitto broker;
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"keepalive", scalar("5s")}});
  REQUIRE(run.up());
  loop.run_for(8 * kMicrosPerSecond);  // the broker ends a silent one after 7.5 s
  CHECK(run.host.states.all.size() == 2);
  REQUIRE(broker.publish("t", "1\n"));
  CHECK(run.receives(1));
}
