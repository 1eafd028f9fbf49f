#include "connectors/mqtt/session.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

namespace streamflow::mqtt {
namespace {

constexpr size_t kClientIdMax = 65535;

std::string hex_id(uint64_t high, uint64_t low) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "sf";
  for (int i = 0; i < 16; ++i) out += kDigits[(high >> (4 * i)) & 15];
  for (int i = 0; i < 4; ++i) out += kDigits[(low >> (4 * i)) & 15];
  return out;
}

// A part of a file name: what is not a letter, a digit, '-', '_' or '.' becomes %XX, so that two
// names never meet and none leaves the folder.
std::string file_part(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string words(const char* what, const std::string& path) {
  return std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

std::string session_path(const std::string& state_dir, std::string_view pipeline,
                         std::string_view node) {
  return state_dir + "/mqtt-client-id-" + file_part(pipeline) + "-" + file_part(node);
}

Result<Session> read_session(const std::string& path) {
  Session out;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return out;
  std::ifstream file(path);
  if (!file) return fail(ErrorKind::kIo, words("read", path));
  std::getline(file, out.client_id);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) out.filters.push_back(line);
  }
  if (out.client_id.empty() || out.client_id.size() > kClientIdMax) {
    return fail(ErrorKind::kIo, "'" + path + "' holds no client id");
  }
  return out;
}

Status write_session(const std::string& path, const Session& session) {
  std::string text = session.client_id + "\n";
  for (const std::string& filter : session.filters) text += filter + "\n";
  const std::string part = path + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::kIo, words("write", part));
  const bool written = write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!written || ::rename(part.c_str(), path.c_str()) != 0) {
    auto status = fail(ErrorKind::kIo, words("write", path));
    ::unlink(part.c_str());
    return status;
  }
  return {};
}

std::string random_client_id() {
  std::random_device device;
  const auto word = [&device] { return (uint64_t{device()} << 32) | device(); };
  const uint64_t high = word();
  return hex_id(high, word());
}

std::string derived_client_id(std::string_view pipeline, std::string_view node) {
  std::ifstream file("/etc/machine-id");
  std::string machine;
  std::getline(file, machine);
  if (machine.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) machine = name.data();
  }
  // The machine's id itself is not shown to others, as machine-id(5) asks.
  std::string text = "streamflow mqtt\n" + machine + "\n";
  text.append(pipeline).append("\n").append(node);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return hex_id(hash.high64, hash.low64);
}

}  // namespace streamflow::mqtt
