#include "web/hub.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/web/chart_support.h"
#include "tests/web/client.h"
#include "tests/web/server_fixture.h"

namespace streamflow::web {
namespace {

using std::chrono::milliseconds;

std::uint64_t number_after(const std::string& text, std::string_view mark) {
  const std::size_t found = text.find(mark);
  REQUIRE(found != std::string::npos);
  return static_cast<std::uint64_t>(std::atoll(text.c_str() + found + mark.size()));
}

struct TestHub {
  TestHub() : hub(options()) {
    const Server::Started started = hub.start("127.0.0.1", 0);
    REQUIRE(started.error == "");
    port = started.port;
  }

  static HubOptions options() {
    HubOptions options;
    options.server = quick_options();
    options.charts_every = milliseconds(5);
    options.wall_clock = [] { return at(12); };
    options.assets = kAssets;
    return options;
  }

  Client viewer() {
    Client client(port);
    client.send(get_request("/api/v1/stream"));
    CHECK(client.read_reply(false).status == 200);
    return client;
  }

  // The data of the next event of that name.
  static std::string next_event(Client& viewer, std::string_view name) {
    const std::string start = "event: " + std::string(name) + "\n";
    while (true) {
      const std::string event = viewer.read_through("\n\n\r\n");
      if (event.empty()) return {};
      if (event.find(start) == std::string::npos) continue;
      const std::size_t from = event.find("data: ") + 6;
      return event.substr(from, event.size() - from - 4);
    }
  }

