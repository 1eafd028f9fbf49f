// From a request the gate let through to the bytes of its reply.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "web/assets.h"
#include "web/request_gate.h"
#include "web/routes.h"

namespace streamflow::web {

// Holds the routes and assets.  cpp-httplib reads the rewritten request and writes the reply, over
// a stream that is only memory; it never sees a socket, a raw byte of a client, or a route of ours
// as a regex. Filled before the server starts; respond() belongs to the server's thread.
class Responder {
 public:
  // keep_alive: what replies tell clients about idle connections.
  explicit Responder(std::chrono::seconds keep_alive);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  RouteTable& routes() { return routes_; }
  AssetTable& assets() { return assets_; }

  // Whether a route or an asset has this path.
  bool serves(std::string_view path) const;

  // The whole reply.  Routes serve GET and HEAD, other methods get 405; routes go before assets.
  // A handler that throws becomes a 500.
  std::string respond(const RequestHead& head, const std::string& request, bool keep_alive);

 private:
  class Router;

  Response answer(const RequestHead& head, Request request) const;
  Response answer_asset(const RequestHead& head, const AssetTable::Entry& entry) const;

  RouteTable routes_;
  AssetTable assets_;
  std::unique_ptr<Router> router_;
};

}  // namespace streamflow::web
