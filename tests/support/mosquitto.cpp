#include "tests/support/mosquitto.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace streamflow::test {
namespace {

constexpr int kStartTries = 400;
constexpr int kStartWaitMs = 25;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(port);
  return out;
}

bool accepts(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = loopback(port);
  const bool yes = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  ::close(fd);
  return yes;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "streamflow-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path) << text;
  return path;
}

uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  if (!ok) throw std::runtime_error("no free port");
  return ntohs(at.sin_port);
}

int run_program(const std::string& shell_command) {
  const int status = std::system(("( " + shell_command + " ) >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Mosquitto::Mosquitto(const std::string& config, const std::string& host)
    : host_(host), port_(free_port()) {
  std::string text = config;
  for (size_t at = 0; (at = text.find("{folder}")) != std::string::npos;) {
    text.replace(at, 8, folder_.path());
  }
  if (text.find("allow_anonymous") == std::string::npos) text += "\nallow_anonymous true";
  // Before the listener's own lines come the broker's; `user`: who runs the test owns the folder.
  const std::string user = ::getuid() == 0 ? "user root\n" : "";
  folder_.write("mosquitto.conf", user + "persistence true\npersistence_location " +
                                      folder_.path() +
                                      "/\nautosave_interval 1800\nmax_queued_messages 0\n"
                                      "log_dest file " +
                                      folder_.path() + "/log\nlistener " + std::to_string(port_) +
                                      " " + host_ + "\n" + text + "\n");
  start();
}

Mosquitto::~Mosquitto() { end(SIGKILL); }

void Mosquitto::start() {
  if (pid_ != 0) return;
  const std::string config = folder_.path() + "/mosquitto.conf";
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::execlp("mosquitto", "mosquitto", "-c", config.c_str(), nullptr);
    ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", config.c_str(), nullptr);
    ::_exit(127);
  }
  pid_ = child;
  for (int i = 0; i < kStartTries; ++i) {
    if (accepts(port_)) return;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    ::poll(nullptr, 0, kStartWaitMs);
  }
  throw std::runtime_error("mosquitto did not start:\n" + log());
}

void Mosquitto::end(int signal) {
  if (pid_ == 0) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void Mosquitto::stop() { end(SIGTERM); }
void Mosquitto::kill() { end(SIGKILL); }

std::string Mosquitto::address(const std::string& topic) const {
  return "mqtt://" + host_ + ":" + std::to_string(port_) + (topic.empty() ? "" : "/" + topic);
}

bool Mosquitto::publish(const std::string& topic, const std::string& payloads, int qos,
                        const std::string& options) const {
  const std::string file = folder_.write("publish", payloads);
  return run_program("mosquitto_pub -h 127.0.0.1 -p " + std::to_string(port_) + " -t '" + topic +
                     "' -q " + std::to_string(qos) + " " + options + " -l < " + file) == 0;
}

std::string Mosquitto::log() const {
  std::ifstream file(folder_.path() + "/log");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace streamflow::test
