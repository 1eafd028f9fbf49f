#include "daemon/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/journal.h"
#include "core/log.h"

namespace streamflow {
namespace {

// A variable's value; it is unset.
std::string take(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value != nullptr ? value : "";
  unsetenv(name);
  return out;
}

uint64_t number(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 19 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::stoull(text) : 0;
}

// One line of at most `max` bytes, cut between characters.
std::string one_line(std::string_view text, size_t max) {
  std::string out(text.substr(0, max));
  if (text.size() > max) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (!out.empty()) out.pop_back();
    out += "…";
  }
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return out;
}

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;  // 0: it is none
};

Address address_of(const std::string& socket) {
  Address out;
  out.name.sun_family = AF_UNIX;
  if (socket.size() < 2 || socket.size() >= sizeof out.name.sun_path) return out;
  if (socket[0] != '/' && socket[0] != '@') return out;
  std::memcpy(out.name.sun_path, socket.data(), socket.size());
  const bool is_abstract = socket[0] == '@';
  if (is_abstract) out.name.sun_path[0] = '\0';
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() +
                                    (is_abstract ? 0 : 1));
  return out;
}

// On its way up, and nothing is wrong yet.
bool is_connecting(const Pipeline& pipeline) {
  bool any = false, trouble = false;
  const auto look = [&any, &trouble](ConnectorState state) {
    any = any || state == ConnectorState::kConnecting;
    trouble = trouble || state == ConnectorState::kDown || state == ConnectorState::kPaused;
  };
  for (const auto& source : pipeline.sources) look(source->status.state);
  for (const auto& sink : pipeline.sinks) look(sink->status.state);
  return any && !trouble;
}

bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

}  // namespace

ServiceEnvironment take_service_environment() {
  ServiceEnvironment out;
  out.socket = take("NOTIFY_SOCKET");
  const uint64_t period = number(take("WATCHDOG_USEC"));
  const std::string pid = take("WATCHDOG_PID");
  if (pid.empty() || pid == std::to_string(getpid())) out.watchdog = static_cast<Micros>(period);
  return out;
}

ServiceNotify::ServiceNotify(Loop& loop, ServiceEnvironment environment)
    : loop_(loop), environment_(std::move(environment)) {
  if (environment_.socket.empty()) return;
  if (address_of(environment_.socket).size == 0) {
    log(LogLevel::kWarn,
        "NOTIFY_SOCKET is neither a path nor an abstract name: the service manager is told "
        "nothing");
    return;
  }
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

ServiceNotify::~ServiceNotify() {
  loop_.cancel(retry_);
  loop_.cancel(watchdog_);
  if (fd_ >= 0) ::close(fd_);
}

void ServiceNotify::ready() {
  if (std::exchange(is_ready_, true)) return;
  send("READY=1");
  if (watchdog_ == 0) sign_of_life();
}

void ServiceNotify::reloading(Micros monotonic) {
  is_ready_ = false;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic));
}

void ServiceNotify::stopping() {
  is_ready_ = true;  // nothing ends a reload any more
  status_.clear();
  send("STOPPING=1\nSTATUS=stopping");
}

void ServiceNotify::status(std::string_view text) {
  std::string line = one_line(text, kStatusBytesMax);
  if (fd_ < 0 || line == status_) return;
  status_ = std::move(line);
  send("STATUS=" + status_);
}

void ServiceNotify::sign_of_life() {
  if (fd_ < 0 || environment_.watchdog <= 0) return;
  if (waiting_.empty()) send("WATCHDOG=1");
  watchdog_ = loop_.after(environment_.watchdog / 2, [this] { sign_of_life(); });
}

void ServiceNotify::send(std::string message) {
  if (fd_ < 0) return;
  if (waiting_.size() >= kWaitingMax) waiting_.pop_front();
  waiting_.push_back(std::move(message));
  if (retry_ == 0) send_waiting();
}

void ServiceNotify::send_waiting() {
  const Address to = address_of(environment_.socket);
  while (!waiting_.empty()) {
    const std::string& message = waiting_.front();
    const ssize_t sent = ::sendto(fd_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&to.name), to.size);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && is_full(errno)) {
      retry_ = loop_.after(kRetry, [this] {
        retry_ = 0;
        send_waiting();
      });
      return;
    }
    if (sent < 0 && !std::exchange(failing_, true))
      log(LogLevel::kWarn, std::string("cannot tell the service manager: ") + std::strerror(errno));
    if (sent >= 0) failing_ = false;
    waiting_.pop_front();
  }
}

std::string service_status(const std::vector<std::unique_ptr<Pipeline>>& pipelines, size_t arriving,
                           const ReloadStatus& reload) {
  size_t running = 0, starting = arriving, ended = 0, degraded = 0, behind = 0;
  std::string trouble;
  for (const auto& pipeline : pipelines) {
    std::string reason;
    const std::string state = pipeline_state(*pipeline, reason);
    if (pipeline->journal && pipeline->journal->recovering()) {
      ++behind;
    } else if (is_connecting(*pipeline)) {
      ++starting;
    } else if (state == "degraded") {
      if (degraded++ == 0) trouble = pipeline->name + ": " + reason;
    } else {
      ++(state == "stopped" ? ended : running);
    }
  }
  std::string out =
      std::to_string(running) + (running == 1 ? " pipeline running" : " pipelines running");
  if (starting > 0) out += ", " + std::to_string(starting) + " starting";
  if (behind > 0) out += ", " + std::to_string(behind) + " catching up with the input log";
  if (ended > 0) out += ", " + std::to_string(ended) + " ended";
  if (degraded > 0) out += ", " + std::to_string(degraded) + " degraded: " + trouble;
  if (!reload.ok) out += "; reload refused: " + reload.error.substr(0, reload.error.find('\n'));
  return out;
}

}  // namespace streamflow
