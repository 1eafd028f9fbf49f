// Addresses of Redis servers as users write them: `redis://[[user]:password@]host[:port]/[N/]key`.  N is the
// database, 0 where it is left out.  User and password are percent-decoded, the key is verbatim.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"

namespace streamflow::redis {

struct Address {
  std::string host;
  uint16_t port = 6379;
  std::string user, password;  // empty: none
  int database = 0;
  std::string key;
  size_t key_begin = 0;  // where it starts in the text

  // For people and logs: never the credentials.
  std::string shown() const;
};

Result<Address> parse_address(std::string_view text);

}  // namespace streamflow::redis
