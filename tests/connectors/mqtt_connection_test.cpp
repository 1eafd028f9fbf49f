// Brokers that misbehave, TLS, and the daemon's own loop.
#include <doctest/doctest.h>

#include "daemon/uv_loop.h"
#include "tests/support/fake_broker.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_hosts.h"
#include "tests/support/poll_loop.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

using Of5 = FakeBroker::Rules::Of5;

struct Running {
  Running(Loop& loop, const std::string& address, const Options& options = {})
      : source(make_source(address, options)) {
    REQUIRE(source);
    source->start(loop, host);
  }
  ~Running() { source->stop(); }
  NotingSourceHost host;
  std::unique_ptr<Source> source;
};

// A CA of its own and a certificate for 127.0.0.1 and localhost, by openssl.
struct Certificates {
  Certificates() {
    const std::string at = folder.path() + "/";
    folder.write("san", "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
    made =
        run_program("cd " + at + " && openssl req -x509 " + key +
                    "-keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca && openssl req " + key +
                    "-keyout server.key -out server.csr -subj /CN=broker && openssl x509 -req "
                    "-in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem "
                    "-days 2 -extfile san && openssl req " +
                    key +
                    "-keyout client.key -out client.csr -subj /CN=alice && openssl x509 -req "
                    "-in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out client.pem "
                    "-days 2 && openssl req -x509 " +
                    key + "-keyout other.key -out other.pem -days 2 -subj /CN=other-ca") == 0;
  }
  std::string file(const std::string& name) const { return folder.path() + "/" + name; }
  std::string listener() const {
    return "cafile " + file("ca.pem") + "\ncertfile " + file("server.pem") + "\nkeyfile " +
           file("server.key");
  }
  TemporaryFolder folder;
  bool made = false;
};

std::string secure(const Mosquitto& broker, const std::string& host, const std::string& topic) {
  return "mqtts://" + host + ":" + std::to_string(broker.port()) + "/" + topic;
}

}  // namespace

TEST_CASE("mqtt: a broker that refuses MQTT 5, or hangs up on it, gets 3.1.1 at once") {
  for (const Of5 of_5 : {Of5::kRefuse, Of5::kHangUp}) {
    FakeBroker broker({.of_5 = of_5});
    PollLoop loop;
    Running run(loop, broker.address("t"));
    REQUIRE(loop.run_until([&] { return run.host.states.up(); }));
    CHECK(broker.levels() == std::vector<int>{5, 4});
    CHECK(run.host.states.all.size() == 2);
  }
}

TEST_CASE("mqtt: with `version: 5` a broker that refuses it is down, with the reason") {
  FakeBroker broker({.of_5 = Of5::kRefuse});
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"version", scalar("5")}});
  REQUIRE(loop.run_until([&] { return run.host.states.down("does not speak this version"); }));
  loop.run_for(500 * kMicrosPerMilli);
  for (const int level : broker.levels()) CHECK(level == 5);
  CHECK(run.host.states.all.size() == 2);
}

TEST_CASE("mqtt: a refused subscription is said; the others work, or we try again") {
  FakeBroker broker({.of_5 = Of5::kRefuse, .refused_filter = "secret"});
  PollLoop loop;
  {
    Running run(loop, broker.address("open"), {{"topics", list({"secret/#"})}});
    REQUIRE(loop.run_until([&] { return run.host.states.up(); }));
    CHECK(run.host.states.last() ==
          "the broker refused the subscription to 'secret/#': refused without a reason");
    CHECK(run.host.complaints.size() == 1);
  }
  Running run(loop, broker.address("secret/#"));
  REQUIRE(loop.run_until([&] { return run.host.states.down("refused the subscription"); }));
  const size_t before = broker.levels().size();
  REQUIRE(loop.run_until([&] { return broker.levels().size() >= before + 2; }));
  CHECK(run.host.states.all.size() == 2);
}

TEST_CASE("mqtt: a granted QoS below the one asked for is a complaint") {
  FakeBroker broker({.of_5 = Of5::kRefuse, .suback = 0});
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(loop.run_until([&] { return run.host.states.up(); }));
  REQUIRE(run.host.complaints.size() == 1);
  CHECK(run.host.complaints[0] == "the broker grants QoS 0 instead of 1 for 't'");
}

TEST_CASE("mqtt: a peer that says nothing is 'no answer'") {
  FakeBroker broker({.answers = false});
  PollLoop loop;
  Running run(loop, broker.address("t"));
  REQUIRE(loop.run_until([&] { return run.host.states.down("no answer"); }));
  CHECK(run.host.states.all.size() == 2);
}

