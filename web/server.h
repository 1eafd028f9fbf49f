// The HTTP server: request/reply for the API and the dashboard's files, and one stream of events.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ingest.h"
#include "web/assets.h"
#include "web/request_gate.h"
#include "web/routes.h"

namespace streamflow::web {

struct ServerOptions {
  using Millis = std::chrono::milliseconds;

  std::vector<std::string> allowed_hosts;  // beyond loopback names and the listening address

  // Deadlines are absolute and looked at every `sweep`.
  Millis head_deadline{10'000};    // first byte (or a new connection) to the end of the head
  Millis body_deadline{20'000};    // end of the head to the end of the body
  Millis ingest_deadline{30'000};  // from a body's hand-over to what became of it; then 503
  Millis idle_deadline{30'000};    // between two requests
  Millis stall_deadline{10'000};   // a reply or stream of which the client takes nothing
  Millis linger{1'000};            // reading on after the last reply, lest a reset destroys it
  Millis comment_every{10'000};    // comment line that keeps proxies from closing an idle stream
  Millis sweep{250};

  // Lowered to what RLIMIT_NOFILE leaves.  Beyond, the oldest idle connection is closed.
  std::size_t connections_max = 512;
  std::size_t viewers_max = 200;             // beyond: 503
  std::size_t input_bytes_max = 32u << 20;   // of all unfinished bodies together; beyond: 503
  std::size_t output_bytes_max = 64u << 20;  // of all unread replies together; beyond: 503
  // Unread replies at which a connection is not read on.
  std::size_t pipelined_output_bytes = 64u << 10;
  // Beyond, that viewer gets only the latest event of a kind.
  std::size_t viewer_queue_bytes_max = 256u << 10;
  std::size_t posts_max = 1024;      // publish() calls waiting; beyond: refused
  int send_buffer_bytes = 64 << 10;  // SO_SNDBUF, so that the limits above are ours
  GateLimits gate;
};

// All since the start, but the first two.
struct ServerCounters {
  std::uint64_t connections = 0;
  std::uint64_t viewers = 0;
  std::uint64_t accepted = 0;
  std::uint64_t evicted = 0;         // idle connections closed to make room
  std::uint64_t turned_away = 0;     // connections for which there was no room
  std::uint64_t requests = 0;        // answered by a route, an asset or the stream
  std::uint64_t refused = 0;         // answered by an error of the gate, a deadline or a limit
  std::uint64_t stalled = 0;         // closed because the client took nothing
  std::uint64_t events = 0;          // published
  std::uint64_t events_skipped = 0;  // not sent to one viewer, because a newer one took its place
  std::uint64_t posts_refused = 0;
  std::uint64_t ingest_accepted = 0;  // bodies of records, with
  std::uint64_t ingest_records = 0;   // so many
  std::uint64_t ingest_busy = 0;      // answered 429
  std::uint64_t ingest_rejected = 0;  // handed over, and answered otherwise
};

// An event of the stream: `data` is any text, a line of JSON as a rule.
struct Event {
  std::string name;
  std::shared_ptr<const std::string> data;
};

// Owns a thread with a libuv loop of its own, on which all handlers, timers and viewers live. Every
// socket is read through a RequestGate.  One owner calls the members in order: routes, start(),
// stop(); publish(), viewers() and counters() may be called by any thread at any time.
class Server {
 public:
  explicit Server(ServerOptions options = {});
  ~Server();  // stops without grace
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start().  Patterns are those of RouteTable.
  void get(std::string_view pattern, Handler handler);
  void assets(std::span<const Asset> assets);
  // The path of the event stream, and what a new viewer gets first.
  void stream(std::string_view path, std::function<std::vector<Event>()> greet);
  // Where sources register the paths that take records.
  Ingest& ingest();
  // Runs tick on the server's thread, again and again while the server lives.
  void every(std::chrono::milliseconds period, std::function<void()> tick);

  struct Started {
    std::uint16_t port = 0;
    std::string error;  // empty: listening
  };
  // address: IPv4, IPv6 or `localhost` (127.0.0.1); port 0: a free one.  An address in use is an
  // error. Starts at most once.
  [[nodiscard]] Started start(std::string_view address, std::uint16_t port);

  // Takes no more connections, ends the streams, lets replies under way finish for at most `grace`,
  // then cuts.  Returns when the thread has ended: true if every reply got out.  Further calls do
  // nothing.
  bool stop(std::chrono::milliseconds grace);

  // Sends an event to every viewer, framed once.  A viewer whose queue is full skips it; when it
  // catches up it gets the latest event of each name that it skipped.  False: not running, or too
  // many are waiting.
  bool publish(std::string_view name, std::shared_ptr<const std::string> data);

  std::size_t viewers() const;
  ServerCounters counters() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace streamflow::web
