#include "web/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "web/reply.h"
#include "web/server_loop.h"

namespace streamflow::web {
namespace {

uv_stream_t* stream_of(uv_tcp_t& tcp) { return reinterpret_cast<uv_stream_t*>(&tcp); }

constexpr unsigned kRetrySeconds = 5;

std::uint64_t millis(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::chrono::milliseconds::rep>(0, duration.count()));
}

}  // namespace

// Holds what libuv reads from until it has written it.
struct Connection::Write {
  uv_write_t request{};
  std::shared_ptr<const void> hold;
  std::size_t size = 0;
  bool reply =
      false;  // counts against the limit of unread replies; events are bounded for each viewer
};

Connection::Connection(ServerLoop& loop, std::uint64_t id)
    : loop_(loop),
      id_(id),
      gate_(loop.options().gate, [this](RequestHead& head) { return check(head); }) {
  uv_tcp_init(loop_.uv(), &tcp_);
  tcp_.data = this;
  shutdown_.data = this;
  deadline_ = loop_.now() + millis(loop_.options().head_deadline);
}

bool Connection::accept(uv_stream_t* listener) {
  if (uv_accept(listener, stream_of(tcp_)) != 0) return false;
  uv_tcp_nodelay(&tcp_, 1);
  int bytes = loop_.options().send_buffer_bytes;
  uv_send_buffer_size(reinterpret_cast<uv_handle_t*>(&tcp_), &bytes);
  read(true);
  return reading_;
}

void Connection::read(bool on) {
  if (on == reading_) return;
  reading_ = on;
  if (!on) {
    uv_read_stop(stream_of(tcp_));
    return;
  }
  const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    *buffer = static_cast<Connection*>(handle->data)->loop_.read_buffer();
  };
  const auto arrived = [](uv_stream_t* stream, ssize_t n, const uv_buf_t* buffer) {
    auto* self = static_cast<Connection*>(stream->data);
    if (n > 0) self->on_bytes({buffer->base, static_cast<std::size_t>(n)});
    if (n < 0) self->on_end();
  };
  reading_ = uv_read_start(stream_of(tcp_), allocate, arrived) == 0;
}

void Connection::close() {
  if (mode_ == Mode::kClosed) return;
  loop_.on_closing(*this);
  mode_ = Mode::kClosed;
  gate_ = RequestGate();
  account_input();
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), [](uv_handle_t* handle) {
    auto* self = static_cast<Connection*>(handle->data);
    self->loop_.on_closed(self->id_);
  });
}

void Connection::begin_stop() {
  if (mode_ == Mode::kViewer) {
    skipped_.clear();
    if (chunked_) write(nullptr, kLastChunk);
    end();
  } else if (mode_ == Mode::kRequests && awaited_ != 0) {
    input_.clear();  // ends when it is answered
  } else if (mode_ == Mode::kRequests && queued_ > 0) {
    input_.clear();
    end();
  } else if (mode_ == Mode::kRequests || shut_down_) {
    close();
  }
}

void Connection::sweep(std::uint64_t now) {
  if (mode_ == Mode::kClosed) return;
  if (!progressed(now) && now - progress_at_ >= millis(loop_.options().stall_deadline)) {
    loop_.counters().stalled.fetch_add(1, std::memory_order_relaxed);
    return close();
  }
  if (queued_ > 0 || now < deadline_) return;
  if (awaited_ != 0)
    return answered(awaited_, {503, "it is not known in time whether the records are safe", 0,
                               false, kRetrySeconds});
  if (mode_ == Mode::kEnding && shut_down_) return close();
  if (mode_ != Mode::kRequests) return;
  if (gate_.idle()) return close();
  refuse(408,
         gate_.in_body() ? "the request body took too long" : "the request head took too long");
}

// Bytes that the kernel took since the last look count, also those of a write that is not finished.
bool Connection::progressed(std::uint64_t now) {
  const std::uint64_t waiting = uv_stream_get_write_queue_size(stream_of(tcp_));
  const std::uint64_t written = queued_ever_ - waiting;
  if (waiting > 0 && written == written_seen_) return false;
  written_seen_ = written;
  progress_at_ = now;
  return true;
}

void Connection::on_bytes(std::string_view bytes) {
  if (mode_ != Mode::kRequests) return;  // after the last reply, or from a viewer: nothing to say
  const std::string_view rest = take(bytes);
  if (rest.empty() || mode_ != Mode::kRequests) return;
  input_.assign(rest);
  read(false);
}

