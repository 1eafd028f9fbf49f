// Tells a service manager how the daemon is: the datagrams of sd_notify(3), without its library.
// The protocol is that manual page's ("Well-known assignments", "Notes"), in systemd since 2010 and
// kept stable; podman speaks it too.
//
// Everything is for the loop's thread, nothing blocks: what the socket does not take now is kept
// and sent a moment later, in order.  Without $NOTIFY_SOCKET all calls do nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/loop.h"
#include "core/pipeline.h"
#include "daemon/status.h"

namespace streamflow {

struct ServiceEnvironment {
  std::string
      socket;  // a path, or a name that begins with @ (abstract); empty: there is no manager
  Micros watchdog = 0;  // the manager ends us after that long without a sign of life; 0: never
};

// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID and unsets them, so that no child speaks
// for us. Before there are other threads.
ServiceEnvironment take_service_environment();

class ServiceNotify {
 public:
  static constexpr size_t kStatusBytesMax = 400;  // of a status; longer ones are cut
  static constexpr size_t kWaitingMax = 64;       // messages; beyond, the oldest are dropped
  static constexpr Micros kRetry = 50 * kMicrosPerMilli;

  ServiceNotify(Loop& loop, ServiceEnvironment environment);
  ~ServiceNotify();
  ServiceNotify(const ServiceNotify&) = delete;
  ServiceNotify& operator=(const ServiceNotify&) = delete;

  // The start, or a reload, is complete.  Sent once for each.  From the first on, a sign of life
  // goes out twice in each watchdog period, from a timer of the loop: when the loop stands still,
  // so does it.
  void ready();
  // A reload begins; `monotonic`: CLOCK_MONOTONIC.  ready() ends it.
  void reloading(Micros monotonic);
  void stopping();
  // A line for people (`systemctl status`), sent when it has changed.
  void status(std::string_view text);

 private:
  void send(std::string message);
  void send_waiting();
  void sign_of_life();

  Loop& loop_;
  const ServiceEnvironment environment_;
  int fd_ = -1;
  bool is_ready_ = false;
  std::string status_;
  std::deque<std::string> waiting_;
  bool failing_ = false;
  Loop::Id retry_ = 0, watchdog_ = 0;
};

// The status line: how many pipelines run, and what is wrong, as in
// "2 pipelines running, 1 degraded: temperature: mqtt down (connection refused)".
std::string service_status(const std::vector<std::unique_ptr<Pipeline>>& pipelines, size_t arriving,
                           const ReloadStatus& reload);

}  // namespace streamflow