TEST_CASE("mqtt: a peer that speaks something else is down, with a reason, and hurts nobody") {
  for (const std::string& noise :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("\x20\x00", 2),
        std::string("\x20\xff\xff\xff\xff\x7f", 6), std::string("\x30\x02\x00\x00", 4)}) {
    FakeBroker broker({.instead_of_connack = noise});
    PollLoop loop;
    Running run(loop, broker.address("t"));
    REQUIRE(loop.run_until([&] { return run.host.states.is(ConnectorState::kDown); }));
    CHECK_FALSE(run.host.states.last().empty());
    CHECK(run.host.received.empty());
  }
}

TEST_CASE("mqtt: what a resumed session sends again is not handed over twice") {
  const auto publication = [](const char* topic, int id, const char* payload,
                              bool repeated = false) {
    return FakeBroker::publication(topic, id, payload, repeated);
  };
  const std::string first =
      publication("t", 1, "a") + publication("t", 2, "b") + publication("t", 3, "c");
  // It saw no PUBACK; id 3 is another message by now, and id 1 comes a third time, long after.
  const std::string again = publication("t", 1, "a", true) + publication("t", 2, "b", true) +
                            publication("t", 3, "d") + publication("t", 1, "a");
  FakeBroker broker({.scenes = {{.after_suback = first, .hang_up_after_pubacks = 3},
                                {.session_present = true, .after_connack = again}}});
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"version", scalar("3.1.1")}});
  REQUIRE(loop.run_until([&] { return run.host.received.size() >= 5; }));
  loop.run_for(50 * kMicrosPerMilli);
  CHECK(run.host.payloads() == std::vector<std::string>{"a", "b", "c", "d", "a"});
}

TEST_CASE("mqtt: what is sent again after several drops is still known") {
  const auto messages = [](bool repeated) {
    return FakeBroker::publication("t", 1, "a", repeated) +
           FakeBroker::publication("t", 2, "b", repeated) +
           FakeBroker::publication("t", 3, "c", repeated);
  };
  const FakeBroker::Rules::Scene first{.after_suback = messages(false), .hang_up_after_pubacks = 3};
  const FakeBroker::Rules::Scene last{
      .session_present = true,
      .after_connack = messages(true) + FakeBroker::publication("t", 4, "d")};
  const FakeBroker::Rules::Scene between[] = {
      // Nothing comes before the second drop, or only some of it.
      {.session_present = true, .hang_up_after_connack = true},
      {.session_present = true,
       .after_connack = FakeBroker::publication("t", 1, "a", true),
       .hang_up_after_pubacks = 1}};
  for (const auto& scene : between) {
    FakeBroker broker({.scenes = {first, scene, last}});
    PollLoop loop;
    Running run(loop, broker.address("t"), {{"version", scalar("3.1.1")}});
    REQUIRE(loop.run_until([&] { return !run.host.received.empty() &&
                                        run.host.received.back().payload == "d"; }));
    CHECK(run.host.payloads() == std::vector<std::string>{"a", "b", "c", "d"});
  }
}

TEST_CASE("mqtt: a second CONNACK ends the connection and leaves no timer behind") {
  FakeBroker broker({.scenes = {{.after_connack = std::string("\x20\x02\x00\x00", 4)}}});
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"version", scalar("3.1.1")}});
  REQUIRE(loop.run_until([&] { return run.host.states.is(ConnectorState::kDown); }));
  CHECK(run.host.states.last() == "the broker broke the protocol");
  run.source->stop();
  CHECK(loop.timing() == 0);
  CHECK(loop.watching() == 0);
}

TEST_CASE("mqtt: a peer that takes us and hangs up is tried less and less often") {
  FakeBroker broker({.scenes = {{.after_suback = FakeBroker::publication("t", 1, "a"),
                                 .hang_up_after_pubacks = 1}}});
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"version", scalar("3.1.1")}});
  loop.run_for(3 * kMicrosPerSecond);
  CHECK(broker.levels().size() >= 3);
  CHECK(broker.levels().size() <= 8);  // 0, then after 50 to 100 ms, doubling
}

TEST_CASE("mqtt: a topic that holds a secret is not said when the broker refuses it") {
  FakeBroker broker({.of_5 = Of5::kRefuse, .refused_filter = "s3cret"});
  const SpecValue address = placed_with_secret(broker.address("t/s3cret"), "s3cret");
  Diagnostics diagnostics;
  const SourceBuild build = build_source(address, {}, diagnostics);
  REQUIRE(build.source);
  PollLoop loop;
  NotingSourceHost host;
  build.source->start(loop, host);
  CHECK(loop.run_until([&] { return host.states.down("refused the subscription to '***'"); }));
  build.source->stop();
}

TEST_CASE("mqtt: without its session equal messages are new ones") {
  const std::string same = FakeBroker::publication("t", 1, "a");
  FakeBroker broker(
      {.scenes = {{.after_suback = same, .hang_up_after_pubacks = 1}, {.after_suback = same}}});
  PollLoop loop;
  Running run(loop, broker.address("t"), {{"version", scalar("3.1.1")}});
  REQUIRE(loop.run_until([&] { return run.host.received.size() >= 2; }));
  CHECK(run.host.payloads() == std::vector<std::string>{"a", "a"});
}

