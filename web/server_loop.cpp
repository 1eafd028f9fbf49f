#include "web/server_loop.h"

#include <sys/resource.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace streamflow::web {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr int kBacklog = 511;
constexpr rlim_t kOtherDescriptors = 64;  // left to the rest of the daemon

std::uint64_t millis(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::chrono::milliseconds::rep>(0, duration.count()));
}

std::string listen_problem(std::string_view address, std::uint16_t port, int error) {
  const std::string where = std::string(address) + ":" + std::to_string(port);
  if (error == UV_EADDRINUSE) return "cannot listen on " + where + ": another program already does";
  if (error == UV_EACCES)
    return "cannot listen on " + where + ": not permitted (ports below 1024 need a privilege)";
  if (error == UV_EADDRNOTAVAIL)
    return "cannot listen on " + where + ": this machine does not have that address";
  return "cannot listen on " + where + ": " + uv_strerror(error);
}

}  // namespace

ServerCounters AtomicCounters::read() const {
  const auto get = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  ServerCounters out;
  out.connections = get(connections);
  out.viewers = get(viewers);
  out.accepted = get(accepted);
  out.evicted = get(evicted);
  out.turned_away = get(turned_away);
  out.requests = get(requests);
  out.refused = get(refused);
  out.stalled = get(stalled);
  out.events = get(events);
  out.events_skipped = get(events_skipped);
  out.posts_refused = get(posts_refused);
  out.ingest_accepted = get(ingest_accepted);
  out.ingest_records = get(ingest_records);
  out.ingest_busy = get(ingest_busy);
  out.ingest_rejected = get(ingest_rejected);
  return out;
}

void AnswerBox::push(Answer answer) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return;
  answers_.push_back(std::move(answer));
  if (answers_.size() == 1) wake_();
}

std::vector<AnswerBox::Answer> AnswerBox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

void AnswerBox::close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  answers_.clear();
}

ServerLoop::ServerLoop(ServerOptions options)
    : options_(std::move(options)),
      responder_(std::chrono::duration_cast<std::chrono::seconds>(options_.idle_deadline)),
      answers_(std::make_shared<AnswerBox>([this] { wake(); })),
      read_buffer_(kReadBytes, '\0') {}

ServerLoop::~ServerLoop() = default;

void ServerLoop::set_stream(std::string_view path, std::function<std::vector<Event>()> greet) {
  stream_path_ = path;
  greet_ = std::move(greet);
  // GET is taken before the router; this is for HEAD, and for 405 on other methods.
  responder_.routes().get(path, [](const Request&) {
    Response response;
    response.content_type = "text/event-stream";
    return response;
  });
}

void ServerLoop::add_timer(Millis period, std::function<void()> tick) {
  auto timer = std::make_unique<Timer>();
  timer->period = period;
  timer->tick = std::move(tick);
  timer->handle.data = timer.get();
  timers_.push_back(std::move(timer));
}

template <class Handle>
void ServerLoop::close_handle(Handle& handle) {
  auto* base = reinterpret_cast<uv_handle_t*>(&handle);
  if (uv_is_closing(base) == 0) uv_close(base, nullptr);
}

Server::Started ServerLoop::listen(std::string_view address, std::uint16_t port) {
  Server::Started started;
  if (const int error = uv_loop_init(&loop_); error != 0) {
    started.error = std::string("cannot make a loop: ") + uv_strerror(error);
    return started;
  }
  uv_tcp_init(&loop_, &listener_);
  uv_async_init(&loop_, &async_, [](uv_async_t* handle) {
    auto* self = static_cast<ServerLoop*>(handle->data);
    self->deliver_answers();
    self->on_wake_();
  });
  uv_timer_init(&loop_, &sweep_timer_);
  uv_timer_init(&loop_, &grace_timer_);
  for (const auto& timer : timers_) uv_timer_init(&loop_, &timer->handle);
  listener_.data = async_.data = sweep_timer_.data = grace_timer_.data = this;
  started.error = bind(address, port, started.port);
  if (started.error.empty()) {
    limit_connections();
    origin_check_ = std::make_unique<OriginCheck>(bound_address_, options_.allowed_hosts);
  } else {
    close_handle(listener_);
    finish_stop();
    run();
  }
  return started;
}

std::string ServerLoop::bind(std::string_view address, std::uint16_t port, std::uint16_t& bound) {
  std::string host(address == "localhost" ? "127.0.0.1" : address);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  sockaddr_storage where{};
  if (uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&where)) != 0 &&
      uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&where)) != 0)
    return "cannot listen on '" + std::string(address) + "': not an IP address and not localhost";
  bound_address_ = host;
  wildcard_ = host == "0.0.0.0" || host == "::";
  const auto arrived = [](uv_stream_t* listener, int status) {
    static_cast<ServerLoop*>(listener->data)->on_client(status);
  };
  // libuv keeps the error of bind(2) for an address in use until listen.
  int error = uv_tcp_bind(&listener_, reinterpret_cast<const sockaddr*>(&where), 0);
  if (error == 0) error = uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), kBacklog, arrived);
  int size = sizeof where;
  if (error == 0)
    error = uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&where), &size);
  if (error != 0) return listen_problem(address, port, error);
  bound =
      ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&where)->sin6_port
                                        : reinterpret_cast<const sockaddr_in*>(&where)->sin_port);
  return {};
}

// The cap must be reached before the descriptors end, or eviction never acts.
void ServerLoop::limit_connections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const rlim_t room = limit.rlim_cur > 2 * kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors
                                                             : limit.rlim_cur / 2;
  options_.connections_max = std::min<std::size_t>(options_.connections_max, room);
}

