// What the daemon shows: the charts, the status document and the metrics, on the routes of
// docs/http-api.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "web/assets.h"
#include "web/chart.h"
#include "web/server.h"

namespace streamflow::web {

struct HubOptions {
  ServerOptions server;
  std::function<Micros()> wall_clock;           // called on the server's thread
  std::span<const Asset> assets;                // live as long as the program
  std::chrono::milliseconds charts_every{100};  // the period of `charts` events
};

// Owns the server and registers every route on it.  All members may be called by any thread; none
// waits for a viewer or for the network.  add() and remove() may wait a few milliseconds for an
// event to be made.
//
// Every `charts_every` the hub looks at each chart's newest snapshot, sends what came since the one
// it looked at before, and from then on answers /data from it.  So the `seq` of a reply is always
// the `from` of the next event made after it, and a page that has both can join them without a gap
// and without a point drawn twice.
class Hub {
 public:
  explicit Hub(HubOptions options);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  [[nodiscard]] Server::Started start(std::string_view address, std::uint16_t port) {
    return server_.start(address, port);
  }
  bool stop(std::chrono::milliseconds grace) { return server_.stop(grace); }
  // For further routes (before start()) and counters.
  Server& server() { return server_; }

  // A chart of the same id is replaced and keeps its place in the list; new ones go to the end.
  void add(std::shared_ptr<const Chart> chart);
  // Only if it was not replaced meanwhile, as happens where a reload starts the new before it stops
  // the old.
  void remove(const Chart& chart);

  // Those that the pipeline's charts of the same keys (and fields, where there are several) share.
  std::shared_ptr<SeriesSlots> slots(const ChartInfo& info);

  // The document of /api/v1/pipelines, also sent as a `status` event at once.
  void set_status(std::shared_ptr<const std::string> json);
  // The text of /metrics; the server's own figures are added to it.
  void set_metrics(std::shared_ptr<const std::string> text);
  // What /readyz says; not ready until this was called.
  void set_ready(bool ready, std::string_view reason = {});
  // A `reload` event.  error: empty if all went well.
  void reloaded(Micros at, bool ok, std::string_view error, bool charts_changed);

 private:
  struct Entry {
    std::shared_ptr<const Chart> chart;
    ChartSnapshotPtr announced;
  };

  void add_routes();
  void publish_charts();
  Response charts_response() const;
  Response data_response(const Request& request) const;
  Response metrics_response() const;
  Response ready_response() const;
  Response status_response() const;
  std::vector<Event> greeting() const;

  const std::function<Micros()> wall_clock_;

  mutable std::mutex charts_mutex_;
  std::vector<Entry> charts_;
  std::map<std::string, std::weak_ptr<SeriesSlots>> slots_;

  mutable std::mutex documents_mutex_;
  std::shared_ptr<const std::string> status_;
  std::shared_ptr<const std::string> metrics_;
  bool ready_ = false;
  std::string not_ready_reason_ = "starting";

  Server server_;  // last, so that its thread ends before what it uses is gone
};

}  // namespace streamflow::web
