// A plain blocking HTTP client for tests: sends the bytes it is told to and reads replies one by
// one.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace streamflow::web {

struct Reply {
  int status = 0;                              // 0: the connection ended, or nothing came in time
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Nothing in a test waits longer than this; reaching it is a failure.
inline constexpr std::chrono::seconds kPatience{20};

template <class Condition>
bool wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class Client {
 public:
  // receive_bytes: size of the kernel's receive buffer, 0 for the usual.
  explicit Client(std::uint16_t port, int receive_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_bytes > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return connected_; }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  // False once the server has closed, or takes nothing for long.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd poll_fd{fd_, POLLOUT, 0};
      if (::poll(&poll_fd, 1, static_cast<int>(kPatience.count() * 1000)) <= 0) return false;
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // As much as fits now; 0 if nothing does, negative if the server has closed.
  ssize_t try_send(std::string_view bytes) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
  }

  Reply read_reply(bool with_body = true) {
    Reply reply;
    const std::string head = read_through("\r\n\r\n");
    if (head.size() < 12) return reply;
    reply.status = std::atoi(head.c_str() + 9);
    std::size_t at = head.find("\r\n") + 2;
    while (at + 2 < head.size()) {
      const std::size_t end = head.find("\r\n", at);
      const std::size_t colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      reply.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    const auto length = reply.headers.find("content-length");
    if (!with_body || length == reply.headers.end()) return reply;
    const auto bytes = static_cast<std::size_t>(std::atoll(length->second.c_str()));
    while (buffer_.size() < bytes && fill()) {
    }
    reply.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return reply;
  }

  // Up to and with the mark; less if the connection ends first.
  std::string read_through(std::string_view mark) {
    std::size_t found = 0, searched = 0;
    while ((found = buffer_.find(mark, searched)) == std::string::npos) {
      searched = buffer_.size() > mark.size() ? buffer_.size() - mark.size() : 0;
      if (!fill()) return std::exchange(buffer_, {});
    }
    std::string text = buffer_.substr(0, found + mark.size());
    buffer_.erase(0, text.size());
    return text;
  }

  std::string read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
  }

  // The connection was ended by the server, after what was read already.
  bool ended() { return read_to_end().empty() && ended_; }

 private:
  bool fill() {
    pollfd poll_fd{fd_, POLLIN, 0};
    if (::poll(&poll_fd, 1, static_cast<int>(kPatience.count() * 1000)) <= 0) return false;
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    ended_ = n <= 0;
    if (n > 0) buffer_.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

inline std::string get_request(std::string_view target, std::string_view headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
         "\r\n";
}

inline Reply get_once(std::uint16_t port, std::string_view target, std::string_view headers = {}) {
  Client client(port);
  client.send(get_request(target, headers));
  return client.read_reply();
}

}  // namespace streamflow::web