// Answers requests until the bytes end or too much of the replies is unread; returns what was not
// taken.
std::string_view Connection::take(std::string_view bytes) {
  while (!bytes.empty() && mode_ == Mode::kRequests) {
    if (awaited_ != 0 || queued_ >= loop_.options().pipelined_output_bytes) return bytes;
    const bool was_idle = gate_.idle();
    bytes.remove_prefix(gate_.feed(bytes));
    account_input();
    if (was_idle) arm_deadline();
    if (gate_.state() == RequestGate::State::kError) {
      refuse(Refusal(gate_.refusal()));
    } else if (input_counted_ > 0 && loop_.input_full()) {
      refuse(503, "too many unfinished requests");
    } else if (gate_.state() == RequestGate::State::kReady) {
      answer();
    } else {
      if (gate_.in_body() && !body_timed_) arm_deadline();
      if (gate_.take_continue()) write("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }
  return {};
}

void Connection::on_end() {
  peer_ended_ = true;
  read(false);
  // A client may close its side as soon as it has asked; what it asked for still goes out.
  if ((queued_ == 0 && awaited_ == 0) || mode_ == Mode::kViewer) close();
}

Refusal Connection::check(RequestHead& head) const {
  Refusal refusal =
      loop_.origin_check().check(head, loop_.wildcard() ? local_address() : std::string());
  if (refusal.status != 0) return refusal;
  const std::string_view path = path_of(head);
  if (const IngestTable::Found found = loop_.ingest().find(path); found.known)
    return check_ingest(found, head);
  if (head.method != "GET" && head.method != "HEAD" && !loop_.responder().serves(path))
    return no_such_path(loop_.ingest(), path);
  return {};
}

void Connection::answer() {
  bool is_ingest = false;
  if (gate_.head().method == "POST") {
    const IngestTable::Found found = loop_.ingest().find(path_of(gate_.head()));
    if (found.receiver) return hand_over(*found.receiver);
    is_ingest = found.known;
  }
  const RequestHead head = gate_.head();
  const std::string request = gate_.take_request();
  account_input();
  body_timed_ = false;
  if (is_ingest) return refuse(503, "the pipeline of this path stopped while the body came");
  if (loop_.output_full()) return refuse(503, "too many unread replies");
  const std::string_view target = head.target;
  if (head.method == "GET" && target.substr(0, target.find('?')) == loop_.stream_path())
    return become_viewer(head.minor_version > 0);
  const bool keep = head.keep_alive && !loop_.stopping();
  loop_.counters().requests.fetch_add(1, std::memory_order_relaxed);
  write(loop_.responder().respond(head, request, keep));
  arm_deadline();
  if (!keep) end();
}

// Nothing more is read from this client until the engine has said what became of the records.
void Connection::hand_over(IngestReceiver& receiver) {
  IngestRequest request;
  request.head = gate_.head().ingest;
  keep_alive_ = gate_.head().keep_alive;
  request.body = gate_.take_body();
  account_input();
  body_timed_ = false;
  awaited_ = ++handed_over_;
  deadline_ = loop_.now() + millis(loop_.options().ingest_deadline);
  request.answer = [answers = loop_.answers(), id = id_, number = awaited_](IngestReply reply) {
    answers->push({id, number, std::move(reply)});
  };
  receiver.receive(std::move(request));
}

void Connection::answered(std::uint64_t number, const IngestReply& reply) {
  if (awaited_ != number || mode_ != Mode::kRequests) return;
  awaited_ = 0;
  loop_.count_ingest(reply);
  const bool keep = keep_alive_ && !loop_.stopping();
  write(ingest_reply(reply, keep));
  if (!keep) return end();
  arm_deadline();
  if (queued_ == 0) go_on();
}

void Connection::become_viewer(bool chunked) {
  if (loop_.stopping() || !loop_.add_viewer(*this)) return refuse(503, "too many viewers");
  loop_.counters().requests.fetch_add(1, std::memory_order_relaxed);
  mode_ = Mode::kViewer;
  chunked_ = chunked;
  write(event_stream_head(chunked));
  for (const EventFramePtr& frame : loop_.greeting()) send(frame);
}

void Connection::send(const EventFramePtr& frame) {
  if (mode_ != Mode::kViewer) return;
  const std::string_view bytes = frame->wire(chunked_);
  const auto same_name = [&frame](const EventFramePtr& other) {
    return other->name == frame->name;
  };
  const auto older = std::find_if(skipped_.begin(), skipped_.end(), same_name);
  const bool full = queued_ > 0 && queued_ + bytes.size() > loop_.options().viewer_queue_bytes_max;
  if (!full && older == skipped_.end()) return write(frame, bytes);
  if (frame->name.empty()) return;  // a comment says nothing that waiting bytes do not say too
  loop_.counters().events_skipped.fetch_add(1, std::memory_order_relaxed);
  if (older != skipped_.end())
    *older = frame;
  else
    skipped_.push_back(frame);
}

void Connection::refuse(const Refusal& refusal) {
  loop_.counters().refused.fetch_add(1, std::memory_order_relaxed);
  if (refusal.status == 429) loop_.counters().ingest_busy.fetch_add(1, std::memory_order_relaxed);
  write(closing_error_reply(refusal, gate_.head().method != "HEAD"));
  gate_ = RequestGate();
  account_input();
  end();
}

void Connection::write(std::string bytes) {
  auto held = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view = *held;
  write(std::move(held), view);
}

// At once as far as the kernel takes it, the rest when it can.
void Connection::write(std::shared_ptr<const void> hold, std::string_view bytes) {
  if (mode_ == Mode::kClosed || bytes.empty()) return;
  const auto buffer = [&bytes] {
    return uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  };
  if (queued_ == 0) {
    const uv_buf_t now = buffer();
    const int n = uv_try_write(stream_of(tcp_), &now, 1);
    if (n < 0 && n != UV_EAGAIN) return close();
    bytes.remove_prefix(static_cast<std::size_t>(std::max(n, 0)));
    if (bytes.empty()) return;
    progress_at_ = loop_.now();
  }
  auto waiting = std::make_unique<Write>();
  waiting->request.data = waiting.get();
  waiting->hold = std::move(hold);
  waiting->size = bytes.size();
  waiting->reply = mode_ != Mode::kViewer;
  const uv_buf_t later = buffer();
  const auto written = [](uv_write_t* request, int status) {
    const std::unique_ptr<Write> done(static_cast<Write*>(request->data));
    static_cast<Connection*>(request->handle->data)->on_written(*done, status);
  };
  if (uv_write(&waiting->request, stream_of(tcp_), &later, 1, written) != 0) return close();
  queued_ += bytes.size();
  queued_ever_ += bytes.size();
  if (waiting->reply) loop_.count_output(0, bytes.size());
  static_cast<void>(waiting.release());  // `written` takes it back
}

void Connection::on_written(const Write& write, int status) {
  queued_ -= write.size;
  if (write.reply) loop_.count_output(write.size, 0);
  if (mode_ == Mode::kClosed) return;
  if (status != 0) return close();
  if (queued_ == 0) drained();
}

void Connection::drained() {
  if (mode_ == Mode::kViewer) {
    const std::vector<EventFramePtr> latest = std::exchange(skipped_, {});
    for (const EventFramePtr& frame : latest) send(frame);
    return;
  }
  if (mode_ != Mode::kRequests || awaited_ != 0) return;
  arm_deadline();
  go_on();
}

// With what was pipelined, then with what the client sends.
void Connection::go_on() {
  const std::string waiting = std::exchange(input_, {});
  input_.assign(take(waiting));
  if (mode_ != Mode::kRequests || !input_.empty()) return;
  if (!peer_ended_)
    read(true);
  else if (queued_ == 0 && awaited_ == 0)
    close();
}

// Closes our side once everything is written, then reads on for a while: a socket closed with
// unread bytes is reset, and the reset can overtake the reply.
void Connection::end() {
  if (mode_ == Mode::kClosed || mode_ == Mode::kEnding) return;
  if (mode_ == Mode::kViewer) loop_.drop_viewer(*this);
  mode_ = Mode::kEnding;
  input_.clear();
  if (!peer_ended_) read(true);
  const auto shut = [](uv_shutdown_t* request, int status) {
    auto* self = static_cast<Connection*>(request->data);
    if (self->mode_ == Mode::kClosed) return;
    self->shut_down_ = true;
    self->deadline_ = self->loop_.now() + millis(self->loop_.options().linger);
    if (status != 0 || self->peer_ended_ || self->loop_.stopping()) self->close();
  };
  if (uv_shutdown(&shutdown_, stream_of(tcp_), shut) != 0) close();
}

// Starts the deadline of the phase that the next request is in.
void Connection::arm_deadline() {
  const ServerOptions& options = loop_.options();
  body_timed_ = gate_.in_body();
  const auto allowed = body_timed_    ? options.body_deadline
                       : gate_.idle() ? options.idle_deadline
                                      : options.head_deadline;
  deadline_ = loop_.now() + millis(allowed);
}

void Connection::account_input() {
  const std::size_t bytes = mode_ == Mode::kClosed ? 0 : gate_.body_bytes();
  loop_.count_input(input_counted_, bytes);
  input_counted_ = bytes;
}

// This end of the connection, for servers that listen on all addresses.
std::string Connection::local_address() const {
  sockaddr_storage address{};
  int size = sizeof address;
  std::array<char, 64> text{};
  if (uv_tcp_getsockname(&tcp_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_INET6)
    uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(&address), text.data(), text.size());
  else
    uv_ip4_name(reinterpret_cast<const sockaddr_in*>(&address), text.data(), text.size());
  const std::string_view name = text.data();
  constexpr std::string_view kMapped = "::ffff:";  // IPv4 over a listener for both families
  return std::string(name.substr(0, kMapped.size()) == kMapped ? name.substr(kMapped.size())
                                                               : name);
}

}  // namespace streamflow::web
