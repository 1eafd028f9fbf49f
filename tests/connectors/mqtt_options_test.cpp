#include <doctest/doctest.h>

#include "tests/support/mqtt_hosts.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

// The only problem of a source, or of a sink, built from these.
Diagnostic problem(const std::string& address, const Options& options = {}, bool sink = false) {
  Diagnostics diagnostics;
  const bool built = sink ? build_sink(address, options, diagnostics).sink != nullptr
                          : build_source(address, options, diagnostics).source != nullptr;
  CHECK(built == diagnostics.ok());
  REQUIRE(diagnostics.all().size() == 1);
  return diagnostics.all().front();
}

}  // namespace

TEST_CASE("mqtt source: topics of the address and of the option, with the same captures") {
  Diagnostics diagnostics;
  const SourceBuild build = build_source("mqtt://u:secret@localhost/site/{device}/{what}",
                                         {{"topics", list({"old/{what}/{device}"})}}, diagnostics);
  CHECK(diagnostics.ok());
  REQUIRE(build.source);
  CHECK(build.captures == std::vector<std::string>{"device", "what"});
  CHECK(build.meta == std::vector<std::string>{"topic", "qos", "retain"});
  CHECK(build.address == "mqtt://localhost:1883/site/{device}/{what}");
  CHECK(build.address.find("secret") == std::string::npos);
}

TEST_CASE("mqtt source: mistakes in address and topics are diagnostics with places") {
  Diagnostic bad = problem("mqtt://localhost/a/#/b");
  CHECK(bad.code == "E0602");
  CHECK(bad.span.begin == 19);
  CHECK(bad.span.end == 20);
  bad = problem("mqtt://localhost/ok", {{"topics", list({"a+"})}});
  CHECK(bad.code == "E0602");
  bad = problem("mqtt://localhost/site/{device}/t", {{"topics", list({"site/+/h"})}});
  CHECK(bad.code == "E0603");
  bad = problem("mqtt://localhost:99999/t");
  CHECK(bad.code == "E0601");
  CHECK(bad.span.begin == 17);
  bad = problem("mqtt://localhost");
  CHECK(bad.code == "E0602");
  CHECK(bad.message == "no topic to subscribe to");
}

TEST_CASE("mqtt source: options that contradict each other are diagnostics") {
  const std::string plain = "mqtt://localhost/t";
  const std::string tls = "mqtts://localhost/t";
  CHECK(problem(plain, {{"password", scalar("x")}}).code == "E0604");
  CHECK(problem(plain, {{"insecure", scalar("true")}}).code == "E0604");
  CHECK(problem(tls, {{"ca", scalar("/nowhere.pem")}}).code == "E0605");
  CHECK(problem(plain, {{"keepalive", scalar("1s")}}).code == "E0604");
  CHECK(problem(plain, {{"keepalive", scalar("1d")}}).code == "E0604");
  CHECK(problem(plain, {{"qos", scalar("3")}}).severity == Severity::kError);
  CHECK(problem(plain, {{"topcs", scalar("a")}}).label.find("topics") != std::string::npos);
}

TEST_CASE("mqtt sink: a topic with wildcards or without a name is a diagnostic") {
  Diagnostic bad = problem("mqtt://localhost/alerts/+", {}, true);
  CHECK(bad.code == "E0602");
  CHECK(bad.span.begin == 24);
  CHECK(problem("mqtt://localhost", {}, true).code == "E0602");
  CHECK(problem("mqtt://{device}/alerts", {}, true).code == "E0601");
}

TEST_CASE("mqtt sink: says what it guarantees and which fields it reads") {
  Diagnostics diagnostics;
  const SinkBuild build =
      build_sink("mqtt://u:secret@localhost/alerts/{device}", {{"qos", scalar("0")}}, diagnostics);
  REQUIRE(build.sink);
  CHECK(build.guarantee == "at_most_once");
  CHECK(build.guarantee_reason == "QoS 0: the broker confirms nothing");
  CHECK(build.address == "mqtt://localhost:1883/alerts/{device}");
}

TEST_CASE("mqtt: of an address only the parts that hold a secret are hidden") {
  Diagnostics diagnostics;
  const auto shown = [&](const SpecValue& address, const Options& options = {}) {
    const SourceBuild build = build_source(address, options, diagnostics);
    REQUIRE(build.source);
    return build.address;
  };
  CHECK(shown(placed_with_secret("mqtt://h/t/s3cret/{device}", "s3cret")) == "mqtt://h:1883/***");
  CHECK(shown(placed_with_secret("mqtt://u:s3cret@h/t/#", "s3cret")) == "mqtt://h:1883/t/#");
  SpecValue topics = list({"t/s3cret"});
  topics.items[0] = placed_with_secret("t/s3cret", "s3cret");
  CHECK(shown(placed("mqtt://h"), {{"topics", topics}}) == "mqtt://h:1883/***");
  const SinkBuild sink =
      build_sink(placed_with_secret("mqtt://h/alerts/s3cret", "s3cret"), {}, diagnostics);
  REQUIRE(sink.sink);
  CHECK(sink.address == "mqtt://h:1883/***");
  CHECK(diagnostics.ok());
}
