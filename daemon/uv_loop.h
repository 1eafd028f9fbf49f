// The real loop: libuv.  The one place of the daemon that reads a clock.  Everything but `post` is for
// the thread that calls `run`.
#pragma once

#include <memory>

#include "core/loop.h"

namespace streamflow {

class UvLoop final : public Loop {
 public:
  static constexpr size_t kPostedMax = 65'536;  // callbacks that may wait; post() is false beyond

  UvLoop();
  ~UvLoop() override;  // after run() has returned
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  static Micros wall_clock();       // any thread
  static Micros monotonic_clock();  // CLOCK_MONOTONIC; any thread

  Micros now() const override;
  bool clock_is_set() const override;  // by the kernel's word, looked up once in ten seconds
  Id after(Micros delay, Callback fn) override;
  void cancel(Id id) override;
  void defer(Callback fn) override;
  bool post(Callback fn) override;
  Id watch(int fd, bool read, bool write, Ready fn) override;
  void rewatch(Id id, bool read, bool write) override;
  void unwatch(Id id) override;

  void on_signal(int signal, Callback fn);
  void run();   // until stop()
  void stop();  // returns run() at the end of this turn

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace streamflow
