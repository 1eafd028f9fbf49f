#include "web/request_gate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/web/gate_run.h"

namespace streamflow::web {
namespace {

constexpr std::string_view kHost = "Host: a\r\n";

std::string get(std::string_view target, std::string_view headers = kHost) {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string rewritten(std::string_view line, std::string_view body = {}) {
  return std::string(line) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// The status with which the bytes are refused; 0 if they are not.  Whatever the cut, it must be the
// same.
int refused(const std::string& bytes) {
  const std::vector<std::string> whole = run_gate({bytes});
  CHECK(run_gate(split_each(bytes)) == whole);
  const std::string& last = whole.back();
  return last.size() > 3 && last[3] == ' ' && last[0] >= '1' && last[0] <= '9' ? std::stoi(last)
                                                                               : 0;
}

TEST_CASE("gate: a request is written anew with what the server needs, and nothing else") {
  const std::string bytes =
      "GET /a?b=c HTTP/1.1\r\nhOsT:  a \t\r\nRange: bytes=0-1\r\nAccept-Encoding: gzip, br\r\n"
      "Upgrade: h2c\r\nConnection: Upgrade\r\nTE: trailers\r\nX-Other: \xc3\xa9\r\n\r\n";
  CHECK(run_gate({bytes}) == std::vector<std::string>{rewritten("GET /a?b=c"), "idle"});
}

TEST_CASE("gate: chunks are joined; extensions and trailers are dropped") {
  const std::string bytes = post("Transfer-Encoding: Chunked\r\n",
                                 "4;x=y\r\nwiki\r\n005\r\npedia\r\n0\r\nX-Sum: 1\r\n\r\n") +
                            get("/next");
  CHECK(run_gate({bytes}) == std::vector<std::string>{rewritten("POST /p", "wikipedia"),
                                                      rewritten("GET /next"), "idle"});
}

TEST_CASE("gate: the cut of the input does not matter, wherever it is") {
  const std::vector<std::string> inputs = {
      get("/1") + post("Content-Length: 5\r\n", "hello") + get("/2") + get("/3"),
      post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
           "3\r\nabc\r\n0\r\nT: 1\r\n\r\n") +
          get("/2"),
      post("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"),
      get("/1") + "GET /2 HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "HEAD /old HTTP/1.0\r\n\r\nGET /new HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      post("Content-Length: 10\r\n", "short"),
  };
  for (const std::string& input : inputs) {
    const std::vector<std::string> whole = run_gate({input});
    CHECK(run_gate(split_each(input)) == whole);
    for (std::size_t at = 0; at <= input.size(); ++at)
      CHECK(run_gate(split_at(input, at)) == whole);
  }
}

TEST_CASE("gate: what two readers could take two ways is refused") {
  CHECK(refused(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")) == 400);
  CHECK(refused(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")) == 400);
  CHECK(refused(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")) == 400);
  CHECK(refused(post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc")) == 400);
  CHECK(refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "")) == 400);
  CHECK(refused(get("/", "Host: a\r\nHost: b\r\n")) == 400);
  CHECK(refused(get("/", "Host: a\r\nX: 1\r\n folded\r\n")) == 400);
  CHECK(refused(get("/", "Host: a\r\n\tfolded\r\n")) == 400);
  CHECK(refused(get("/", "Host : a\r\n")) == 400);
  CHECK(refused(post("Content-Length : 34\r\n", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")) ==
        400);
  CHECK(refused(post("Transfer-Encoding: identity\r\n", "")) == 501);
  CHECK(refused(post("Transfer-Encoding: gzip, chunked\r\n", "")) == 501);
  CHECK(refused(post("Transfer-Encoding: chunked, identity\r\n", "")) == 501);
  CHECK(refused(post("Transfer-Encoding: \x0b"
                     "chunked\r\n",
                     "")) == 400);
  CHECK(refused(post("Transfer-Encoding:\r\n", "")) == 501);
  CHECK(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\nHost: a\n\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n") == 400);
}

TEST_CASE("gate: numbers are digits and nothing else") {
  for (const char* length : {"", "+3", "-1", "3 ", " 3", "0x3", "3,3", "3;", "1e1"}) {
    CAPTURE(length);
    const int status = refused(post("Content-Length: " + std::string(length) + "\r\n", "abc"));
    CHECK(status ==
          (std::string_view(length) == "3 " || std::string_view(length) == " 3" ? 0 : 400));
  }
  CHECK(refused(post("Content-Length: 1048577\r\n", "")) == 413);
  CHECK(refused(post("Content-Length: 99999999999999999999999\r\n", "")) == 413);
  CHECK(refused(post("Content-Length: 18446744073709551619\r\n", "abc")) == 413);
  CHECK(refused(post("Content-Length: 000000000000000000000000003\r\n", "abc")) == 0);
  for (const char* size :
       {"", " 3", "3 ", "0x3", "+3", "-3", "g", "3\t", "3 ;a", "fffffffffffffffff"}) {
    CAPTURE(size);
    CHECK(refused(post("Transfer-Encoding: chunked\r\n",
                       std::string(size) + "\r\nabc\r\n0\r\n\r\n")) == 400);
  }
}

TEST_CASE("gate: chunk framing is exact") {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  CHECK(refused(post(chunked, "3\r\nabcX0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "3\r\nabc\n0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "3\nabc\r\n0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "3\r\nab\r\n0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "3;" + std::string(70, 'x') + "\r\nabc\r\n0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "3;a\rb\r\nabc\r\n0\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "0\r\nno colon\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "0\r\n folded: 1\r\n\r\n")) == 400);
  CHECK(refused(post(chunked, "0\r\nX: " + std::string(3000, 'x') + "\r\n\r\n")) == 431);
  CHECK(refused(post(chunked, "100001\r\n")) == 413);
  CHECK(refused(post(chunked, "fffffffffffffff\r\n")) == 413);
}

TEST_CASE("gate: the request line is exact") {
  CHECK(refused("\x16\x03\x01\x02") == 400);
  CHECK(refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refused(" GET / HTTP/1.1\r\n") == 400);
  CHECK(refused("get / HTTP/1.1\r\n") == 400);
  CHECK(refused("GET  / HTTP/1.1\r\n") == 400);
  CHECK(refused("GET /a b HTTP/1.1\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1 \r\n") == 400);
  CHECK(refused("GET /\r\n") == 400);
  CHECK(refused("GET / HTTP/9.9\r\n") == 505);
  CHECK(refused("GET / HTTP/1.2\r\n") == 505);
  CHECK(refused("GET / HTTP/11\r\n") == 400);
  CHECK(refused("GET / http/1.1\r\n") == 400);
  CHECK(refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(refused("BREW / HTTP/1.1\r\n") == 501);
  CHECK(refused("CONNECT a:1 HTTP/1.1\r\n") == 501);
  CHECK(refused("TRACE / HTTP/1.1\r\n") == 501);
  CHECK(refused(get("http://a/")) == 400);
  CHECK(refused(get("*")) == 400);
  CHECK(refused(get("/a#b")) == 400);
  CHECK(refused(get("/%00")) == 400);
  CHECK(refused(get("/%0")) == 400);
  CHECK(refused(get("/%zz")) == 400);
  CHECK(refused(get("/\xc3\xa9")) == 400);
  CHECK(refused(get("/%C3%A9?q=%41")) == 0);
}

TEST_CASE("gate: control characters are refused, NUL first of all") {
  using namespace std::string_literals;
  CHECK(refused("GET /\0 HTTP/1.1\r\n"s) == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s) == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"s) == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"s) == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n"s) == 0);
}

TEST_CASE("gate: headers are held to their form") {
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused(get("/", "Host: a\r\nno colon\r\n")) == 400);
  CHECK(refused(get("/", "Host: a\r\n: empty name\r\n")) == 400);
  CHECK(refused(get("/", "Host: a\r\nX(y): 1\r\n")) == 400);
  CHECK(refused(post("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x")) == 415);
  CHECK(refused(post("Content-Type: Multipart/form-data; boundary=x\r\nContent-Length: 1\r\n",
                     "x")) == 415);
  CHECK(refused(post("Expect: 200-ok\r\nContent-Length: 1\r\n", "x")) == 417);
}

TEST_CASE("gate: limits are exact and hold however much comes") {
  CHECK(refused(get("/" + std::string(1023, 'a'))) == 0);
  CHECK(refused(get("/" + std::string(1024, 'a'))) == 414);
  CHECK(refused(get("/" + std::string(100'000, 'a'))) == 414);
  std::string headers = "Host: a\r\n";
  for (int i = 0; i < 99; ++i) headers += "X: 1\r\n";
  CHECK(refused(get("/", headers)) == 0);
  CHECK(refused(get("/", headers + "X: 1\r\n")) == 431);
  CHECK(refused(get("/", "Host: a\r\nX: " + std::string(8 * 1024, 'x') + "\r\n")) == 431);
  const std::string third = "X: " + std::string(5 * 1024, 'x') + "\r\n";
  CHECK(refused(get("/", "Host: a\r\n" + third + third)) == 0);
  CHECK(refused(get("/", "Host: a\r\n" + third + third + third + third)) == 431);
}

TEST_CASE("gate: 96 MB of headers never occupy more than the limit") {
  RequestGate gate;
  gate.feed("GET / HTTP/1.1\r\nHost: a\r\n");
  const std::string block = "X-Filler: " + std::string(1000, 'x') + "\r\n";
  std::size_t fed = 0, most = 0;
  for (; fed < 96'000'000; fed += block.size()) {
    gate.feed(block);
    most = std::max(most, gate.buffered_bytes());
  }
  CHECK(gate.refusal().status == 431);
  CHECK(most <= 32 * 1024);
}

TEST_CASE("gate: an announced body occupies nothing before it comes") {
  RequestGate gate;
  gate.feed(post("Content-Length: 1048576\r\n", "x"));
  CHECK(gate.in_body());
  CHECK(gate.buffered_bytes() < 4096);
}

TEST_CASE("gate: the head is checked before the body is read") {
  int calls = 0;
  RequestGate gate({}, [&calls](const RequestHead& head) {
    ++calls;
    return head.origin == "http://evil" ? Refusal{403, "no"} : Refusal{};
  });
  gate.feed(post("Origin: http://evil\r\nContent-Length: 5\r\n", ""));
  CHECK(calls == 1);
  CHECK(gate.state() == RequestGate::State::kError);
  CHECK(gate.refusal().status == 403);
  CHECK(gate.feed("hello") == 0);
}

TEST_CASE("gate: the check stays in place for the next request") {
  int calls = 0;
  RequestGate gate({}, [&calls](const RequestHead&) {
    ++calls;
    return Refusal{};
  });
  for (int i = 0; i < 3; ++i) {
    gate.feed(get("/"));
    REQUIRE(gate.state() == RequestGate::State::kReady);
    gate.take_request();
  }
  CHECK(calls == 3);
}

TEST_CASE("gate: 100-continue is due once, and only when a body follows") {
  RequestGate gate;
  gate.feed(post("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  CHECK(gate.take_continue());
  CHECK_FALSE(gate.take_continue());
  gate.feed("hello");
  CHECK(gate.state() == RequestGate::State::kReady);
  RequestGate empty;
  empty.feed(post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""));
  CHECK_FALSE(empty.take_continue());
}

TEST_CASE("gate: gzip is taken as the client weighs it") {
  const auto accepts = [](std::string_view value) {
    RequestGate gate;
    gate.feed(get("/", "Host: a\r\nAccept-Encoding: " + std::string(value) + "\r\n"));
    return gate.head().accepts_gzip;
  };
  CHECK(accepts("gzip"));
  CHECK(accepts("deflate, GZIP;q=0.5, br"));
  CHECK(accepts("*"));
  CHECK_FALSE(accepts(""));
  CHECK_FALSE(accepts("br"));
  CHECK_FALSE(accepts("gzip;q=0"));
  CHECK_FALSE(accepts("gzip;q=0.000, *"));
  CHECK_FALSE(accepts("gzippy"));
}

TEST_CASE("gate: keep-alive is the default of 1.1 and the choice of 1.0") {
  const auto keeps = [](const std::string& bytes) {
    RequestGate gate;
    gate.feed(bytes);
    return gate.head().keep_alive;
  };
  CHECK(keeps(get("/")));
  CHECK_FALSE(keeps(get("/", "Host: a\r\nConnection: x, Close\r\n")));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

}  // namespace
}  // namespace streamflow::web