  Hub hub;
  std::uint16_t port = 0;
};

std::shared_ptr<Chart> chart_of(std::string id, ChartKind kind = ChartKind::kLine) {
  ChartInfo info = line_info();
  info.id = std::move(id);
  info.kind = kind;
  return std::make_shared<Chart>(info);
}

TEST_CASE("hub: status, metrics, health and readiness") {
  TestHub test;
  CHECK(get_once(test.port, "/api/v1/pipelines").status == 503);
  CHECK(get_once(test.port, "/healthz").body == "ok\n");
  const Reply starting = get_once(test.port, "/readyz");
  CHECK(starting.status == 503);
  CHECK(starting.body == "{\"error\":\"starting\"}\n");
  test.hub.set_ready(true);
  CHECK(get_once(test.port, "/readyz").status == 200);
  test.hub.set_ready(false, "pipeline x failed");
  CHECK(get_once(test.port, "/readyz").body == "{\"error\":\"pipeline x failed\"}\n");
  test.hub.set_status(shared_text("{\"pipelines\":[]}"));
  CHECK(get_once(test.port, "/api/v1/pipelines").body == "{\"pipelines\":[]}");
  test.hub.set_metrics(shared_text("streamflow_up 1"));
  const Reply metrics = get_once(test.port, "/metrics");
  CHECK(metrics.headers.at("content-type").find("version=0.0.4") != std::string::npos);
  CHECK(metrics.body.substr(0, 16) == "streamflow_up 1\n");
  CHECK(metrics.body.find("\nstreamflow_http_requests_total ") != std::string::npos);
  CHECK(get_once(test.port, "/", "Accept-Encoding: gzip\r\n").headers.at("content-encoding") ==
        "gzip");
}

TEST_CASE("hub: a viewer gets the status at once, then each time it is set, and reloads") {
  TestHub test;
  test.hub.set_status(shared_text("1"));
  Client viewer = test.viewer();
  CHECK(TestHub::next_event(viewer, "status") == "1");
  test.hub.set_status(shared_text("2"));
  CHECK(TestHub::next_event(viewer, "status") == "2");
  test.hub.reloaded(at(0), false, "a \"quoted\" error", true);
  CHECK(TestHub::next_event(viewer, "reload") ==
        R"({"at":1764099000000,"ok":false,"error":"a \"quoted\" error","charts_changed":true})");
  test.hub.reloaded(at(0), true, "", false);
  CHECK(TestHub::next_event(viewer, "reload") ==
        R"({"at":1764099000000,"ok":true,"error":null,"charts_changed":false})");
}

TEST_CASE("hub: charts are listed in the order in which they came; replacing keeps the place") {
  TestHub test;
  CHECK(get_once(test.port, "/api/v1/charts").body == "{\"charts\":[]}");
  const auto first = chart_of("a");
  test.hub.add(first);
  const auto other = chart_of("b");
  test.hub.add(other);
  const auto second = chart_of("a", ChartKind::kScatter);
  test.hub.add(second);
  test.hub.remove(*first);  // replaced already
  const std::string list = get_once(test.port, "/api/v1/charts").body;
  CHECK(list.find("{\"charts\":[{\"id\":\"a\",\"pipeline\":\"temperature\",\"kind\":\"scatter\"") ==
        0);
  CHECK(list.find("{\"id\":\"b\"") != std::string::npos);
  test.hub.remove(*second);
  test.hub.remove(*other);
  CHECK(get_once(test.port, "/api/v1/charts").body == "{\"charts\":[]}");
  CHECK(get_once(test.port, "/api/v1/charts/a/data").status == 404);
}

TEST_CASE("hub: charts of one pipeline and the same keys share their slots, also over a reload") {
  TestHub test;
  ChartInfo info;
  info.pipeline = "p";
  info.by = {"device"};
  info.y = {"mean"};
  auto slots = test.hub.slots(info);
  info.y = {"max"};
  CHECK(test.hub.slots(info) == slots);
  info.y = {"mean", "max"};
  CHECK(test.hub.slots(info) != slots);
  info.y = {"mean"};
  info.by = {"room"};
  CHECK(test.hub.slots(info) != slots);
  info.by = {"device"};
  info.pipeline = "q";
  CHECK(test.hub.slots(info) != slots);
  info.pipeline = "p";
  CHECK(slots->slot_of("a") == 1);
  const auto next = test.hub.slots(info);  // of the new version, while the old one still runs
  slots.reset();
  CHECK(next->slot_of("b") == 2);
}

TEST_CASE("hub: a query that is not a number is refused") {
  TestHub test;
  test.hub.add(chart_of("a"));
  for (const char* query : {"from=x", "to=1e999", "px=1x", "from=nan", "to=inf"}) {
    CAPTURE(query);
    CHECK(get_once(test.port, "/api/v1/charts/a/data?" + std::string(query)).status == 400);
  }
  for (const char* query :
       {"", "px=0", "px=-5", "px=1e300", "from=&to=&px=", "from=-1e300&to=1e300"}) {
    CAPTURE(query);
    CHECK(get_once(test.port, "/api/v1/charts/a/data?" + std::string(query)).status == 200);
  }
}

TEST_CASE("hub: from and to are milliseconds where x is a time") {
  TestHub test;
  const auto chart = chart_of("a");
  for (int i = 0; i < 10; ++i) chart->append("s", static_cast<double>(at(i)), i);
  chart->flush(at(0));
  test.hub.add(chart);
  const Reply reply =
      get_once(test.port, "/api/v1/charts/a/data?from=1764099003000&to=1764099005000&px=800");
  CHECK(reply.body.find("\"y\":[3,4,5]") != std::string::npos);
  CHECK(reply.body.find("\"now\":1764099012000,") != std::string::npos);
}

TEST_CASE("hub: data and the events after it join without a gap and without a point twice") {
  TestHub test;
  const auto chart = chart_of("a");
  test.hub.add(chart);
  Client viewer = test.viewer();
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> seen = 0;  // seq of the last event that was read
  std::thread pipeline([&] {
    constexpr std::uint64_t kAhead = 500;  // the history holds 900 of these
    for (int i = 0; !done;) {
      if (static_cast<std::uint64_t>(i) < seen + kAhead) {
        chart->append("s", static_cast<double>(at(i)), i);
        chart->flush(at(i));
        ++i;
      }
      std::this_thread::yield();
    }
  });
  seen = number_after(TestHub::next_event(viewer, "charts"), "\"seq\":");
  Client page(test.port);
  for (int round = 0; round < 10; ++round) {
    page.send(get_request("/api/v1/charts/a/data?from=9e12"));  // no points, only seq
    std::uint64_t seq = number_after(page.read_reply().body, "\"seq\":");
    int joined = 0;
    while (joined < 3) {
      const std::string event = TestHub::next_event(viewer, "charts");
      const std::uint64_t from = number_after(event, "\"from\":");
      seen = number_after(event, "\"seq\":");
      if (from < seq) continue;  // made before the reply
      REQUIRE(from == seq);
      seq = number_after(event, "\"seq\":");
      const std::vector<double> y = numbers_after(event, "\"y\":[");
      CHECK(y.front() == static_cast<double>(from));
      CHECK(y.back() == static_cast<double>(seq - 1));
      ++joined;
    }
  }
  done = true;
  pipeline.join();
}

TEST_CASE("hub: one event holds all charts that have something new, and only those") {
  TestHub test;
  const auto line = chart_of("l");
  const auto histogram = chart_of("h", ChartKind::kHistogram);
  test.hub.add(line);
  test.hub.add(histogram);
  test.hub.add(chart_of("quiet"));
  Client viewer = test.viewer();
  histogram->append(1.5);
  histogram->flush(at(0));
  CHECK(
      TestHub::next_event(viewer, "charts") ==
      R"({"now":1764099012000,"charts":{"h":{"from":0,"seq":1,"histogram":{"start":1.4,"width":0.2,"counts":[1],)"
      R"("below":0,"above":0,"n":1,"p5":1.5,"p50":1.5,"p95":1.5}}}})");
  line->append("s", static_cast<double>(at(1)), 7);
  line->flush(at(1));
  CHECK(
      TestHub::next_event(viewer, "charts") ==
      R"({"now":1764099012000,"charts":{"l":{"from":0,"seq":1,"series":[{"name":"s","slot":1,"x":[1764099001000],"y":[7]}]}}})");
}

TEST_CASE("hub: charts come and go while pages look and pipelines write") {
  TestHub test;
  std::atomic<bool> done = false;
  std::vector<std::thread> pipelines;
  for (int p = 0; p < 2; ++p)
    pipelines.emplace_back([&test, &done, p] {
      for (int round = 0; !done; ++round) {
        const auto chart = chart_of("chart" + std::to_string(p));
        test.hub.add(chart);
        for (int i = 0; i < 50; ++i) {
          chart->append("s", static_cast<double>(at(i)), i);
          chart->flush(at(i));
          test.hub.set_status(shared_text(std::to_string(round)));
        }
        if (round % 2 == 0) test.hub.remove(*chart);
      }
    });
  Client viewer = test.viewer();
  for (int i = 0; i < 100; ++i) {
    CHECK(get_once(test.port, "/api/v1/charts").status == 200);
    const int status = get_once(test.port, "/api/v1/charts/chart0/data?px=100").status;
    CHECK((status == 200 || status == 404));
  }
  done = true;
  for (std::thread& pipeline : pipelines) pipeline.join();
  test.hub.stop(milliseconds(10'000));
}

}  // namespace
}  // namespace streamflow::web
