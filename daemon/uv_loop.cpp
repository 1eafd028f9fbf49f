#include "daemon/uv_loop.h"

#include <sys/timex.h>
#include <uv.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace streamflow {

namespace {
struct Timer {
  uv_timer_t handle;
  UvLoop::Id id;
  Loop::Callback fn;
};
struct Watch {
  uv_poll_t handle;
  Loop::Ready fn;
};
struct Signal {
  uv_signal_t handle;
  Loop::Callback fn;
};
// A clock before this program was written has not been set since power-on.
constexpr Micros kWritten = 1'764'028'800 * kMicrosPerSecond;  // 2025-11-25
constexpr Micros kClockCheck = 10 * kMicrosPerSecond;

bool kernel_clock_is_set() {
  timex state{};
  return ntp_adjtime(&state) != TIME_ERROR || (state.status & STA_UNSYNC) == 0;
}

int poll_events(bool read, bool write) {
  return (read ? UV_READABLE | UV_DISCONNECT : 0) | (write ? UV_WRITABLE : 0);
}
}  // namespace

struct UvLoop::State {
  uv_loop_t loop;
  uv_async_t wake;
  uv_prepare_t before_sleep;
  uv_check_t after_poll;
  uv_idle_t next_turn;  // while there is something in `soon`: the loop does not sleep
  mutable Micros now = 0;
  mutable bool stale = true;  // slept since `now` was read
  mutable bool clock_is_set = true;
  mutable uint64_t clock_checked_at = 0;  // by the monotonic clock, ns; 0: never
  Id last_id = 0;
  std::map<Id, Timer*> timers;
  std::map<Id, Callback> soon;  // after(0, …)
  std::map<Id, Watch*> watches;
  std::vector<Signal*> signals;
  std::deque<Callback> deferred;
  std::mutex mutex;  // of the two below
  std::vector<Callback> posted;
  bool accepting = true;
  bool stopping = false;

  void run_deferred() {
    while (!deferred.empty()) {
      Callback fn = std::move(deferred.front());
      deferred.pop_front();
      fn();
    }
  }

  // What was there when it began: what is added meanwhile waits for another look at I/O and signals.
  void run_soon() {
    const Id upto = last_id;
    while (!soon.empty() && soon.begin()->first <= upto) {
      const Callback fn = std::move(soon.begin()->second);
      soon.erase(soon.begin());
      fn();
    }
    if (soon.empty()) uv_idle_stop(&next_turn);
  }

  void run_posted() {
    std::vector<Callback> batch;
    {
      const std::lock_guard lock(mutex);
      batch.swap(posted);
    }
    for (auto& fn : batch) fn();
  }
};

UvLoop::UvLoop() : state_(std::make_unique<State>()) {
  State* s = state_.get();
  uv_loop_init(&s->loop);
  s->loop.data = s;
  uv_async_init(&s->loop, &s->wake, [](uv_async_t* h) {
    static_cast<State*>(h->loop->data)->run_posted();
  });
  uv_prepare_init(&s->loop, &s->before_sleep);
  uv_prepare_start(&s->before_sleep, [](uv_prepare_t* h) {
    auto* state = static_cast<State*>(h->loop->data);
    state->run_deferred();
    state->stale = true;
  });
  uv_idle_init(&s->loop, &s->next_turn);
  uv_check_init(&s->loop, &s->after_poll);
  uv_check_start(&s->after_poll, [](uv_check_t* h) {
    static_cast<State*>(h->loop->data)->run_deferred();
  });
}

UvLoop::~UvLoop() {
  State* s = state_.get();
  uv_walk(
      &s->loop,
      [](uv_handle_t* h, void*) {
        if (!uv_is_closing(h)) uv_close(h, nullptr);
      },
      nullptr);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  for (auto& [id, timer] : s->timers) delete timer;
  for (auto& [id, watch] : s->watches) delete watch;
  for (auto* signal : s->signals) delete signal;
  uv_loop_close(&s->loop);
}

Micros UvLoop::wall_clock() {
  uv_timeval64_t tv;
  uv_gettimeofday(&tv);
  return tv.tv_sec * kMicrosPerSecond + tv.tv_usec;
}

Micros UvLoop::monotonic_clock() { return static_cast<Micros>(uv_hrtime() / 1000); }

Micros UvLoop::now() const {
  if (state_->stale) {
    state_->now = wall_clock();
    state_->stale = false;
  }
  return state_->now;
}

