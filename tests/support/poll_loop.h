// A Loop on poll(2) with the real clock, for tests that talk to real servers: unlike the daemon's
// it runs until something is true, or a limit.
#pragma once

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "core/loop.h"

namespace streamflow::test {

class PollLoop final : public Loop {
 public:
  static constexpr Micros kLimit = 60 * kMicrosPerSecond;  // a busy machine is slow

  PollLoop() {
    if (::pipe2(wake_, O_NONBLOCK | O_CLOEXEC) != 0) wake_[0] = wake_[1] = -1;
  }
  ~PollLoop() override {
    ::close(wake_[0]);
    ::close(wake_[1]);
  }
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  // Turns until `done()`; false when `limit` passed before.
  template <class Done>
  bool run_until(Done done, Micros limit = kLimit) {
    const Micros end = monotonic() + limit;
    while (!done()) {
      if (monotonic() >= end) return false;
      turn(end);
    }
    return true;
  }
  void run_for(Micros duration) {
    (void)run_until([] { return false; }, duration);
  }

  Micros now() const override {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * kMicrosPerSecond + time.tv_nsec / 1000;
  }
  Id after(Micros delay, Callback fn) override {
    timers_.emplace(std::make_pair(monotonic() + delay, ++last_id_), std::move(fn));
    return last_id_;
  }
  void cancel(Id id) override {
    std::erase_if(timers_, [id](const auto& entry) { return entry.first.second == id; });
  }
  void defer(Callback fn) override { deferred_.push_back(std::move(fn)); }
  bool post(Callback fn) override {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(fn));
    }
    return ::write(wake_[1], "", 1) == 1;
  }
  Id watch(int fd, bool read, bool write, Ready fn) override {
    watches_[++last_id_] = {fd, read, write, std::move(fn)};
    return last_id_;
  }
  void rewatch(Id id, bool read, bool write) override {
    const auto it = watches_.find(id);
    if (it == watches_.end()) return;
    it->second.read = read;
    it->second.write = write;
  }
  void unwatch(Id id) override { watches_.erase(id); }
  size_t watching() const { return watches_.size(); }
  size_t timing() const { return timers_.size(); }

 private:
  struct Watch {
    int fd = -1;
    bool read = false, write = false;
    Ready fn;
  };

  static Micros monotonic() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kMicrosPerSecond + time.tv_nsec / 1000;
  }

  void turn(Micros end) {
    std::vector<pollfd> fds{{wake_[0], POLLIN, 0}};
    std::vector<Id> ids{0};
    for (const auto& [id, watch] : watches_) {
      const int events = (watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0);
      if (events == 0) continue;
      fds.push_back({watch.fd, static_cast<short>(events), 0});
      ids.push_back(id);
    }
    const Micros next = timers_.empty() ? end : std::min(end, timers_.begin()->first.first);
    const Micros wait = std::max<Micros>(next - monotonic(), 0);
    ::poll(fds.data(), fds.size(), deferred_.empty() ? static_cast<int>((wait + 999) / 1000) : 0);
    run_timers();
    for (size_t i = 1; i < fds.size(); ++i) call(ids[i], fds[i].revents);
    if ((fds[0].revents & POLLIN) != 0) run_posted();
    while (!deferred_.empty()) {
      const Callback fn = std::move(deferred_.front());
      deferred_.pop_front();
      fn();
    }
  }

  void run_timers() {
    const Micros time = monotonic();
    while (!timers_.empty() && timers_.begin()->first.first <= time) {
      const Callback fn = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      fn();
    }
  }

  void call(Id id, int events) {
    const auto it = watches_.find(id);
    if (it == watches_.end() || events == 0) return;
    const Ready fn = it->second.fn;
    const bool broken = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    fn(broken || (events & POLLIN) != 0, broken || (events & POLLOUT) != 0);
  }

  void run_posted() {
    char bytes[64];
    while (::read(wake_[0], bytes, sizeof bytes) > 0) {
    }
    std::vector<Callback> batch;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(posted_);
    }
    for (const Callback& fn : batch) fn();
  }

  int wake_[2] = {-1, -1};
  Id last_id_ = 0;
  std::map<std::pair<Micros, Id>, Callback> timers_;
  std::map<Id, Watch> watches_;
  std::deque<Callback> deferred_;
  std::mutex mutex_;  // of posted_
  std::vector<Callback> posted_;
};

}  // namespace streamflow::test
