#include "connectors/file/out_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace streamflow::file {
namespace {

constexpr size_t kHeaderBytesMax = size_t{64} << 10;
constexpr mode_t kMode = 0666;  // less the umask

// A pipe that poll calls writable takes PIPE_BUF bytes without blocking.
bool is_writable(int fd) {
  pollfd poll{fd, POLLOUT, 0};
  return ::poll(&poll, 1, 0) > 0;
}

}  // namespace

bool OutFile::check_opened(struct stat& status) {
  error_ = fd_ < 0 || ::fstat(fd_, &status) != 0 ? errno : 0;
  if (error_ != 0) return false;
  may_block_ = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || ::isatty(fd_) == 1;
  return true;
}

bool OutFile::open(bool truncate, bool in_line) {
  in_line_ = in_line_ || in_line;
  const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (truncate ? O_TRUNC : 0);
  fd_ = ::open(path_.c_str(), flags, kMode);
  // Devices and write-only files cannot be read; nothing is continued there.
  if (fd_ < 0) fd_ = ::open(path_.c_str(), (flags & ~O_RDWR) | O_WRONLY, kMode);
  struct stat status {};
  if (!check_opened(status) || !end_last_line(status)) return false;
  if (!csv_ || csv_->has_names() || status.st_size == 0) return true;
  std::string head(kHeaderBytesMax, '\0');
  const ssize_t n = ::pread(fd_, head.data(), head.size(), 0);
  if (n > 0) csv_->take_header(std::string_view(head).substr(0, static_cast<size_t>(n)));
  return true;
}

bool OutFile::end_last_line(const struct stat& status) {
  char last = '\n';
  if (in_line_ || !S_ISREG(status.st_mode) || status.st_size == 0) return true;
  if (::pread(fd_, &last, 1, status.st_size - 1) != 1 || last == '\n') return true;
  if (::write(fd_, "\n", 1) == 1) return true;
  error_ = errno;
  return false;
}

bool OutFile::open_standard_output() {
  fd_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  struct stat status {};
  if (!check_opened(status)) return false;
  saved_flags_ = ::fcntl(fd_, F_GETFL);
  return true;
}

void OutFile::close() {
  if (fd_ < 0) return;
  if (saved_flags_ >= 0) ::fcntl(fd_, F_SETFL, saved_flags_);
  ::close(std::exchange(fd_, -1));
}

void OutFile::added(uint64_t rows) {
  if (rows == 0) return;
  rows_ += rows;
  chunks_.push_back({rows, text_.size()});
}

OutFile::Written OutFile::write() {
  error_ = 0;
  while (bytes() > 0) {
    if (may_block_ && !is_writable(fd_)) return Written::kWait;
    const size_t most = may_block_ ? std::min<size_t>(bytes(), PIPE_BUF) : bytes();
    const ssize_t n = ::write(fd_, text_.data() + done_, most);
    if (n >= 0) {
      if (n > 0) in_line_ = text_[done_ + static_cast<size_t>(n) - 1] != '\n';
      advance(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      return Written::kWait;
    } else if (errno != EINTR) {
      error_ = errno;
      return Written::kFailed;
    }
  }
  return Written::kAll;
}

void OutFile::advance(size_t bytes) {
  done_ += bytes;
  while (!chunks_.empty() && chunks_.front().end <= done_) {
    written_ += chunks_.front().rows;
    rows_ -= chunks_.front().rows;
    chunks_.pop_front();
  }
  if (done_ < text_.size() && done_ < text_.size() / 2) return;
  text_.erase(0, done_);
  for (Chunk& chunk : chunks_) chunk.end -= done_;
  done_ = 0;
}

uint64_t OutFile::discard() {
  text_.clear();
  done_ = 0;
  chunks_.clear();
  return std::exchange(rows_, 0);
}

}  // namespace streamflow::file
