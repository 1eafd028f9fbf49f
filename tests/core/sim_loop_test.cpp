#include "core/sim_loop.h"

#include <doctest/doctest.h>

#include <string>

using namespace streamflow;

TEST_CASE("sim loop: timers run in order of time, then age, and the clock goes along") {
  SimLoop loop(100);
  std::string order;
  loop.after(20, [&] { order += "b" + std::to_string(loop.now()); });
  loop.after(10, [&] {
    order += "a" + std::to_string(loop.now());
    loop.after(0, [&] { order += "c"; });
  });
  const auto cancelled = loop.after(15, [&] { order += "x"; });
  loop.cancel(cancelled);
  loop.run_until(115);
  CHECK(order == "a110c");
  loop.run_until(200);
  CHECK(order == "a110cb120");
  CHECK(loop.now() == 200);
}

TEST_CASE("sim loop: deferred work runs at the end of the turn, what it defers too") {
  SimLoop loop;
  std::string order;
  loop.defer([&] {
    order += "1";
    loop.defer([&] { order += "2"; });
  });
  loop.run_turn();
  CHECK(order == "12");
}
