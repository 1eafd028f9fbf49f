// With responder.cpp the only file that includes cpp-httplib: see there.
#include "web/fetch.h"

#include <httplib.h>

namespace streamflow::web {

Result<Fetched> fetch(const std::string& address, const std::string& path) {
  constexpr time_t kPatience = 3;  // seconds
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos)
    return fail(ErrorKind::kConfig, "'" + address + "' is no address: write HOST:PORT");
  httplib::Client client(host, std::stoi(port));
  client.set_connection_timeout(kPatience);
  client.set_read_timeout(kPatience);
  client.set_write_timeout(kPatience);
  const httplib::Result reply = client.Get(path.c_str());
  if (!reply) return fail(ErrorKind::kIo, "no streamflowd answers at " + address + ": " + to_string(reply.error()));
  return Fetched{reply->status, reply->body};
}

}  // namespace streamflow::web
