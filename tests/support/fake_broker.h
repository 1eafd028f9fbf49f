// A broker that does what a real one cannot be asked to: answers by a few rules on a thread of its
// own, one connection at a time.  Knows CONNECT, SUBSCRIBE and PINGREQ; ignores the rest.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace streamflow::test {

class FakeBroker {
 public:
  struct Rules {
    enum class Of5 { kTake, kRefuse, kHangUp } of_5 = Of5::kTake;
    bool answers = true;              // else silent after accepting
    unsigned char suback = 1;         // for each filter; of MQTT 3.1.1
    std::string refused_filter = {};  // gets 0x80 instead
    std::string instead_of_connack = {};
    // By connection, from the first; of MQTT 3.1.1.  The last stands for all that follow.
    struct Scene {
      bool session_present = false;
      std::string after_connack = {};  // packets
      std::string after_suback = {};
      int hang_up_after_pubacks = 0;  // 0: never
      bool hang_up_after_connack = false;
    };
    std::vector<Scene> scenes = {{}};
  };

  // A PUBLISH of QoS 1 as bytes.
  static std::string publication(const std::string& topic, int id, const std::string& payload,
                                 bool again = false) {
    std::string body = {'\0', static_cast<char>(topic.size())};
    body += topic;
    body += static_cast<char>(id >> 8);
    body += static_cast<char>(id & 255);
    body += payload;
    return std::string(1, again ? '\x3a' : '\x32') + static_cast<char>(body.size()) + body;
  }

  explicit FakeBroker(Rules rules) : rules_(std::move(rules)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    ::listen(listener_, 16);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeBroker() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
  }
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  std::string address(const std::string& topic) const {
    return "mqtt://127.0.0.1:" + std::to_string(port_) + "/" + topic;
  }
  // The protocol levels of the CONNECTs so far: 5, or 4 for MQTT 3.1.1.
  std::vector<int> levels() const {
    const std::lock_guard lock(mutex_);
    return levels_;
  }

 private:
  void serve() {
    while (!stopping_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      {
        const std::lock_guard lock(mutex_);
        client_ = fd;
      }
      std::string packet;
      while (!stopping_ && read_packet(fd, packet) && answer(fd, packet)) {
      }
      const std::lock_guard lock(mutex_);
      client_ = -1;
      ::close(fd);
    }
  }

  static bool read_exactly(int fd, char* to, size_t size) {
    while (size > 0) {
      const ssize_t n = ::recv(fd, to, size, 0);
      if (n <= 0) return false;
      to += n;
      size -= static_cast<size_t>(n);
    }
    return true;
  }

  // The packet's type byte and its body.
  static bool read_packet(int fd, std::string& out) {
    char byte = 0;
    if (!read_exactly(fd, &byte, 1)) return false;
    out.assign(1, byte);
    size_t size = 0;
    for (int shift = 0;; shift += 7) {
      if (!read_exactly(fd, &byte, 1)) return false;
      size += static_cast<size_t>(byte & 127) << shift;
      if ((byte & 128) == 0) break;
    }
    out.resize(1 + size);
    return read_exactly(fd, out.data() + 1, size);
  }

  static bool send(int fd, const std::string& bytes) {
    return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  bool answer(int fd, const std::string& packet) {
    switch (static_cast<unsigned char>(packet[0]) & 0xf0) {
      case 0x10:
        return connect(fd, packet);
      case 0x80: {
        const bool refuse = !rules_.refused_filter.empty() &&
                            packet.find(rules_.refused_filter) != std::string::npos;
        const char code = static_cast<char>(refuse ? 0x80 : rules_.suback);
        return send(fd,
                    std::string("\x90\x03", 2) + packet.substr(1, 2) + code + scene_.after_suback);
      }
      case 0x40:
        return ++pubacks_ != scene_.hang_up_after_pubacks;
      case 0xc0:
        return send(fd, std::string("\xd0\x00", 2));
      default:
        return true;
    }
  }

  bool connect(int fd, const std::string& packet) {
    const int level = packet[7];  // type, "MQTT" with its length, level
    {
      const std::lock_guard lock(mutex_);
      scene_ = rules_.scenes[std::min(levels_.size(), rules_.scenes.size() - 1)];
      levels_.push_back(level);
    }
    pubacks_ = 0;
    if (!rules_.answers) return true;
    if (!rules_.instead_of_connack.empty()) return send(fd, rules_.instead_of_connack);
    if (level == 5 && rules_.of_5 == Rules::Of5::kHangUp) return false;
    if (level == 5 && rules_.of_5 == Rules::Of5::kRefuse) {
      (void)send(fd, std::string("\x20\x02\x00\x01", 4));
      return false;
    }
    if (level == 5) return send(fd, std::string("\x20\x03\x00\x00\x00", 5));
    const std::string flags(1, scene_.session_present ? '\1' : '\0');
    return send(fd, "\x20\x02" + flags + std::string(1, '\0') + scene_.after_connack) &&
           !scene_.hang_up_after_connack;
  }

  Rules rules_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;  // of the two below
  int client_ = -1;
  std::vector<int> levels_;
  Rules::Scene scene_;  // this and the next: of the thread
  int pubacks_ = 0;
  std::thread thread_;
};

}  // namespace streamflow::test
