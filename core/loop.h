// The one place where time passes and the outside world enters.  A pipeline and all its nodes belong
// to one loop's thread.  UvLoop (daemon/) is the real one; SimLoop (core/sim_loop.h) runs tests,
// `test` and `replay` in virtual time.
#pragma once

#include <cstdint>
#include <functional>

#include "core/time.h"

namespace streamflow {

class Loop {
 public:
  using Callback = std::function<void()>;
  using Id = uint64_t;  // 0 is never used

  virtual ~Loop() = default;

  // The wall clock; stands still within a turn of the loop.
  virtual Micros now() const = 0;
  // False while it is known to be unset or not synchronised: then it says nothing about event times.
  virtual bool clock_is_set() const { return true; }

  // Runs `fn` once, `delay` from now by the monotonic clock (never before; 0: the next turn).
  virtual Id after(Micros delay, Callback fn) = 0;
  virtual void cancel(Id id) = 0;  // no-op for 0 and for what has run

  // Runs `fn` at the end of this turn: after the I/O of the turn, before the loop sleeps.
  virtual void defer(Callback fn) = 0;

  // From any thread: runs `fn` on the loop.  False when the loop has stopped or too much waits.
  virtual bool post(Callback fn) = 0;

  // Calls `fn(readable, writable)` while `fd` is ready for what was asked (level-triggered) until
  // unwatched.  `fd` must stay open until then: give a dup of descriptors that a library may close.
  using Ready = std::function<void(bool readable, bool writable)>;
  virtual Id watch(int fd, bool read, bool write, Ready fn) = 0;
  virtual void rewatch(Id id, bool read, bool write) = 0;
  virtual void unwatch(Id id) = 0;
};

}  // namespace streamflow
