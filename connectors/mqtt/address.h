// Addresses of brokers as users write them: `mqtt[s]://[user[:password]@]host[:port][/topic]`.
// Everything after the host's `/` is the topic, verbatim: `#`, `+` and `?` are part of it, and
// nothing in it is percent-decoded.  User and password are.  The host never holds braces: a field
// of a record cannot choose where a sink connects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace streamflow::mqtt {

// A mistake at bytes [begin, end) of a text that a user wrote.
struct Mistake {
  size_t begin = 0;
  size_t end = 0;
  std::string message;
  std::string label = {};
};

struct Address {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 0;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::string topic;       // empty: none was written
  size_t topic_begin = 0;  // where it starts in the text

  // For people and logs: scheme, host, port and topic; never the credentials.
  std::string shown() const;
};

tl::expected<Address, Mistake> parse_address(std::string_view text);

// Whether the host is an IPv4 or IPv6 address, which needs no name service.
bool is_numeric_host(const std::string& host);

}  // namespace streamflow::mqtt
