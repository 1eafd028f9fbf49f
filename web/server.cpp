#include "web/server.h"

#include <pthread.h>

#include <csignal>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "web/event_frame.h"
#include "web/server_loop.h"

namespace streamflow::web {
namespace {

// The server whose thread this is.
thread_local const void* current_server = nullptr;

}  // namespace

// The thread and the one door to it: a bounded queue of events behind a mutex, and the wish to
// stop.
class Server::Thread {
 public:
  explicit Thread(ServerOptions options)
      : posts_max_(options.posts_max), loop_(std::move(options)) {
    loop_.set_on_wake([this] { on_wake(); });
  }

  ServerLoop& loop() { return loop_; }

  Started start(std::string_view address, std::uint16_t port) {
    if (std::exchange(used_, true)) return {0, "the server was started before"};
    Started started = loop_.listen(address, port);
    if (!started.error.empty()) return started;
    running_ = true;
    thread_ = std::thread([this] {
      // Signals belong to the daemon's thread; SIGPIPE, which writing to a closed socket raises
      // here, to none.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      current_server = this;
      loop_.run();
    });
    return started;
  }

  bool stop(std::chrono::milliseconds grace) {
    {
      const std::lock_guard lock(mutex_);
      if (!running_) return true;
      running_ = false;
      stop_ = grace;
      loop_.wake();
    }
    thread_.join();
    return !loop_.cut();
  }

  bool publish(std::string_view name, std::shared_ptr<const std::string> data) {
    if (!data) return false;
    if (current_server == this) {  // a timer or a handler: in step with the replies made here
      broadcast({std::string(name), std::move(data)});
      return true;
    }
    const std::lock_guard lock(mutex_);
    if (!running_) return false;
    if (posts_.size() >= posts_max_) {
      loop_.counters().posts_refused.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    posts_.push_back({std::string(name), std::move(data)});
    if (posts_.size() == 1) loop_.wake();
    return true;
  }

 private:
  void broadcast(const Event& event) {
    loop_.counters().events.fetch_add(1, std::memory_order_relaxed);
    if (loop_.counters().viewers.load(std::memory_order_relaxed) > 0)
      loop_.broadcast(make_event_frame(event.name, *event.data));
  }

  void on_wake() {
    std::vector<Event> posts;
    std::optional<std::chrono::milliseconds> stop;
    {
      const std::lock_guard lock(mutex_);
      posts.swap(posts_);
      stop = std::exchange(stop_, std::nullopt);
    }
    for (const Event& event : posts) broadcast(event);
    if (stop) loop_.begin_stop(*stop);
  }

  const std::size_t posts_max_;
  ServerLoop loop_;
  bool used_ = false;
  std::thread thread_;
  std::mutex mutex_;
  bool running_ = false;
  std::vector<Event> posts_;
  std::optional<std::chrono::milliseconds> stop_;
};

Server::Server(ServerOptions options) : thread_(std::make_unique<Thread>(std::move(options))) {}
Server::~Server() { stop(std::chrono::milliseconds(0)); }

void Server::get(std::string_view pattern, Handler handler) {
  thread_->loop().responder().routes().get(pattern, std::move(handler));
}

void Server::assets(std::span<const Asset> assets) {
  thread_->loop().responder().assets().add(assets);
}

void Server::stream(std::string_view path, std::function<std::vector<Event>()> greet) {
  thread_->loop().set_stream(path, std::move(greet));
}

Ingest& Server::ingest() { return thread_->loop().ingest(); }

void Server::every(std::chrono::milliseconds period, std::function<void()> tick) {
  thread_->loop().add_timer(period, std::move(tick));
}

Server::Started Server::start(std::string_view address, std::uint16_t port) {
  return thread_->start(address, port);
}

bool Server::stop(std::chrono::milliseconds grace) { return thread_->stop(grace); }

bool Server::publish(std::string_view name, std::shared_ptr<const std::string> data) {
  return thread_->publish(name, std::move(data));
}

std::size_t Server::viewers() const {
  return thread_->loop().counters().viewers.load(std::memory_order_relaxed);
}

ServerCounters Server::counters() const { return thread_->loop().counters().read(); }

}  // namespace streamflow::web
