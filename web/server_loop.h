// The loop thread's side of the server: listener, timers, limits, the set of connections. Internal.
#pragma once

#include <uv.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "web/connection.h"
#include "web/ingest_table.h"
#include "web/origin_check.h"
#include "web/responder.h"
#include "web/server.h"

namespace streamflow::web {

// Counters are written by the loop's thread and read by any.
struct AtomicCounters {
  using Count = std::atomic<std::uint64_t>;
  Count connections{0}, viewers{0}, accepted{0}, evicted{0}, turned_away{0}, requests{0},
      refused{0}, stalled{0}, events{0}, events_skipped{0}, posts_refused{0}, ingest_accepted{0},
      ingest_records{0}, ingest_busy{0}, ingest_rejected{0};
  ServerCounters read() const;
};

// What became of bodies that were handed over, on its way back to their connections.  Any thread;
// outlives the server where a source still has something to answer.
class AnswerBox {
 public:
  struct Answer {
    std::uint64_t connection = 0, number = 0;
    IngestReply reply;
  };
  explicit AnswerBox(std::function<void()> wake) : wake_(std::move(wake)) {}
  void push(Answer answer);
  std::vector<Answer> take();
  void close();  // what comes later is dropped

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<Answer> answers_;
};

// Everything but listen() and wake() happens on the thread that calls run().
class ServerLoop {
 public:
  using Millis = std::chrono::milliseconds;
  struct Timer {
    uv_timer_t handle{};
    Millis period{};
    std::function<void()> tick;
  };

  explicit ServerLoop(ServerOptions options);
  ~ServerLoop();  // listen() must have succeeded and run() returned, or listen() never been called
  ServerLoop(const ServerLoop&) = delete;
  ServerLoop& operator=(const ServerLoop&) = delete;

  // Before listen().
  Responder& responder() { return responder_; }
  void set_stream(std::string_view path, std::function<std::vector<Event>()> greet);
  void add_timer(Millis period, std::function<void()> tick);
  void set_on_wake(std::function<void()> on_wake) { on_wake_ = std::move(on_wake); }

  // Binds and listens; what is open on failure is closed again.
  Server::Started listen(std::string_view address, std::uint16_t port);
  void run();   // until stopped
  void wake();  // from any thread: calls on_wake soon

  IngestTable& ingest() { return ingest_; }
  const std::shared_ptr<AnswerBox>& answers() const { return answers_; }
  void count_ingest(const IngestReply& reply);

  void begin_stop(Millis grace);
  bool cut() const { return cut_; }  // the grace ran out, or a reply was lost
  void broadcast(const EventFramePtr& frame);

  // For connections.
  const ServerOptions& options() const { return options_; }
  AtomicCounters& counters() { return counters_; }
  uv_loop_t* uv() { return &loop_; }
  std::uint64_t now() const { return uv_now(&loop_); }
  uv_buf_t read_buffer();
  bool stopping() const { return stopping_; }
  std::string_view bound_address() const { return bound_address_; }
  bool wildcard() const { return wildcard_; }
  const OriginCheck& origin_check() const { return *origin_check_; }
  std::string_view stream_path() const { return stream_path_; }
  bool output_full() const { return output_bytes_ >= options_.output_bytes_max; }
  bool input_full() const { return input_bytes_ > options_.input_bytes_max; }
  void count_input(std::size_t before, std::size_t after) { input_bytes_ += after - before; }
  void count_output(std::size_t before, std::size_t after) { output_bytes_ += after - before; }
  bool add_viewer(Connection& connection);  // false: too many
  void drop_viewer(Connection& connection);
  std::vector<EventFramePtr> greeting() const;
  void on_closing(Connection& connection);  // no longer counts
  void on_closed(std::uint64_t id);         // destroys it

 private:
  std::string bind(std::string_view address, std::uint16_t port, std::uint16_t& bound);
  void limit_connections();
  void deliver_answers();
  void on_client(int status);
  bool make_room();
  void sweep();
  void kill_all();
  void finish_stop();
  std::vector<Connection*> open_connections() const;
  template <class Handle>
  static void close_handle(Handle& handle);

  ServerOptions options_;
  AtomicCounters counters_;
  Responder responder_;
  std::unique_ptr<OriginCheck> origin_check_;
  std::string stream_path_;
  std::function<std::vector<Event>()> greet_;
  std::function<void()> on_wake_;
  IngestTable ingest_;
  std::shared_ptr<AnswerBox> answers_;

  uv_loop_t loop_{};
  uv_tcp_t listener_{};
  uv_async_t async_{};
  uv_timer_t sweep_timer_{};
  uv_timer_t grace_timer_{};
  std::vector<std::unique_ptr<Timer>> timers_;
  std::string read_buffer_;
  std::string bound_address_;
  bool wildcard_ = false;

  std::map<std::uint64_t, std::unique_ptr<Connection>>
      connections_;  // by the order of their arrival
  std::vector<Connection*> viewers_;
  std::uint64_t next_id_ = 1;
  std::size_t open_ = 0;  // without those that are closing
  std::size_t input_bytes_ = 0;
  std::size_t output_bytes_ = 0;
  std::uint64_t comment_at_ = 0;
  bool stopping_ = false;
  bool finishing_ = false;
  bool cut_ = false;
};

}  // namespace streamflow::web
