// One client's connection.  Internal to the server.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ingest.h"
#include "web/event_frame.h"
#include "web/ingest_table.h"
#include "web/request_gate.h"

namespace streamflow::web {

class ServerLoop;

// Reads requests through a gate and writes replies in order, or, once its client asked for the
// stream, only events.  Lives on the loop's thread; owned by the ServerLoop, which destroys it
// after libuv has let go of its handle, so that close() is safe anywhere.  Never blocks and never
// keeps more unread replies than ServerOptions::pipelined_output_bytes and one reply.
class Connection {
 public:
  Connection(ServerLoop& loop, std::uint64_t id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes the waiting client of the listener.  False: libuv could not; close() then.
  bool accept(uv_stream_t* listener);

  // Closes at once; what is queued is lost.
  void close();
  // The server stops: idle connections and unfinished requests end at once, replies and streams get
  // out.
  void begin_stop();
  // Applies deadlines.  now: the loop's time, in milliseconds.
  void sweep(std::uint64_t now);

  // Viewers only; see Server::publish.
  void send(const EventFramePtr& frame);

  // What became of the body with that number that was handed over.
  void answered(std::uint64_t number, const IngestReply& reply);

  std::uint64_t id() const { return id_; }
  bool closing() const { return mode_ == Mode::kClosed; }
  bool viewer() const { return mode_ == Mode::kViewer; }
  bool writing() const { return queued_ > 0; }
  // Waiting for a request of which nothing has come, respectively only a part of the head.
  bool idle() const { return in_head() && gate_.idle(); }
  bool in_head() const {
    return mode_ == Mode::kRequests && queued_ == 0 && awaited_ == 0 && !gate_.in_body();
  }

 private:
  enum class Mode : std::uint8_t { kRequests, kViewer, kEnding, kClosed };
  struct Write;

  void read(bool on);
  void on_bytes(std::string_view bytes);
  std::string_view take(std::string_view bytes);
  void on_end();
  void on_written(const Write& write, int status);
  void drained();

  Refusal check(RequestHead& head) const;
  void answer();
  void hand_over(IngestReceiver& receiver);
  void go_on();
  void become_viewer(bool chunked);
  void refuse(int status, std::string_view reason) { refuse(Refusal{status, std::string(reason)}); }
  void refuse(const Refusal& refusal);
  void write(std::shared_ptr<const void> hold, std::string_view bytes);
  void write(std::string bytes);
  void end();
  void arm_deadline();
  void account_input();
  bool progressed(std::uint64_t now);
  std::string local_address() const;

  ServerLoop& loop_;
  const std::uint64_t id_;
  uv_tcp_t tcp_{};
  uv_shutdown_t shutdown_{};
  RequestGate gate_;
  Mode mode_ = Mode::kRequests;
  bool chunked_ = true;  // viewer: not HTTP/1.0
  bool reading_ = false;
  bool shut_down_ = false;  // our side is closed; the linger deadline runs
  bool peer_ended_ = false;
  bool body_timed_ = false;
  bool keep_alive_ = true;         // of the request whose body was handed over
  std::uint64_t awaited_ = 0;      // its number; 0: none is under way
  std::uint64_t handed_over_ = 0;  // so far
  std::string input_;              // pipelined requests that wait until replies are read
  std::size_t input_counted_ = 0;
  std::size_t queued_ = 0;  // bytes in uv_write requests
  std::uint64_t queued_ever_ = 0;
  std::uint64_t written_seen_ = 0;
  std::uint64_t progress_at_ = 0;
  std::uint64_t deadline_ = 0;
  std::vector<EventFramePtr>
      skipped_;  // the latest of each name, to be sent when the queue is empty
};

}  // namespace streamflow::web
