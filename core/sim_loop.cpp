#include "core/sim_loop.h"

#include <algorithm>

namespace streamflow {

Loop::Id SimLoop::after(Micros delay, Callback fn) {
  const Id id = ++last_id_;
  timers_.emplace(std::make_pair(steady_ + std::max<Micros>(delay, 0), id), std::move(fn));
  return id;
}

void SimLoop::cancel(Id id) {
  std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
}

bool SimLoop::post(Callback fn) {
  after(0, std::move(fn));
  return true;
}

void SimLoop::run_deferred() {
  while (!deferred_.empty()) {
    Callback fn = std::move(deferred_.front());
    deferred_.pop_front();
    fn();
  }
}

void SimLoop::run_until(Micros time) {
  const Micros end = steady_ + std::max<Micros>(time - now_, 0);
  run_deferred();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    auto timer = timers_.extract(timers_.begin());
    now_ += timer.key().first - steady_;
    steady_ = timer.key().first;
    timer.mapped()();
    run_deferred();
  }
  now_ += end - steady_;
  steady_ = end;
}

}  // namespace streamflow
