// Bodies of records through a real socket: who is refused before the body, and what the answers
// wait for.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/web/server_fixture.h"

namespace streamflow::web {
namespace {

using Millis = std::chrono::milliseconds;

// Keeps requests until the test answers them.
class Receiver final : public IngestReceiver {
 public:
  IngestReply admit(const IngestHead&) override {
    const std::lock_guard lock(mutex_);
    return admission_;
  }
  void receive(IngestRequest request) override {
    if (at_once) return request.answer({200, "", request.body.size()});
    const std::lock_guard lock(mutex_);
    requests.push_back(std::move(request));
  }
  size_t body_bytes_max() const override { return body_max; }

  size_t count() {
    const std::lock_guard lock(mutex_);
    return requests.size();
  }
  IngestRequest take() {
    CHECK(wait_until([this] { return count() > 0; }));
    const std::lock_guard lock(mutex_);
    IngestRequest first = std::move(requests.front());
    requests.erase(requests.begin());
    return first;
  }
  void admit_with(IngestReply reply) {
    const std::lock_guard lock(mutex_);
    admission_ = std::move(reply);
  }
  std::atomic<bool> at_once{false};
  std::atomic<size_t> body_max{1000};

 private:
  std::mutex mutex_;
  IngestReply admission_;
  std::vector<IngestRequest> requests;
};

struct IngestServer : TestServer {
  explicit IngestServer(const ServerOptions& options = quick_options()) : TestServer(options) {
    server.ingest().expect("/ingest/a");
    CHECK(server.ingest().open("/ingest/a", receiver));
  }
  std::shared_ptr<Receiver> receiver = std::make_shared<Receiver>();
};

std::string post(std::string_view target, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

Reply post_once(std::uint16_t port, std::string_view target, std::string_view body,
                std::string_view headers = {}) {
  Client client(port);
  client.send(post(target, body, headers));
  return client.read_reply();
}

TEST_CASE("ingest: the reply waits for the answer, and the connection goes on") {
  IngestServer s;
  Client client(s.port);
  client.send(post("/ingest/a?x=1", "{\"n\":1}",
                   "Content-Type: application/json\r\nX-Device: d\r\nX-device: e\r\n"));
  IngestRequest request = s.receiver->take();
  CHECK(request.body == "{\"n\":1}");
  CHECK(request.head.content_type == "application/json");
  CHECK(request.head.headers == IngestHeaders{{"x-device", "d, e"}});
  request.answer({200, "", 1});
  Reply reply = client.read_reply();
  CHECK(reply.status == 200);
  CHECK(reply.body == "{\"accepted\":1}\n");
  CHECK(reply.headers["connection"] == "keep-alive");
  CHECK(reply.headers["x-content-type-options"] == "nosniff");
  client.send(post("/ingest/a", "x"));
  s.receiver->take().answer({200, "", 2, true});
  CHECK(client.read_reply().body == "{\"accepted\":2,\"repeated\":true}\n");
  client.send(get_request("/small"));
  CHECK(client.read_reply().body == "small");
  CHECK(s.server.counters().ingest_accepted == 2);
  CHECK(s.server.counters().ingest_records == 1);
}

TEST_CASE("ingest: what is pipelined is answered in order, one body at a time") {
  IngestServer s;
  Client client(s.port);
  client.send(post("/ingest/a", "1") + get_request("/small") + post("/ingest/a", "2") +
              post("/ingest/a", "3"));
  IngestRequest first = s.receiver->take();
  CHECK(first.body == "1");
  CHECK(s.receiver->count() == 0);
  first.answer({400, "bad"});
  CHECK(client.read_reply().body == "{\"error\":\"bad\"}\n");
  CHECK(client.read_reply().body == "small");
  for (const char* body : {"2", "3"}) {
    IngestRequest next = s.receiver->take();
    CHECK(next.body == body);
    next.answer({});
    CHECK(client.read_reply().status == 200);
  }
  s.receiver->at_once = true;
  std::string many;
  for (int i = 0; i < 300; ++i) many += post("/ingest/a", std::string(static_cast<size_t>(i), 'x'));
  client.send(many);
  for (int i = 0; i < 300; ++i)
    CHECK(client.read_reply().body == "{\"accepted\":" + std::to_string(i) + "}\n");
}

TEST_CASE("ingest: chunked bodies arrive whole, and 100-continue is said") {
  IngestServer s;
  s.receiver->at_once = true;
  Client client(s.port);
  client.send(
      "POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n");
  CHECK(client.read_reply().body == "{\"accepted\":7}\n");
  client.send(
      "POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "2\r\n\r\n");
  CHECK(client.read_through("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("{}");
  CHECK(client.read_reply().status == 200);
}

TEST_CASE("ingest: refused before a byte of the body") {
  IngestServer s;
  const auto refused = [&s](std::string_view head) {
    Client client(s.port);
    client.send(std::string(head) + "\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n");
    Reply reply = client.read_reply();
    CHECK(client.ended());
    return reply;
  };
  Reply reply = refused("PUT /ingest/a HTTP/1.1");
  CHECK(reply.status == 405);
  CHECK(reply.headers["allow"] == "POST");
  CHECK(get_once(s.port, "/ingest/a").status == 405);
  reply = refused("POST /ingest/b HTTP/1.1");
  CHECK(reply.status == 404);
  CHECK(reply.body.find("did you mean /ingest/a?") != std::string::npos);
  s.server.ingest().expect("/ingest/later");
  reply = refused("POST /ingest/later HTTP/1.1");
  CHECK(reply.status == 503);
  CHECK(reply.headers["retry-after"] == "1");
  s.receiver->admit_with({429, "busy", 0, false, 7});
  reply = refused("POST /ingest/a HTTP/1.1");
  CHECK(reply.status == 429);
  CHECK(reply.headers["retry-after"] == "7");
  CHECK(s.server.counters().ingest_busy == 1);
  s.receiver->admit_with({401, "token"});
  CHECK(refused("POST /ingest/a HTTP/1.1").headers["www-authenticate"] == "Bearer");
  CHECK(s.receiver->count() == 0);
  CHECK(post_once(s.port, "/small", "x").status == 405);  // a route of another method
}

TEST_CASE("ingest: Host and Origin hold; clients without Origin are no browsers and may send") {
  IngestServer s;
  s.receiver->at_once = true;
  CHECK(post_once(s.port, "/ingest/a", "x").status == 200);
  CHECK(post_once(s.port, "/ingest/a", "x", "Origin: http://evil.example\r\n").status == 403);
  CHECK(post_once(s.port, "/ingest/a", "x", "Origin: null\r\n").status == 403);
  CHECK(post_once(s.port, "/ingest/a", "x", "Origin: http://localhost\r\n").status == 200);
  Client client(s.port);
  client.send("POST /ingest/a HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1\r\n\r\nx");
  CHECK(client.read_reply().status == 403);
}

TEST_CASE("ingest: a path's own limit on bodies, above and below the server's") {
  IngestServer s;
  s.receiver->at_once = true;
  CHECK(post_once(s.port, "/ingest/a", std::string(1000, 'x')).status == 200);
  CHECK(post_once(s.port, "/ingest/a", std::string(1001, 'x')).status == 413);
  Client chunked(s.port);
  chunked.send(
      "POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
  CHECK(chunked.read_reply().status == 413);
  s.receiver->body_max = 3u << 20;
  CHECK(post_once(s.port, "/ingest/a", std::string(3u << 20, 'x')).status == 200);
  CHECK(post_once(s.port, "/ingest/a", std::string((3u << 20) + 1, 'x')).status == 413);
}

TEST_CASE("ingest: requests that could mean two things are refused") {
  IngestServer s;
  s.receiver->at_once = true;
  const auto status = [&s](std::string_view headers, std::string_view body) {
    Client client(s.port);
    client.send("POST /ingest/a HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n" +
                std::string(body));
    const Reply reply = client.read_reply();
    CHECK(client.ended());
    return reply.status;
  };
  const std::string smuggled =
      "0\r\n\r\nPOST /ingest/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
  CHECK(status("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", smuggled) == 400);
  CHECK(status("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", smuggled) == 400);
  CHECK(status("Content-Length: 1\r\nContent-Length: 1\r\n", "x") == 400);
  CHECK(status("Content-Length: 1, 1\r\n", "x") == 400);
  CHECK(status("Content-Length : 1\r\n", "x") == 400);
  CHECK(status("Content-Length: +1\r\n", "x") == 400);
  CHECK(status("Content-Length: 99999999999999999999\r\n", "x") == 413);
  CHECK(status("Transfer-Encoding: gzip, chunked\r\n", smuggled) == 501);
  CHECK(status("Transfer-Encoding:\tchunked\r\nTransfer-Encoding: identity\r\n", smuggled) == 400);
  CHECK(status("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n") == 400);
  CHECK(status("Transfer-Encoding: chunked\r\n", "-1\r\n") == 400);
  CHECK(status("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x") == 415);
  CHECK(status("Authorization: a\r\nAuthorization: b\r\nContent-Length: 1\r\n", "x") == 400);
  CHECK(status("X: " + std::string(20'000, 'x') + "\r\n", "") == 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X-" + std::to_string(i) + ": v\r\n";
  CHECK(status(many, "") == 431);
  CHECK(s.server.counters().ingest_accepted == 0);
}

TEST_CASE("ingest: a slow body holds nobody else up, and ends by its deadline") {
  ServerOptions options = quick_options();
  options.body_deadline = Millis(100);
  IngestServer s(options);
  s.receiver->at_once = true;
  Client slow(s.port);
  slow.send("POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(post_once(s.port, "/ingest/a", "x").status == 200);
  CHECK(slow.read_reply().status == 408);
}

TEST_CASE("ingest: a client that leaves before its answer harms nobody") {
  IngestServer s;
  {
    Client gone(s.port);
    gone.send(post("/ingest/a", "gone"));
    CHECK(wait_until([&s] { return s.receiver->count() == 1; }));
  }
  Client half(s.port);  // closes its side only: it still gets its answer
  half.send(post("/ingest/a", "half"));
  half.end_sending();
  CHECK(wait_until([&s] { return s.receiver->count() == 2; }));
  s.receiver->take().answer({});
  s.receiver->take().answer({200, "", 5});
  CHECK(half.read_reply().body == "{\"accepted\":5}\n");
  CHECK(half.ended());
  CHECK(wait_until([&s] { return s.server.counters().connections == 0; }));
}

TEST_CASE("ingest: without an answer in time it is 503, and the late answer is nobody's") {
  ServerOptions options = quick_options();
  options.ingest_deadline = Millis(50);
  IngestServer s(options);
  Client client(s.port);
  client.send(post("/ingest/a", "x"));
  IngestRequest request = s.receiver->take();
  const Reply late = client.read_reply();
  CHECK(late.status == 503);
  CHECK(late.headers.at("retry-after") == "5");
  request.answer({200, "", 1});
  request.answer({200, "", 1});
  client.send(get_request("/small"));
  CHECK(client.read_reply().body == "small");
}

TEST_CASE("ingest: connections that wait for their answer are not evicted as idle") {
  ServerOptions options = quick_options();
  options.connections_max = 2;
  IngestServer s(options);
  Client waiting(s.port);
  waiting.send(post("/ingest/a", "x"));
  IngestRequest request = s.receiver->take();
  for (int i = 0; i < 10; ++i) CHECK(get_once(s.port, "/small").status == 200);
  request.answer({});
  CHECK(waiting.read_reply().status == 200);
}

TEST_CASE(
    "ingest: a server that stops gives answers that come in its grace, and takes late ones "
    "silently") {
  auto s = std::make_unique<IngestServer>();
  const auto receiver = s->receiver;
  Client client(s->port), never(s->port);
  client.send(post("/ingest/a", "x"));
  IngestRequest request = receiver->take();
  never.send(post("/ingest/a", "y"));
  IngestRequest unanswered = receiver->take();
  std::thread answering([&request, &client] {
    request.answer({503, "stopping", 0, false, 1});
    CHECK(client.read_reply().status == 503);
  });
  CHECK_FALSE(s->server.stop(Millis(200)));
  answering.join();
  CHECK(client.ended());
  s.reset();
  unanswered.answer({});
}

TEST_CASE("ingest: answers come from several threads while paths open and close") {
  IngestServer s;
  std::atomic<bool> done{false};
  std::thread answering([&s, &done] {
    while (!done) {
      if (s.receiver->count() > 0) s.receiver->take().answer({});
    }
  });
  std::thread paths([&s, &done] {
    const auto other = std::make_shared<Receiver>();
    other->at_once = true;
    while (!done) {
      s.server.ingest().expect("/b");
      s.server.ingest().open("/b", other);
      s.server.ingest().close("/b", *other);
      s.server.ingest().forget("/b");
    }
  });
  for (int i = 0; i < 100; ++i) {
    CHECK(post_once(s.port, "/ingest/a", "x").status == 200);
    const int status = post_once(s.port, "/b", "x").status;
    CHECK((status == 404 || status == 503 || status == 200));
  }
  done = true;
  answering.join();
  paths.join();
}

}  // namespace
}  // namespace streamflow::web