void ServerLoop::run() {
  if (!finishing_) {
    const std::uint64_t every = std::max<std::uint64_t>(1, millis(options_.sweep));
    uv_timer_start(
        &sweep_timer_, [](uv_timer_t* timer) { static_cast<ServerLoop*>(timer->data)->sweep(); },
        every, every);
    for (const auto& timer : timers_) {
      const std::uint64_t period = std::max<std::uint64_t>(1, millis(timer->period));
      const auto tick = [](uv_timer_t* handle) { static_cast<Timer*>(handle->data)->tick(); };
      uv_timer_start(&timer->handle, tick, period, period);
    }
    comment_at_ = now() + millis(options_.comment_every);
  }
  uv_run(&loop_, UV_RUN_DEFAULT);
  [[maybe_unused]] const int left = uv_loop_close(&loop_);
  assert(left == 0);
}

void ServerLoop::wake() { uv_async_send(&async_); }

uv_buf_t ServerLoop::read_buffer() {
  return uv_buf_init(read_buffer_.data(), static_cast<unsigned>(read_buffer_.size()));
}

void ServerLoop::on_client(int status) {
  if (status < 0) return;
  const bool room = make_room();
  const std::uint64_t id = next_id_++;
  auto owned = std::make_unique<Connection>(*this, id);
  Connection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  ++open_;
  counters_.connections.store(open_, std::memory_order_relaxed);
  if (!connection.accept(reinterpret_cast<uv_stream_t*>(&listener_))) return connection.close();
  counters_.accepted.fetch_add(1, std::memory_order_relaxed);
  if (room) return;
  counters_.turned_away.fetch_add(1, std::memory_order_relaxed);
  connection.close();
}

// Closing connections do not count: libuv accepts in bursts, and reports closings only afterwards.
bool ServerLoop::make_room() {
  if (open_ < options_.connections_max) return true;
  for (const bool partial : {false, true}) {
    for (const auto& [id, connection] : connections_) {
      if (!(partial ? connection->in_head() : connection->idle())) continue;
      counters_.evicted.fetch_add(1, std::memory_order_relaxed);
      connection->close();
      return true;
    }
  }
  return false;
}

bool ServerLoop::add_viewer(Connection& connection) {
  if (viewers_.size() >= options_.viewers_max) return false;
  viewers_.push_back(&connection);
  counters_.viewers.store(viewers_.size(), std::memory_order_relaxed);
  return true;
}

void ServerLoop::drop_viewer(Connection& connection) {
  std::erase(viewers_, &connection);
  counters_.viewers.store(viewers_.size(), std::memory_order_relaxed);
}

std::vector<EventFramePtr> ServerLoop::greeting() const {
  std::vector<EventFramePtr> frames;
  if (!greet_) return frames;
  for (const Event& event : greet_())
    if (event.data) frames.push_back(make_event_frame(event.name, *event.data));
  return frames;
}

void ServerLoop::on_closing(Connection& connection) {
  if (connection.viewer()) drop_viewer(connection);
  --open_;
  counters_.connections.store(open_, std::memory_order_relaxed);
}

void ServerLoop::on_closed(std::uint64_t id) {
  connections_.erase(id);
  if (stopping_ && connections_.empty()) finish_stop();
}

// A send can close its connection and so change the list.
void ServerLoop::broadcast(const EventFramePtr& frame) {
  const std::vector<Connection*> viewers = viewers_;
  for (Connection* viewer : viewers) viewer->send(frame);
}

std::vector<Connection*> ServerLoop::open_connections() const {
  std::vector<Connection*> open;
  for (const auto& [id, connection] : connections_)
    if (!connection->closing()) open.push_back(connection.get());
  return open;
}

void ServerLoop::sweep() {
  for (Connection* connection : open_connections()) connection->sweep(now());
  if (now() < comment_at_) return;
  comment_at_ = now() + millis(options_.comment_every);
  broadcast(make_comment_frame());
}

void ServerLoop::deliver_answers() {
  for (const AnswerBox::Answer& answer : answers_->take()) {
    const auto it = connections_.find(answer.connection);
    if (it != connections_.end()) it->second->answered(answer.number, answer.reply);
  }
}

void ServerLoop::count_ingest(const IngestReply& reply) {
  counters_.requests.fetch_add(1, std::memory_order_relaxed);
  if (reply.status == 200) {
    counters_.ingest_accepted.fetch_add(1, std::memory_order_relaxed);
    if (!reply.repeated)
      counters_.ingest_records.fetch_add(reply.records, std::memory_order_relaxed);
    return;
  }
  auto& count = reply.status == 429 ? counters_.ingest_busy : counters_.ingest_rejected;
  count.fetch_add(1, std::memory_order_relaxed);
}

void ServerLoop::begin_stop(Millis grace) {
  if (stopping_) return;
  stopping_ = true;
  close_handle(listener_);
  for (Connection* connection : open_connections()) connection->begin_stop();
  // Closing a stream waits for its peer to read, so there must be a time at which we no longer do.
  const auto over = [](uv_timer_t* timer) { static_cast<ServerLoop*>(timer->data)->kill_all(); };
  uv_timer_start(&grace_timer_, over, millis(grace), 0);
  if (connections_.empty()) finish_stop();
}

void ServerLoop::kill_all() {
  for (Connection* connection : open_connections()) {
    cut_ = true;
    connection->close();
  }
}

void ServerLoop::finish_stop() {
  if (finishing_) return;
  finishing_ = true;
  answers_->close();  // nobody wakes us after this
  close_handle(async_);
  close_handle(sweep_timer_);
  close_handle(grace_timer_);
  for (const auto& timer : timers_) close_handle(timer->handle);
}

}  // namespace streamflow::web
