// A loop in virtual time: for tests, `streamflowd test` and `replay`.  Single thread; nothing real
// happens, so a run is a function of its inputs.
#pragma once

#include <deque>
#include <map>

#include "core/loop.h"

namespace streamflow {

class SimLoop final : public Loop {
 public:
  explicit SimLoop(Micros start = 0) : now_(start) {}

  Micros now() const override { return now_; }
  bool clock_is_set() const override { return clock_is_set_; }
  Id after(Micros delay, Callback fn) override;
  void cancel(Id id) override;
  void defer(Callback fn) override { deferred_.push_back(std::move(fn)); }
  bool post(Callback fn) override;
  // Descriptors do not exist here.
  Id watch(int, bool, bool, Ready) override { return 0; }
  void rewatch(Id, bool, bool) override {}
  void unwatch(Id) override {}

  // Runs everything due up to `time` in order, the clock going along, and leaves it there.
  void run_until(Micros time);
  // Runs what is due now.
  void run_turn() { run_until(now_); }
  // Moves the wall clock without running anything (a clock step).
  void set_now(Micros now) { now_ = now; }
  void set_clock_is_set(bool is_set) { clock_is_set_ = is_set; }
  bool idle() const { return timers_.empty() && deferred_.empty(); }

 private:
  void run_deferred();

  Micros now_;
  bool clock_is_set_ = true;
  Micros steady_ = 0;  // moves with run_until only
  Id last_id_ = 0;
  std::map<std::pair<Micros, Id>, Callback> timers_;  // by steady time, then age
  std::deque<Callback> deferred_;
};

}  // namespace streamflow
