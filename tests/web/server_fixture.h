// A server on a free port with a few routes, for tests.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/web/client.h"
#include "web/server.h"

namespace streamflow::web {

inline Response text(std::string body) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

inline std::shared_ptr<const std::string> shared_text(std::string body) {
  return std::make_shared<const std::string>(std::move(body));
}

// Deadlines are looked at every few milliseconds; those that a test does not shorten are the usual
// ones.
inline ServerOptions quick_options() {
  ServerOptions options;
  options.sweep = std::chrono::milliseconds(5);
  return options;
}

// "hello" compressed by gzip; the bytes only have to come out as they went in.
inline constexpr std::array<unsigned char, 25> kHelloGzip = {
    0x1f, 0x8b, 8, 0, 0,    0,    0,    0,    0, 3, 0xcb, 0x48, 0xcd,
    0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0,    0};
inline constexpr std::array<Asset, 2> kAssets = {
    Asset{"/index.html", "text/html; charset=utf-8", kHelloGzip},
    Asset{"/app.js", "text/javascript", kHelloGzip}};

struct TestServer {
  explicit TestServer(const ServerOptions& options = quick_options()) : server(options) {
    server.get("/small", [](const Request&) { return text("small"); });
    server.get("/big", [](const Request&) { return text(std::string(200'000, 'b')); });
    server.get("/bug", [](const Request&) -> Response { throw std::runtime_error("a secret"); });
    server.get("/echo/{what}/end", [](const Request& request) {
      const std::string* query = find_text(request.query, "q");
      return text(*find_text(request.params, "what") + "|" + (query != nullptr ? *query : ""));
    });
    server.assets(kAssets);
    server.stream("/stream", [] { return std::vector<Event>{{"hello", shared_text("first")}}; });
    const Server::Started started = server.start("127.0.0.1", 0);
    REQUIRE(started.error == "");
    port = started.port;
  }

  // A viewer that has read its greeting.
  Client viewer(int receive_bytes = 0) {
    Client client(port, receive_bytes);
    client.send(get_request("/stream"));
    CHECK(client.read_reply(false).status == 200);
    CHECK(client.read_through("data: first\n\n\r\n") == "1a\r\nevent: hello\ndata: first\n\n\r\n");
    return client;
  }

  Server server;
  std::uint16_t port = 0;
};

}  // namespace streamflow::web
