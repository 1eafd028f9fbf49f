// The ingest source on the real loop behind the real server: two threads, and clients on more.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "connectors/http/ingest_source.h"
#include "daemon/uv_loop.h"
#include "tests/support/fake_host.h"
#include "tests/web/client.h"
#include "web/server.h"

namespace streamflow::http {
namespace {

// Records are safe a millisecond after they came.
class Host final : public test::FakeSourceHost {
 public:
  explicit Host(Loop& loop) : loop_(loop) {}
  void when_durable(std::function<void()> fn) override {
    loop_.after(kMicrosPerMilli, [this, fn = std::move(fn), known = messages.size()] {
      durable = std::max(durable, known);
      if (!stopped) fn();
    });
  }
  size_t durable = 0;
  bool stopped = false;

 private:
  Loop& loop_;
};

TEST_CASE(
    "http ingest: many clients at once, paused and stopped in between: what was answered 200 is "
    "there") {
  UvLoop loop;
  web::Server server;
  Host host(loop);
  IngestOptions options;
  options.ingest = &server.ingest();
  options.path = "/in";
  options.body_bytes_max = 1 << 20;
  auto source = std::make_unique<IngestSource>(options);
  source->start(loop, host);
  const web::Server::Started started = server.start("127.0.0.1", 0);
  REQUIRE(started.error == "");

  constexpr int kClients = 6;
  std::atomic<int> accepted{0}, busy{0}, unavailable{0}, running{kClients};
  std::vector<std::set<std::string>> taken(kClients);
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      auto client = std::make_unique<web::Client>(started.port);
      for (int i = 0; unavailable < kClients && i < 100'000; ++i) {
        const std::string body = "{\"id\":\"" + std::to_string(c) + "-" + std::to_string(i) + "\"}";
        client->send("POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body);
        const web::Reply reply = client->read_reply();
        if (reply.status == 200) taken[static_cast<size_t>(c)].insert(body);
        if (reply.status == 200) ++accepted;
        if (reply.status == 429) ++busy;
        if (reply.status == 503) ++unavailable;
        const auto connection = reply.headers.find("connection");
        if (reply.status == 0 ||
            (connection != reply.headers.end() && connection->second == "close"))
          client = std::make_unique<web::Client>(started.port);
      }
      if (--running == 0) loop.post([&loop] { loop.stop(); });
    });
  }
  // Paused after some were taken, until some were told to wait; stopped after some more.
  enum { kTaking, kPaused, kTakingAgain, kStopped } phase = kTaking;
  int before = 0;
  std::function<void()> watch = [&] {
    if (phase == kTaking && accepted > 50) {
      source->pause();
      phase = kPaused;
    } else if (phase == kPaused && busy > 5) {
      source->resume();
      before = accepted;
      phase = kTakingAgain;
    } else if (phase == kTakingAgain && accepted > before + 50) {
      source->stop();
      host.stopped = true;
      phase = kStopped;
    }
    loop.after(kMicrosPerMilli, watch);
  };
  watch();
  loop.run();
  for (std::thread& client : clients) client.join();
  CHECK(phase == kStopped);
  server.stop(std::chrono::milliseconds(100));

  REQUIRE(host.durable <= host.messages.size());
  const std::set<std::string> durable(host.messages.begin(),
                                      host.messages.begin() + static_cast<long>(host.durable));
  size_t missing = 0;
  for (const auto& mine : taken)
    for (const std::string& body : mine) missing += durable.count(body) == 0 ? 1 : 0;
  CHECK(missing == 0);
  CHECK(std::set<std::string>(host.messages.begin(), host.messages.end()).size() ==
        host.messages.size());
}

}  // namespace
}  // namespace streamflow::http