TEST_CASE("mqtt TLS: an own CA, by address and by name; wrong ones are said") {
  const Certificates certificates;
  REQUIRE(certificates.made);
  Mosquitto broker(certificates.listener());
  PollLoop loop;
  const Options own = {{"ca", scalar(certificates.file("ca.pem"))}};
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    for (const std::string qos : {"0", "1", "2"}) {
      CAPTURE(host);
      CAPTURE(qos);
      Options options = own;
      options.emplace_back("qos", scalar(qos));
      options.emplace_back("clean", scalar("true"));
      Running run(loop, secure(broker, host, "t"), options);
      REQUIRE(loop.run_until([&] { return run.host.states.up(); }));
      CHECK(run.host.states.all.size() == 2);
      auto sink = make_sink(secure(broker, host, "t"), own);
      REQUIRE(run_program("mosquitto_pub --cafile " + certificates.file("ca.pem") +
                          " -h localhost -p " + std::to_string(broker.port()) + " -t t -q " + qos +
                          " -l < " + certificates.folder.write("in", lines(numbers(0, 500)))) == 0);
      REQUIRE(loop.run_until([&] { return run.host.received.size() >= 500; }));
      CHECK(run.host.payloads() == numbers(0, 500));
    }
  }
  {
    Running other(loop, secure(broker, "127.0.0.1", "t"),
                  {{"ca", scalar(certificates.file("other.pem"))}});
    REQUIRE(loop.run_until([&] { return other.host.states.down("TLS: "); }));
    CHECK(other.host.states.last() == "TLS: certificate verify failed");
  }
  {
    Running system(loop, secure(broker, "127.0.0.1", "t"));
    REQUIRE(loop.run_until([&] { return system.host.states.down("TLS: "); }));
  }
  Running insecure(loop, secure(broker, "127.0.0.1", "t"),
                   {{"insecure", scalar("true")}, {"client_id", scalar("insecure")}});
  REQUIRE(loop.run_until([&] { return insecure.host.states.up(); }));
}

TEST_CASE("mqtt TLS: a client certificate, where the broker asks for one") {
  const Certificates certificates;
  REQUIRE(certificates.made);
  Mosquitto broker(certificates.listener() + "\nrequire_certificate true");
  PollLoop loop;
  const Options own = {{"ca", scalar(certificates.file("ca.pem"))}};
  Running without(loop, secure(broker, "localhost", "t"), own);
  REQUIRE(loop.run_until([&] { return without.host.states.is(ConnectorState::kDown); }));
  CAPTURE(without.host.states.last());
  Options with = own;
  with.emplace_back("cert", scalar(certificates.file("client.pem")));
  with.emplace_back("key", scalar(certificates.file("client.key")));
  with.emplace_back("client_id", scalar("with"));
  Running right(loop, secure(broker, "localhost", "t"), with);
  CHECK(loop.run_until([&] { return right.host.states.up(); }));
}

TEST_CASE("mqtt TLS: the broker's death and return, and a peer that does not speak TLS") {
  const Certificates certificates;
  REQUIRE(certificates.made);
  Mosquitto broker(certificates.listener());
  PollLoop loop;
  const Options own = {{"ca", scalar(certificates.file("ca.pem"))}};
  Running run(loop, secure(broker, "127.0.0.1", "t"), own);
  REQUIRE(loop.run_until([&] { return run.host.states.up(); }));
  broker.kill();
  REQUIRE(loop.run_until([&] { return run.host.states.down("connection refused"); }));
  broker.start();
  REQUIRE(loop.run_until([&] { return run.host.states.up(); }));

  Mosquitto plain;
  Running wrong(loop, secure(plain, "127.0.0.1", "t"), own);
  REQUIRE(loop.run_until([&] { return wrong.host.states.is(ConnectorState::kDown); }));
  CHECK_FALSE(wrong.host.states.last().empty());
}

TEST_CASE("mqtt on the daemon's loop: killed and restarted brokers, ten times") {
  Mosquitto broker;
  UvLoop loop;
  Running run(loop, broker.address("t"));
  int deaths = 0;
  bool gave_up = false;
  std::function<void()> step = [&] {
    if (run.host.states.up()) {
      broker.kill();
      if (++deaths == 10) return loop.stop();
    } else if (!broker.running()) {
      broker.start();
    }
    loop.after(50 * kMicrosPerMilli, step);
  };
  loop.after(0, step);
  loop.after(PollLoop::kLimit, [&] {
    gave_up = true;
    loop.stop();
  });
  loop.run();
  CHECK_FALSE(gave_up);
  CHECK(deaths == 10);
}
