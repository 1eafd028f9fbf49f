#include "daemon/uv_loop.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

using namespace streamflow;

TEST_CASE("uv loop: now() stands still within a turn, deferred work runs before the loop sleeps") {
  UvLoop loop;
  std::string order;
  Micros first = 0;
  loop.after(0, [&] {
    first = loop.now();
    loop.defer([&] {
      order += "deferred ";
      CHECK(loop.now() == first);
    });
    order += "timer ";
  });
  loop.after(20'000, [&] {
    order += "later";
    CHECK(loop.now() > first);
    loop.stop();
  });
  loop.run();
  CHECK(order == "timer deferred later");
}

TEST_CASE("uv loop: what asks for the next turn again and again leaves room for timers, descriptors and posts") {
  UvLoop loop;
  int turns = 0;
  bool timer = false, posted = false, readable = false;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(write(ends[1], "x", 1) == 1);
  const Loop::Id watch = loop.watch(ends[0], true, false, [&](bool, bool) { readable = true; });
  loop.after(1'000, [&] { timer = true; });
  std::thread other([&] { loop.post([&] { posted = true; }); });
  std::function<void()> again = [&] {
    ++turns;
    if ((timer && posted && readable) || turns == 10'000'000) return loop.stop();
    loop.after(0, again);
  };
  loop.after(0, again);
  const Loop::Id never = loop.after(0, [&] { FAIL("it was cancelled"); });
  loop.cancel(never);
  loop.run();
  other.join();
  CHECK(timer);
  CHECK(posted);
  CHECK(readable);
  CHECK(turns > 1);
  loop.unwatch(watch);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("uv loop: post runs on the loop from another thread, and is refused when it has stopped") {
  UvLoop loop;
  std::thread::id ran;
  std::thread other([&] { CHECK(loop.post([&] { ran = std::this_thread::get_id(); loop.stop(); })); });
  loop.run();
  other.join();
  CHECK(ran == std::this_thread::get_id());
  CHECK_FALSE(loop.post([] {}));
}

TEST_CASE("uv loop: a watch may end itself, a cancelled timer does not run") {
  UvLoop loop;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  int calls = 0;
  Loop::Id id = 0;
  id = loop.watch(ends[0], true, false, [&](bool readable, bool) {
    CHECK(readable);
    ++calls;
    loop.unwatch(id);
    loop.after(10'000, [&] { loop.stop(); });
  });
  const auto never = loop.after(1'000, [&] { calls += 100; });
  loop.cancel(never);
  REQUIRE(write(ends[1], "x", 1) == 1);
  loop.run();
  CHECK(calls == 1);
  close(ends[0]);
  close(ends[1]);
}
