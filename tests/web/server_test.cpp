// Requests and replies over real sockets.
#include "web/server.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/web/server_fixture.h"

namespace streamflow::web {
namespace {

using std::chrono::milliseconds;

std::string post(std::string_view headers, std::string_view body = {}) {
  return "POST /small HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

TEST_CASE("server: 21 pipelined requests get 21 replies, in order") {
  TestServer test;
  Client client(test.port);
  std::string all;
  for (int i = 0; i < 19; ++i) all += get_request("/echo/" + std::to_string(i) + "/end");
  all += post("Content-Length: 5\r\n", "hello") + get_request("/small", "Connection: close\r\n");
  client.send(all);
  for (int i = 0; i < 19; ++i) CHECK(client.read_reply().body == std::to_string(i) + "|");
  CHECK(client.read_reply().status == 405);
  CHECK(client.read_reply().body == "small");
  CHECK(client.ended());
}

TEST_CASE("server: a pipeline of more reply bytes than may wait is answered whole") {
  TestServer test;
  Client client(test.port);
  constexpr int kRequests = 40;
  std::string all;
  for (int i = 0; i < kRequests; ++i) all += get_request("/big");
  client.send(all);
  for (int i = 0; i < kRequests; ++i) CHECK(client.read_reply().body.size() == 200'000);
}

TEST_CASE("server: a pipeliner that never reads is held, then closed") {
  ServerOptions options = quick_options();
  options.stall_deadline = milliseconds(100);
  TestServer test(options);
  Client client(test.port, 4096);
  std::string all;
  for (int i = 0; i < 100; ++i) all += get_request("/big");
  CHECK(
      wait_until([&] { return client.try_send(all) < 0 || test.server.counters().stalled == 1; }));
  CHECK(wait_until([&] { return test.server.counters().connections == 0; }));
  // One reply fills what may wait, so that few were made however many were asked for.
  CHECK(test.server.counters().requests < 10);
}

TEST_CASE("server: routes decode their path and query; what is not there is a 404 in JSON") {
  TestServer test;
  CHECK(get_once(test.port, "/echo/a%20b/end?q=%C3%A9+1&x").body == "a b|\xc3\xa9 1");
  const Reply missing = get_once(test.port, "/echo/a/b/end");
  CHECK(missing.status == 404);
  CHECK(missing.body == "{\"error\":\"there is nothing at this path\"}\n");
  CHECK(missing.headers.at("content-type") == "application/json");
  CHECK(get_once(test.port, "/echo/" + std::string(256, 'x') + "/end").status == 200);
  CHECK(get_once(test.port, "/echo/" + std::string(257, 'x') + "/end").status == 404);
  CHECK(get_once(test.port, "/echo//end").status == 404);
}

TEST_CASE("server: every reply carries the security headers") {
  TestServer test;
  for (const char* target : {"/small", "/nothing", "/app.js", "/bug", "/%00"}) {
    CAPTURE(target);
    const Reply reply = get_once(test.port, target, "Accept-Encoding: gzip\r\n");
    CHECK(reply.headers.at("content-security-policy").substr(0, 19) == "default-src 'self';");
    CHECK(reply.headers.at("x-content-type-options") == "nosniff");
    CHECK(reply.headers.at("referrer-policy") == "no-referrer");
    CHECK(reply.headers.at("cache-control") ==
          (std::string(target) == "/app.js" ? "no-cache" : "no-store"));
  }
}

TEST_CASE("server: HEAD has the length and no body; other methods are refused by path") {
  TestServer test;
  Client client(test.port);
  client.send("HEAD /small HTTP/1.1\r\nHost: localhost\r\n\r\n" + get_request("/small"));
  CHECK(client.read_reply(false).headers.at("content-length") == "5");
  CHECK(client.read_reply().body == "small");
  client.send("DELETE /small HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Reply refused = client.read_reply();
  CHECK(refused.status == 405);
  CHECK(refused.headers.at("allow") == "GET, HEAD");
  client.send("PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.read_reply().status == 404);
}

TEST_CASE("server: a handler that throws is a 500 that says nothing of why") {
  TestServer test;
  Client client(test.port);
  client.send(get_request("/bug") + get_request("/small"));
  const Reply reply = client.read_reply();
  CHECK(reply.status == 500);
  CHECK(reply.body.find("secret") == std::string::npos);
  for (const auto& [name, value] : reply.headers) CHECK(value.find("secret") == std::string::npos);
  CHECK(client.read_reply().status == 200);
}

TEST_CASE("server: replies are never compressed on the fly") {
  TestServer test;
  const Reply reply = get_once(test.port, "/big", "Accept-Encoding: gzip, br\r\n");
  CHECK(reply.headers.count("content-encoding") == 0);
  CHECK(reply.body.size() == 200'000);
}

TEST_CASE("server: assets go out compressed as they are, with an entity tag") {
  TestServer test;
  const std::string hello(kHelloGzip.begin(), kHelloGzip.end());
  const Reply page = get_once(test.port, "/", "Accept-Encoding: gzip, deflate, br\r\n");
  CHECK(page.status == 200);
  CHECK(page.body == hello);
  CHECK(page.headers.at("content-encoding") == "gzip");
  CHECK(page.headers.at("content-type") == "text/html; charset=utf-8");
  const std::string tag = page.headers.at("etag");
  const std::string known = "Accept-Encoding: gzip\r\nIf-None-Match: \"x\", " + tag + "\r\n";
  const Reply same = get_once(test.port, "/index.html", known);
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(get_once(test.port, "/app.js").status == 406);
}

TEST_CASE("server: Range is not looked at") {
  TestServer test;
  const Reply reply = get_once(test.port, "/small", "Range: bytes=0-0,1-1,2-2\r\n");
  CHECK(reply.status == 200);
  CHECK(reply.body == "small");
}

TEST_CASE("server: foreign Host and Origin are refused before the body is read") {
  ServerOptions options = quick_options();
  options.allowed_hosts = {"Gateway.example"};
  TestServer test(options);
  const auto status = [&test](std::string_view host, std::string_view more = {}) {
    Client client(test.port);
    client.send("GET /small HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(more) +
                "\r\n");
    return client.read_reply().status;
  };
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:80",
                           "gateway.example:443"})
    CHECK(status(host) == 200);
  for (const char* host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:x",
        "localhost:1:2", "[::1", "a@localhost", "localhost/x", "", "8.8.8.8"})
    CHECK(status(host) == (std::string(host).empty() ? 200 : 403));
  CHECK(status("localhost:8080", "Origin: http://localhost:8080\r\n") == 200);
  CHECK(status("localhost:8080", "Origin: https://gateway.example\r\n") == 200);
  for (const char* origin :
       {"http://evil.example", "http://localhost", "http://localhost:8081", "null", "", "file://",
        "http://localhost:8080.evil.example", "http://localhost:8080/"})
    CHECK(status("localhost:8080", "Origin: " + std::string(origin) + "\r\n") == 403);
  Client client(test.port);
  client.send(post("Origin: http://evil.example\r\nContent-Length: 100000\r\n"));
  CHECK(client.read_reply().status == 403);
}

TEST_CASE("server: hostile requests get an error and the connection ends") {
  TestServer test;
  const std::vector<std::pair<std::string, int>> cases = {
      {"\x16\x03\x01\x02\x00\x01", 400},
      {"GET / HTTP/1.1\nHost: localhost\n\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505},
      {post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
      {post("Content-Length : 34\r\n", get_request("/small")), 400},
      {post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n" + get_request("/small")),
       400},
      {get_request("/" + std::string(2000, 'a')), 414},
      {post("Content-Length: 200000000\r\n"), 413},
      {"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n", 501}};
  for (const auto& [bytes, expected] : cases) {
    CAPTURE(bytes);
    Client client(test.port);
    client.send(bytes);
    const Reply reply = client.read_reply();
    CHECK(reply.status == expected);
    CHECK(reply.headers.at("connection") == "close");
    CHECK(client.ended());
  }
  CHECK(test.server.counters().refused == cases.size());
  CHECK(test.server.counters().requests == 0);
}

TEST_CASE("server: the error arrives although the client is still sending") {
  TestServer test;
  Client client(test.port);
  const std::string chunk = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
  client.send(post("Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 60; ++i) client.send(chunk);
  CHECK(client.read_reply().status == 413);
}

TEST_CASE("server: a body may come late, or be asked for, and is not the next request") {
  TestServer test;
  Client client(test.port);
  client.send(post("Content-Length: 40\r\nExpect: 100-continue\r\n"));
  CHECK(client.read_through("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n");  // 40 bytes
  CHECK(client.read_reply().status == 405);
  client.send(get_request("/small"));
  CHECK(client.read_reply().status == 200);
}

TEST_CASE("server: a client that has closed its side still gets its reply") {
  TestServer test;
  Client client(test.port);
  client.send(get_request("/big") + get_request("/big"));
  client.end_sending();
  CHECK(client.read_reply().body.size() == 200'000);
  CHECK(client.read_reply().body.size() == 200'000);
  CHECK(client.ended());
}

TEST_CASE("server: HTTP/1.0 ends with its reply, and may leave out Host") {
  TestServer test;
  Client client(test.port);
  client.send("GET /small HTTP/1.0\r\n\r\n");
  CHECK(client.read_reply().body == "small");
  CHECK(client.ended());
}

}  // namespace
}  // namespace streamflow::web
