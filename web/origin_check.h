// Which Host and Origin headers are answered: the guard against DNS rebinding and other sites'
// scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "web/request_gate.h"

namespace streamflow::web {

// A page of another site can make a browser send requests here, and by pointing a name of its own
// at this machine can even read the replies.  So Host must name this machine: `localhost`, a
// loopback address, the address the connection came in on, or an allowed host.  An Origin must be
// the same host and port as Host, or an allowed host (a proxy in front may have rewritten Host).
// Immutable; any thread.
class OriginCheck {
 public:
  // bound: the address listened on, without a port.  allowed: names or addresses, without ports.
  OriginCheck(std::string_view bound, const std::vector<std::string>& allowed);

  // local: this machine's end of the connection, without a port.  Status 0 or 403.
  Refusal check(const RequestHead& head, std::string_view local) const;

 private:
  bool is_allowed(std::string_view name) const;

  std::vector<std::string> own_;
  std::vector<std::string> allowed_;
};

}  // namespace streamflow::web
