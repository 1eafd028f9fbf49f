// The event stream: delivery, slow viewers, threads.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/web/server_fixture.h"
#include "web/event_frame.h"
#include "web/server.h"

namespace streamflow::web {
namespace {

using std::chrono::milliseconds;

TEST_CASE("stream: 50 viewers get every event, in order") {
  TestServer test;
  std::vector<Client> viewers;
  for (int i = 0; i < 50; ++i) viewers.push_back(test.viewer());
  CHECK(test.server.viewers() == 50);
  for (int i = 0; i < 20; ++i)
    CHECK(test.server.publish("tick", shared_text(std::to_string(1000 + i))));
  for (Client& viewer : viewers)
    for (int i = 0; i < 20; ++i)
      CHECK(viewer.read_through("\n\n\r\n") ==
            "18\r\nevent: tick\ndata: " + std::to_string(1000 + i) + "\n\n\r\n");
  CHECK(test.server.counters().events == 20);
  CHECK(test.server.counters().events_skipped == 0);
}

TEST_CASE("stream: HTTP/1.0 gets it without chunks") {
  TestServer test;
  Client client(test.port);
  client.send("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const Reply reply = client.read_reply(false);
  CHECK(reply.headers.count("transfer-encoding") == 0);
  CHECK(client.read_through("\n\n") == "event: hello\ndata: first\n\n");
  test.server.stop(milliseconds(10'000));
  CHECK(client.read_to_end() == "");
}

TEST_CASE("stream: its head says what it is, and other methods do not open it") {
  TestServer test;
  Client client(test.port);
  client.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_reply(false).status == 200);
  client.send("POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.read_reply().status == 405);
  CHECK(test.server.viewers() == 0);
  client.send(get_request("/stream?since=1"));
  const Reply reply = client.read_reply(false);
  CHECK(reply.headers.at("content-type") == "text/event-stream");
  CHECK(reply.headers.at("cache-control") == "no-store");
  CHECK(reply.headers.at("x-content-type-options") == "nosniff");
  CHECK(test.server.viewers() == 1);
}

TEST_CASE("stream: one viewer more than allowed is told to come later") {
  ServerOptions options = quick_options();
  options.viewers_max = 2;
  TestServer test(options);
  const Client first = test.viewer();
  const Client second = test.viewer();
  const Reply reply = get_once(test.port, "/stream");
  CHECK(reply.status == 503);
  CHECK(reply.headers.count("retry-after") == 1);
}

TEST_CASE("stream: a viewer that does not read is dropped, and the others miss nothing") {
  ServerOptions options = quick_options();
  options.stall_deadline = milliseconds(100);
  TestServer test(options);
  Client stalled = test.viewer(4096);
  Client healthy = test.viewer();
  const auto event = shared_text(std::string(50'000, 'x'));
  int sent = 0;
  CHECK(wait_until([&] {
    test.server.publish("tick", event);
    ++sent;
    return healthy.read_through("\n\n\r\n").size() > event->size() &&
           test.server.counters().stalled == 1;
  }));
  CHECK(test.server.viewers() == 1);
  CHECK(test.server.counters().events == static_cast<std::uint64_t>(sent));
  CHECK(stalled.read_to_end().size() < 1'000'000);
}

TEST_CASE("stream: a slow viewer gets the latest of each kind, not all that came") {
  ServerOptions options = quick_options();
  options.viewer_queue_bytes_max = 100'000;
  TestServer test(options);
  Client slow = test.viewer(4096);
  const auto publish = [&test](std::string_view name, int number) {
    CHECK(
        test.server.publish(name, shared_text(std::string(40'000, 'x') + std::to_string(number))));
  };
  for (int i = 0; i < 100; ++i) {
    publish("status", 1000 + i);
    publish("charts", 1000 + i);
  }
  CHECK(wait_until([&] { return test.server.counters().events == 200; }));
  CHECK(test.server.counters().events_skipped > 100);
  std::string last_status, last_charts;
  int events = 0;
  while (last_status != "1099" || last_charts != "1099") {
    const std::string event = slow.read_through("\n\n\r\n");
    REQUIRE(event.size() > 40'000);
    ++events;
    (event.find("event: status") != std::string::npos ? last_status : last_charts) =
        event.substr(event.size() - 8, 4);
  }
  CHECK(events < 100);
}

TEST_CASE("stream: an event larger than the queue still goes to a viewer that keeps up") {
  ServerOptions options = quick_options();
  options.viewer_queue_bytes_max = 1000;
  TestServer test(options);
  Client viewer = test.viewer();
  test.server.publish("big", shared_text(std::string(500'000, 'x')));
  CHECK(viewer.read_through("\n\n\r\n").size() > 500'000);
}

TEST_CASE("stream: a comment line keeps an idle stream open") {
  ServerOptions options = quick_options();
  options.comment_every = milliseconds(20);
  TestServer test(options);
  Client viewer = test.viewer();
  CHECK(viewer.read_through(":\n\n\r\n") == "3\r\n:\n\n\r\n");
  CHECK(viewer.read_through(":\n\n\r\n") == "3\r\n:\n\n\r\n");
}

TEST_CASE("stream: what a viewer sends is ignored, and its end is noticed") {
  TestServer test;
  {
    Client viewer = test.viewer();
    viewer.send(get_request("/small"));
    test.server.publish("tick", shared_text("1"));
    CHECK(viewer.read_through("\n\n\r\n") == "15\r\nevent: tick\ndata: 1\n\n\r\n");
  }
  CHECK(wait_until([&] { return test.server.viewers() == 0; }));
}

TEST_CASE("stream: events from many threads all arrive, each thread's in its order") {
  TestServer test;
  Client viewer = test.viewer();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&test, t] {
      for (int i = 0; i < 50; ++i)
        while (!test.server.publish("from" + std::to_string(t), shared_text(std::to_string(i))))
          std::this_thread::yield();
    });
  std::vector<int> next(4, 0);
  for (int i = 0; i < 200; ++i) {
    const std::string event = viewer.read_through("\n\n\r\n");
    const auto thread = static_cast<std::size_t>(event.at(event.find("from") + 4) - '0');
    CHECK(event.find("data: " + std::to_string(next.at(thread)++) + "\n") != std::string::npos);
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("stream: waiting events are bounded") {
  ServerOptions options = quick_options();
  options.posts_max = 3;
  Server server(options);
  std::atomic<bool> entered = false, release = false;
  server.get("/hold", [&](const Request&) {
    entered = true;
    while (!release) std::this_thread::yield();
    return text("done");
  });
  const Server::Started started = server.start("127.0.0.1", 0);
  Client client(started.port);
  client.send(get_request("/hold"));
  CHECK(wait_until([&] { return entered.load(); }));
  for (int i = 0; i < 3; ++i) CHECK(server.publish("x", shared_text("y")));
  CHECK_FALSE(server.publish("x", shared_text("y")));
  CHECK(server.counters().posts_refused == 1);
  release = true;
  CHECK(client.read_reply().status == 200);
}

TEST_CASE("stream: events published by the server's own timer go out") {
  Server server(quick_options());
  server.stream("/stream", nullptr);
  server.every(milliseconds(5), [&server] { server.publish("tick", shared_text("1")); });
  const Server::Started started = server.start("localhost", 0);
  Client client(started.port);
  client.send(get_request("/stream"));
  CHECK(client.read_reply(false).status == 200);
  for (int i = 0; i < 3; ++i)
    CHECK(client.read_through("\n\n\r\n") == "15\r\nevent: tick\ndata: 1\n\n\r\n");
}

TEST_CASE("stream: line breaks in data become data lines") {
  CHECK(make_event_frame("e", "a\nb\r\nc\rd")->wire(false) ==
        "event: e\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
  CHECK(make_event_frame("e", "")->wire(true) == "11\r\nevent: e\ndata: \n\n\r\n");
}

}  // namespace
}  // namespace streamflow::web
