// Deadlines, caps, starting and stopping.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/web/server_fixture.h"
#include "web/server.h"

namespace streamflow::web {
namespace {

using std::chrono::milliseconds;

TEST_CASE("server: a slow head is answered 408 at its deadline, though bytes keep coming") {
  ServerOptions options = quick_options();
  options.head_deadline = milliseconds(60);
  TestServer test(options);
  Client client(test.port);
  client.send("GET / HTTP/1.1\r\n");
  CHECK(wait_until([&] {
    client.try_send("X");
    return test.server.counters().refused == 1;
  }));
  CHECK(client.read_reply().status == 408);
}

TEST_CASE("server: a slow body is answered 408, whole or in chunks") {
  ServerOptions options = quick_options();
  options.body_deadline = milliseconds(60);
  TestServer test(options);
  for (const char* framing :
       {"Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nfffff\r\n"}) {
    Client client(test.port);
    const std::uint64_t before = test.server.counters().refused;
    client.send("POST /small HTTP/1.1\r\nHost: localhost\r\n" + std::string(framing));
    CHECK(wait_until([&] {
      client.try_send("x");
      return test.server.counters().refused > before;
    }));
    CHECK(client.read_reply().status == 408);
  }
}

TEST_CASE(
    "server: an idle connection is closed without a word, a new one by the deadline of its head") {
  ServerOptions options = quick_options();
  options.idle_deadline = milliseconds(50);
  options.head_deadline = milliseconds(50);
  TestServer test(options);
  Client used(test.port);
  used.send(get_request("/small"));
  CHECK(used.read_reply().status == 200);
  CHECK(used.ended());
  Client silent(test.port);
  CHECK(silent.ended());
  CHECK(test.server.counters().refused == 0);
}

TEST_CASE("server: above the cap the oldest idle connection makes room") {
  ServerOptions options = quick_options();
  options.connections_max = 8;
  TestServer test(options);
  std::vector<Client> idle;
  for (std::uint64_t i = 0; i < 40; ++i) {
    idle.emplace_back(test.port);
    CHECK(wait_until([&] { return test.server.counters().accepted == i + 1; }));
  }
  CHECK(test.server.counters().evicted == 32);
  CHECK(get_once(test.port, "/small").status == 200);
  CHECK(idle.front().ended());
  idle.back().send(get_request("/small"));
  CHECK(idle.back().read_reply().status == 200);
}

TEST_CASE(
    "server: viewers are never evicted; when there are only viewers, others are turned away") {
  ServerOptions options = quick_options();
  options.connections_max = 4;
  TestServer test(options);
  std::vector<Client> viewers;
  for (int i = 0; i < 4; ++i) viewers.push_back(test.viewer());
  CHECK(get_once(test.port, "/small").status == 0);
  CHECK(test.server.counters().turned_away == 1);
  viewers.pop_back();
  CHECK(wait_until([&] { return test.server.viewers() == 3; }));
  CHECK(get_once(test.port, "/small").status == 200);
}

TEST_CASE("server: unfinished bodies together are bounded, and others are served meanwhile") {
  ServerOptions options = quick_options();
  options.input_bytes_max = 1u << 20;
  TestServer test(options);
  const std::string part =
      "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" +
      std::string(300'000, 'x');
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(test.port);
    clients.back().send(part);
  }
  CHECK(wait_until([&] { return test.server.counters().refused >= 6; }));
  CHECK(get_once(test.port, "/small").status == 200);
  CHECK(test.server.counters().refused < 10);
  clients.clear();
  CHECK(wait_until([&] { return test.server.counters().connections == 0; }));
  Client later(test.port);
  later.send(part + std::string(700'000, 'x'));
  CHECK(later.read_reply().status == 405);
}

TEST_CASE("server: unread replies together are bounded") {
  ServerOptions options = quick_options();
  options.output_bytes_max = 1;
  TestServer test(options);
  Client slow(test.port, 4096);
  slow.send(get_request("/big") + get_request("/big") + get_request("/big"));
  CHECK(wait_until([&] { return test.server.counters().requests >= 1; }));
  CHECK(wait_until([&] { return get_once(test.port, "/small").status == 503; }));
  CHECK(slow.read_reply().status == 200);
}

TEST_CASE("server: a second server on the same port is refused, and says so") {
  TestServer test;
  Server second;
  const Server::Started started = second.start("127.0.0.1", test.port);
  CHECK(started.port == 0);
  CHECK(started.error == "cannot listen on 127.0.0.1:" + std::to_string(test.port) +
                             ": another program already does");
  CHECK(second.stop(milliseconds(0)));
  CHECK_FALSE(second.publish("x", shared_text("y")));
  CHECK(get_once(test.port, "/small").status == 200);
}

TEST_CASE("server: addresses that cannot be listened on are errors") {
  CHECK(Server().start("not an address", 0).error.find("not an IP address") != std::string::npos);
  CHECK(Server().start("203.0.113.1", 0).error.find("does not have that address") !=
        std::string::npos);
}

TEST_CASE("server: a wildcard server answers to the address that the client used") {
  Server server(quick_options());
  server.get("/small", [](const Request&) { return text("small"); });
  const Server::Started started = server.start("0.0.0.0", 0);
  REQUIRE(started.error == "");
  Client client(started.port);
  client.send("GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  CHECK(client.read_reply().status == 200);
  client.send("GET /small HTTP/1.1\r\nHost: 192.0.2.7\r\n\r\n");
  CHECK(client.read_reply().status == 403);
}

TEST_CASE("server: stopping ends streams properly and idle connections at once") {
  TestServer test;
  std::vector<Client> viewers;
  for (int i = 0; i < 20; ++i) viewers.push_back(test.viewer());
  Client idle(test.port);
  Client half(test.port);
  half.send("POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(wait_until([&] { return test.server.counters().connections == 22; }));
  CHECK(test.server.stop(milliseconds(10'000)));
  for (Client& viewer : viewers) CHECK(viewer.read_to_end() == "0\r\n\r\n");
  CHECK(idle.ended());
  CHECK(half.ended());
  CHECK_FALSE(Client(test.port).connected());
  CHECK_FALSE(test.server.publish("late", shared_text("x")));
  CHECK(test.server.stop(milliseconds(0)));
}

TEST_CASE("server: stopping waits for a reply under way") {
  TestServer test;
  Client client(test.port, 4096);
  client.send(get_request("/big"));
  CHECK(wait_until([&] { return test.server.counters().requests == 1; }));
  Reply reply;
  std::thread reader([&] { reply = client.read_reply(); });
  CHECK(test.server.stop(milliseconds(10'000)));
  reader.join();
  CHECK(reply.body.size() == 200'000);
}

TEST_CASE("server: stopping cuts what does not read when the grace is over") {
  TestServer test;
  std::vector<Client> stalled;
  for (int i = 0; i < 3; ++i) stalled.push_back(test.viewer(4096));
  const auto event = shared_text(std::string(600'000, 'x'));
  CHECK(test.server.publish("big", event));
  CHECK(wait_until([&] { return test.server.counters().events == 1; }));
  CHECK_FALSE(test.server.stop(milliseconds(50)));
}

TEST_CASE("server: a server that is destroyed stops") {
  std::uint16_t port = 0;
  std::vector<Client> viewers;
  {
    TestServer test;
    port = test.port;
    viewers.push_back(test.viewer());
  }
  CHECK_FALSE(Client(port).connected());
}

}  // namespace
}  // namespace streamflow::web
