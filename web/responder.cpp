// With fetch.cpp the only file that includes cpp-httplib.  They must be compiled with the flags of the library's
// package (pkg-config), because they change the layout of its classes.
#include "web/responder.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>

#include "web/reply.h"

namespace streamflow::web {
namespace {

// A request to read and a reply to collect.  The functions without `override` became pure virtual
// in later versions of the library (0.20 and on); declaring them here makes one text fit all of
// them.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view request) : rest_(request) {}
  std::string take() { return std::move(reply_); }

  bool is_readable() const override { return !rest_.empty(); }
  bool is_writable() const { return true; }
  bool wait_readable() const { return !rest_.empty(); }
  bool wait_writable() const { return true; }
  time_t duration() const { return 0; }

  ssize_t read(char* to, std::size_t size) override {
    const std::size_t n = std::min(size, rest_.size());
    if (n > 0) std::memcpy(to, rest_.data(), n);
    rest_.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, std::size_t size) override {
    reply_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { no_address(ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { no_address(ip, port); }
  // Builds without poll refuse descriptors beyond FD_SETSIZE; this one is never used.
  socket_t socket() const override { return 0; }

 private:
  static void no_address(std::string& ip, int& port) {
    ip.clear();
    port = 0;
  }

  std::string_view rest_;
  std::string reply_;
};

}  // namespace

class Responder::Router : public httplib::Server {
 public:
  explicit Router(std::chrono::seconds keep_alive) {
    set_keep_alive_timeout(static_cast<time_t>(keep_alive.count()));
    set_keep_alive_max_count(1'000'000);  // only what "Keep-Alive: max=" says; nobody counts
    // Answers everything, so that the library's own routing, by regular expressions, is never
    // reached.
    set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      fill(from, to);
      return HandlerResponse::Handled;
    });
  }

  using Answer = std::function<Response(Request)>;

  std::string run(const std::string& request, bool keep_alive, Answer answer) {
    answer_ = std::move(answer);
    MemoryStream stream(request);
    process(*this, stream, !keep_alive);
    answer_ = nullptr;
    return stream.take();
  }

 private:
  // The signature grew in 0.18.  A template, so that the branch not taken is not compiled.
  template <class Self>
  static void process(Self& self, httplib::Stream& stream, bool close) {
    bool closed = false;
    if constexpr (requires { self.process_request(stream, close, closed, nullptr); })
      self.process_request(stream, close, closed, nullptr);
    else
      self.process_request(stream, std::string(), 0, std::string(), 0, close, closed, nullptr);
  }

  void fill(const httplib::Request& from, httplib::Response& to) const {
    Request request;
    request.path = from.path;
    for (const auto& [name, value] : from.params) request.query.emplace_back(name, value);
    const Response response = answer_(std::move(request));
    to.status = response.status;
    for (const auto& [name, value] : kSecurityHeaders)
      to.set_header(std::string(name), std::string(value));
    bool cached = false;
    for (const auto& [name, value] : response.headers) {
      to.set_header(name, value);
      cached = cached || name == "Cache-Control";
    }
    if (!cached) to.set_header("Cache-Control", "no-store");
    if (response.body)
      to.set_content(response.body->data(), response.body->size(), response.content_type);
  }

  Answer answer_;
};

Responder::Responder(std::chrono::seconds keep_alive)
    : router_(std::make_unique<Router>(keep_alive)) {}
Responder::~Responder() = default;

bool Responder::serves(std::string_view path) const {
  NamedTexts params;
  return routes_.find(path, params) != nullptr || assets_.find(path) != nullptr;
}

std::string Responder::respond(const RequestHead& head, const std::string& request,
                               bool keep_alive) {
  return router_->run(request, keep_alive, [this, &head](Request parsed) {
    try {
      return answer(head, std::move(parsed));
    } catch (const std::exception&) {
      return error_response(500, "this request met a bug in the server");
    }
  });
}

Response Responder::answer(const RequestHead& head, Request request) const {
  const Handler* handler = routes_.find(request.path, request.params);
  const AssetTable::Entry* asset = handler != nullptr ? nullptr : assets_.find(request.path);
  if (handler == nullptr && asset == nullptr)
    return error_response(404, "there is nothing at this path");
  if (head.method != "GET" && head.method != "HEAD") {
    Response refused = error_response(405, "this path takes GET and HEAD only");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  return handler != nullptr ? (*handler)(request) : answer_asset(head, *asset);
}

// Assets exist only compressed.  Every browser takes gzip; for others saying so is better than
// inflating.
Response Responder::answer_asset(const RequestHead& head, const AssetTable::Entry& entry) const {
  Response response;
  response.content_type = entry.asset.content_type;
  response.headers = {
      {"Cache-Control", "no-cache"}, {"ETag", entry.etag}, {"Vary", "Accept-Encoding"}};
  if (etag_matches(head.if_none_match, entry.etag)) {
    response.status = 304;
    return response;
  }
  if (!head.accepts_gzip) {
    response.status = 406;
    response.content_type = "text/plain";
    response.headers = {{"Vary", "Accept-Encoding"}};
    response.body = std::make_shared<const std::string>(
        "This file is kept compressed: ask with 'Accept-Encoding: gzip' (curl --compressed).\n");
    return response;
  }
  response.headers.emplace_back("Content-Encoding", "gzip");
  const auto* bytes = reinterpret_cast<const char*>(entry.asset.gzip.data());
  response.body = std::make_shared<const std::string>(bytes, entry.asset.gzip.size());
  return response;
}

}  // namespace streamflow::web