bool UvLoop::clock_is_set() const {
  const uint64_t steady = uv_hrtime();
  State& s = *state_;
  if (s.clock_checked_at == 0 || steady - s.clock_checked_at > uint64_t{kClockCheck} * 1000) {
    s.clock_checked_at = steady;
    s.clock_is_set = kernel_clock_is_set();
  }
  return s.clock_is_set && now() > kWritten;
}

Loop::Id UvLoop::after(Micros delay, Callback fn) {
  if (delay <= 0) {
    // Not a timer: before libuv 1.45 one of zero length that starts another keeps the loop to itself.
    const Id id = ++state_->last_id;
    state_->soon.emplace(id, std::move(fn));
    uv_idle_start(&state_->next_turn, [](uv_idle_t* h) { static_cast<State*>(h->loop->data)->run_soon(); });
    return id;
  }
  auto* timer = new Timer{{}, ++state_->last_id, std::move(fn)};
  uv_timer_init(&state_->loop, &timer->handle);
  timer->handle.data = timer;
  uv_update_time(&state_->loop);
  const Micros millis = (delay + kMicrosPerMilli - 1) / kMicrosPerMilli;
  uv_timer_start(
      &timer->handle,
      [](uv_timer_t* h) {
        auto* t = static_cast<Timer*>(h->data);
        auto* state = static_cast<State*>(h->loop->data);
        Callback callback = std::move(t->fn);
        state->timers.erase(t->id);
        uv_close(reinterpret_cast<uv_handle_t*>(h),
                 [](uv_handle_t* handle) { delete static_cast<Timer*>(handle->data); });
        callback();
      },
      static_cast<uint64_t>(millis), 0);
  state_->timers.emplace(timer->id, timer);
  return timer->id;
}

void UvLoop::cancel(Id id) {
  if (state_->soon.erase(id) != 0) return;
  const auto it = state_->timers.find(id);
  if (it == state_->timers.end()) return;
  uv_timer_stop(&it->second->handle);
  uv_close(reinterpret_cast<uv_handle_t*>(&it->second->handle),
           [](uv_handle_t* handle) { delete static_cast<Timer*>(handle->data); });
  state_->timers.erase(it);
}

void UvLoop::defer(Callback fn) { state_->deferred.push_back(std::move(fn)); }

bool UvLoop::post(Callback fn) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->accepting || state_->posted.size() >= kPostedMax) return false;
    state_->posted.push_back(std::move(fn));
  }
  uv_async_send(&state_->wake);
  return true;
}

Loop::Id UvLoop::watch(int fd, bool read, bool write, Ready fn) {
  auto* watch = new Watch{{}, std::move(fn)};
  if (uv_poll_init(&state_->loop, &watch->handle, fd) != 0) {
    delete watch;
    return 0;
  }
  watch->handle.data = watch;
  const Id id = ++state_->last_id;
  state_->watches.emplace(id, watch);
  rewatch(id, read, write);
  return id;
}

void UvLoop::rewatch(Id id, bool read, bool write) {
  const auto it = state_->watches.find(id);
  if (it == state_->watches.end()) return;
  if (!read && !write) {
    uv_poll_stop(&it->second->handle);
    return;
  }
  uv_poll_start(&it->second->handle, poll_events(read, write), [](uv_poll_t* h, int status, int events) {
    // A copy: the callback may unwatch, which ends the handle.
    const Ready callback = static_cast<Watch*>(h->data)->fn;
    const bool broken = status < 0 || (events & UV_DISCONNECT) != 0;
    callback(broken || (events & UV_READABLE) != 0, broken || (events & UV_WRITABLE) != 0);
  });
}

void UvLoop::unwatch(Id id) {
  const auto it = state_->watches.find(id);
  if (it == state_->watches.end()) return;
  uv_poll_stop(&it->second->handle);
  uv_close(reinterpret_cast<uv_handle_t*>(&it->second->handle),
           [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  state_->watches.erase(it);
}

void UvLoop::on_signal(int signal, Callback fn) {
  auto* entry = new Signal{{}, std::move(fn)};
  uv_signal_init(&state_->loop, &entry->handle);
  entry->handle.data = entry;
  uv_signal_start(
      &entry->handle,
      [](uv_signal_t* h, int) { static_cast<Signal*>(h->data)->fn(); }, signal);
  state_->signals.push_back(entry);
}

void UvLoop::run() {
  while (!state_->stopping) {
    uv_run(&state_->loop, UV_RUN_ONCE);
    state_->stale = true;
  }
  state_->run_deferred();
  const std::lock_guard lock(state_->mutex);
  state_->accepting = false;
}

void UvLoop::stop() {
  state_->stopping = true;
  uv_async_send(&state_->wake);
}

}  // namespace streamflow
