// What the thread that connects by name shares with its Client.  Private to client*.cpp.
#pragma once

#include <mosquitto.h>

#include <mutex>
#include <string>

#include "connectors/mqtt/client.h"

namespace streamflow::mqtt {

// The last of the two ends the handle.
struct Client::Link {
  mosquitto* handle = nullptr;
  Client* client = nullptr;  // null once it is gone; loop thread only
  std::string tls_error;     // of the attempt in progress, by whoever makes it
  std::mutex mutex;          // of those below
  Loop* loop = nullptr;      // null: nobody wants the result
  uint64_t attempt = 0;      // whose result these are
  bool done = false;
  int code = 0, error = 0;

  ~Link() {
    if (handle != nullptr) mosquitto_destroy(handle);
  }
};

}  // namespace streamflow::mqtt
