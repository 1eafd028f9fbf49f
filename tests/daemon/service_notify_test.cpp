#include "daemon/service_notify.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/sim_loop.h"

namespace streamflow {
namespace {

// The manager's end, on an abstract address.
class Manager {
 public:
  Manager()
      : name("@streamflow-test-" + std::to_string(getpid())),
        fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  ~Manager() { ::close(fd_); }
  std::vector<std::string> heard() const {
    std::vector<std::string> out;
    char text[1024];
    for (ssize_t n = 0; (n = ::recv(fd_, text, sizeof text, 0)) >= 0;)
      out.emplace_back(text, static_cast<size_t>(n));
    return out;
  }
  const std::string name;

 private:
  int fd_;
};

using Heard = std::vector<std::string>;

void run_for(SimLoop& loop, Micros span) { loop.run_until(loop.now() + span); }

TEST_CASE("service: ready once, a reload with its moment, the end") {
  Manager manager;
  SimLoop loop;
  ServiceNotify notify(loop, {manager.name, 0});
  notify.ready();
  notify.ready();
  CHECK(manager.heard() == Heard{"READY=1"});
  notify.reloading(123'456);
  notify.ready();
  notify.ready();
  CHECK(manager.heard() == Heard{"RELOADING=1\nMONOTONIC_USEC=123456", "READY=1"});
  notify.reloading(200'000);
  notify.stopping();
  notify.ready();  // a reload that ends too late says nothing
  CHECK(manager.heard() ==
        Heard{"RELOADING=1\nMONOTONIC_USEC=200000", "STOPPING=1\nSTATUS=stopping"});
}

TEST_CASE("service: a status is one line, cut between characters, sent when it changes") {
  Manager manager;
  SimLoop loop;
  ServiceNotify notify(loop, {manager.name, 0});
  notify.status("one\ntwo");
  notify.status("one\ntwo");
  CHECK(manager.heard() == Heard{"STATUS=one two"});
  std::string longer;
  while (longer.size() <= ServiceNotify::kStatusBytesMax) longer += "é";
  notify.status("x" + longer);
  const Heard heard = manager.heard();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].ends_with("é…"));
  CHECK(heard[0].size() <= ServiceNotify::kStatusBytesMax + 10);
}

TEST_CASE("service: signs of life at half the period, from the loop, once it is ready") {
  Manager manager;
  SimLoop loop;
  ServiceNotify notify(loop, {manager.name, 2 * kMicrosPerSecond});
  run_for(loop, 5 * kMicrosPerSecond);
  CHECK(manager.heard().empty());
  notify.ready();
  CHECK(manager.heard() == Heard{"READY=1", "WATCHDOG=1"});
  run_for(loop, 3 * kMicrosPerSecond + 1);
  CHECK(manager.heard() == Heard{"WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"});
  notify.reloading(1);
  notify.ready();  // no second timer
  run_for(loop, kMicrosPerSecond);
  CHECK(manager.heard() == Heard{"RELOADING=1\nMONOTONIC_USEC=1", "READY=1", "WATCHDOG=1"});
}

TEST_CASE("service: a full socket loses nothing and changes no order") {
  Manager manager;
  SimLoop loop;
  ServiceNotify notify(loop, {manager.name, 0});
  for (int i = 0; i < 40; ++i)
    notify.status("line " + std::to_string(i));  // the kernel takes about eleven
  notify.stopping();
  Heard all = manager.heard();
  CHECK(all.size() < 40);
  for (int turn = 0; turn < 10; ++turn) {
    run_for(loop, ServiceNotify::kRetry);
    for (const std::string& each : manager.heard()) all.push_back(each);
  }
  REQUIRE(all.size() == 41);
  for (size_t i = 0; i < 40; ++i) CHECK(all[i] == "STATUS=line " + std::to_string(i));
  CHECK(all[40].starts_with("STOPPING=1"));
}

TEST_CASE("service: without a manager, with a broken address or a dead one, nothing happens") {
  for (const char* socket :
       {"", "x", "@", "vsock:2:1234", "/no/such/folder/socket", "@streamflow-nobody"}) {
    SimLoop loop;
    ServiceNotify notify(loop, {socket, kMicrosPerSecond});
    notify.ready();
    notify.status("a");
    notify.stopping();
    run_for(loop, kMicrosPerSecond);
  }
  SimLoop loop;
  ServiceNotify(loop, {"@" + std::string(500, 'x'), 0}).ready();
}

TEST_CASE("service: the environment is read once and not handed on") {
  setenv("NOTIFY_SOCKET", "@a", 1);
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  const ServiceEnvironment mine = take_service_environment();
  CHECK(mine.socket == "@a");
  CHECK(mine.watchdog == 30 * kMicrosPerSecond);
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    CHECK(std::getenv(name) == nullptr);
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", "1", 1);  // another process's
  CHECK(take_service_environment().watchdog == 0);
  for (const char* bad : {"", "x", "-5", "99999999999999999999999"}) {
    setenv("WATCHDOG_USEC", bad, 1);
    CHECK(take_service_environment().watchdog == 0);
  }
}

}  // namespace
}  // namespace streamflow
