#include "connectors/file/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <utility>

#include "connectors/file/path.h"

namespace streamflow::file {
namespace {

constexpr size_t kPoolMax = 40;
constexpr size_t kSampleBytes = 200;  // of a line that is too long

// As a user writes sizes: `64MiB`, `100B`.
std::string size_words(size_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  size_t unit = 0;
  for (; unit + 1 < std::size(kUnits) && bytes % 1024 == 0 && bytes > 0; ++unit) bytes /= 1024;
  return std::to_string(bytes) + kUnits[unit];
}

// The length of the whole lines among `size` bytes, of which the first `known` have no line break.
size_t whole_lines(const char* data, size_t known, size_t size) {
  const void* feed = ::memrchr(data + known, '\n', size - known);
  return feed == nullptr ? 0 : static_cast<size_t>(static_cast<const char*>(feed) - data) + 1;
}

}  // namespace

FileSource::FileSource(SourceOptions options)
    : options_(std::move(options)), retry_(std::hash<std::string>()(options_.path)) {}

FileSource::~FileSource() { close_file(); }

void FileSource::start(Loop& loop, SourceHost& host) {
  loop_ = &loop;
  host_ = &host;
  if (fd_ >= 0) {
    host.state(ConnectorState::kUp, "");
    return schedule(0);
  }
  block_ = new_block(options_.block_bytes);
  options_.standard_input ? open_standard_input() : open_file();
}

void FileSource::open_standard_input() {
  fd_ = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd_ < 0) {
    host_->state(ConnectorState::kDown, "standard input is closed");
    ended_ = true;
    return host_->ended();
  }
  saved_flags_ = ::fcntl(fd_, F_GETFL);
  opened();
}

void FileSource::open_file() {
  fd_ = ::open(options_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) return failed(errno);
  opened();
}

void FileSource::opened() {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return failed(errno);
  if (S_ISDIR(status.st_mode)) return failed(EISDIR);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  offset_ = 0;
  quiet_polls_ = 0;
  is_regular_ = S_ISREG(status.st_mode);
  if (restored_inode_ != 0 && is_regular_) continue_at_restored(status);
  wait_for_readable_ = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || ::isatty(fd_) == 1;
  retry_.reset();
  host_->state(ConnectorState::kUp, "");
  schedule(0);
}

// Behind what an earlier process handed over, if this is still that file.
void FileSource::continue_at_restored(const struct stat& status) {
  const bool same = status.st_ino == std::exchange(restored_inode_, 0);
  if (!same || status.st_size < restored_offset_) {
    if (!options_.follow || same)
      host_->complain(same ? "the file is shorter than at the last run: it is read from its start"
                           : "another file has this name than at the last run: it is read from its start");
    return;
  }
  offset_ = ::lseek(fd_, restored_offset_, SEEK_SET);
}

void FileSource::failed(int error) {
  close_file();
  const Micros wait = retry_.next();
  host_->state(ConnectorState::kDown, errno_text(error, options_.path, options_.path_secret), loop_->now() + wait);
  timer_ = loop_->after(wait, [this] {
    timer_ = 0;
    open_file();
  });
}

// The next turn of reading, if any is due at all.
void FileSource::schedule(Micros delay) {
  if (paused_ || ended_ || fd_ < 0 || timer_ != 0 || watch_ != 0) return;
  if (wait_for_readable_) {
    watch_ = loop_->watch(fd_, true, false, [this](bool, bool) { turn(); });
    if (watch_ != 0) return;
    delay = std::max(delay, kPoll);  // this loop cannot wait for it
  }
  timer_ = loop_->after(delay, [this] {
    timer_ = 0;
    turn();
  });
}

void FileSource::stop_waiting() {
  loop_->cancel(std::exchange(timer_, 0));
  loop_->unwatch(std::exchange(watch_, 0));
}

void FileSource::pause() {
  paused_ = true;
  if (loop_ == nullptr || fd_ < 0) return;  // a missing file is still looked for
  stop_waiting();
  host_->state(ConnectorState::kPaused, "");
}

void FileSource::resume() {
  if (!std::exchange(paused_, false) || loop_ == nullptr || ended_) return;
  if (fd_ < 0) {
    if (timer_ == 0) open_file();
    return;
  }
  host_->state(ConnectorState::kUp, "");
  schedule(0);
}

void FileSource::turn() {
  if (filled_ == block_->capacity) {
    if (filled_ >= options_.line_bytes_max) {
      skip_long_line();
    } else {
      auto larger = new_block(std::min(2 * block_->capacity, options_.line_bytes_max));
      std::memcpy(larger->data.get(), block_->data.get(), filled_);
      block_ = std::move(larger);
    }
  }
  const ssize_t n = ::read(fd_, block_->data.get() + filled_, block_->capacity - filled_);
  if (n > 0) return take(static_cast<size_t>(n));
  if (n == 0) return at_end();
  if (errno == EINTR || errno == EAGAIN) return schedule(wait_for_readable_ ? 0 : kPoll);
  failed(errno);
}

void FileSource::take(size_t bytes) {
  offset_ += static_cast<off_t>(bytes);
  quiet_polls_ = 0;
  size_t known = std::exchange(filled_, filled_ + bytes);
  if (skipping_) {
    leave_long_line();
    known = 0;
    if (ended_) return;  // stopped by what that did
  }
  const size_t lines = whole_lines(block_->data.get(), known, filled_);
  if (lines > 0) hand_over(lines);
  schedule(0);
}

// Drops what was read up to the long line's end.
void FileSource::leave_long_line() {
  char* const data = block_->data.get();
  const void* feed = std::memchr(data, '\n', filled_);
  const size_t gone =
      feed == nullptr ? filled_ : static_cast<size_t>(static_cast<const char*>(feed) - data) + 1;
  filled_ -= gone;
  std::memmove(data, data + gone, filled_);
  if (feed != nullptr) reject_long_line();
}

// The first `line_bytes` go to the pipeline, the rest to the start of the next block.
void FileSource::hand_over(size_t line_bytes) {
  const size_t rest = filled_ - line_bytes;
  auto next = new_block(std::max(options_.block_bytes, rest));
  std::memcpy(next->data.get(), block_->data.get() + line_bytes, rest);
  std::shared_ptr<Block> full = std::exchange(block_, std::move(next));
  filled_ = rest;
  full->size = line_bytes;
  handed_size_ = line_bytes;
  handed_ = offset_ - static_cast<off_t>(rest + line_bytes);
  host_->lines(std::move(full));
  host_->flush();
}

void FileSource::skip_long_line() {
  skipping_ = true;
  long_begin_ = offset_ - static_cast<off_t>(filled_);
  long_sample_.assign(block_->data.get(), std::min(filled_, kSampleBytes));
  filled_ = 0;
}

// When its end is known: so it is rejected once, also where a restart comes in between.
void FileSource::reject_long_line() {
  skipping_ = false;
  host_->ident(position());
  host_->reject(long_sample_,
                "a line of more than " + size_words(options_.line_bytes_max) + " (max_record)");
  host_->flush();
}

void FileSource::at_end() {
  if (options_.follow && is_regular_) return look_for_changes();
  hand_over_rest();
  if (std::exchange(ended_, true)) return;  // stopped by what that record did
  stop_waiting();
  host_->ended();
}

// A record without a line break, when there will be no more of it.
void FileSource::hand_over_rest() {
  if (skipping_) {
    filled_ = 0;
    return reject_long_line();
  }
  if (filled_ > 0) hand_over(filled_);
  filled_ = 0;
}

void FileSource::look_for_changes() {
  struct stat open_status {
  }, named{};
  if (::fstat(fd_, &open_status) == 0 && open_status.st_size < offset_) {
    if (filled_ > 0) {
      host_->complain("the file became shorter: an unfinished line of " + std::to_string(filled_) +
                      " bytes is lost");
    }
    filled_ = 0;
    if (skipping_) reject_long_line();
    if (ended_) return;
    offset_ = ::lseek(fd_, 0, SEEK_SET);
    return schedule(0);
  }
  const bool other = ::stat(options_.path.c_str(), &named) == 0 &&
                     (named.st_ino != inode_ || named.st_dev != device_);
  if (other && ++quiet_polls_ >= kQuietPolls) {
    hand_over_rest();
    close_file();
    if (!paused_ && !ended_) open_file();
    return;
  }
  schedule(kPoll);
}

std::string FileSource::position() const {
  const off_t handed = skipping_ ? long_begin_ : offset_ - static_cast<off_t>(filled_);
  return std::to_string(inode_) + ':' + std::to_string(handed);
}

void FileSource::restore(std::string_view position) {
  const std::string text(position);
  unsigned long long inode = 0;
  long long offset = 0;
  if (std::sscanf(text.c_str(), "%llu:%lld", &inode, &offset) != 2) return;
  restored_inode_ = static_cast<ino_t>(inode);
  restored_offset_ = static_cast<off_t>(offset);
}

std::string FileSource::range() const {
  if (!is_regular_) return {};
  return std::to_string(inode_) + ':' + std::to_string(handed_) + ':' + std::to_string(handed_size_);
}

// Also moves the place to go on from behind the range.
Result<BlockPtr> FileSource::reread(std::string_view range) {
  const std::string text(range);
  unsigned long long inode = 0;
  long long begin = 0;
  unsigned long long size = 0;
  if (std::sscanf(text.c_str(), "%llu:%lld:%llu", &inode, &begin, &size) != 3)
    return fail(ErrorKind::kIo, "'" + text + "' is no range of a file");
  const int fd = ::open(options_.path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || status.st_ino != static_cast<ino_t>(inode)) {
    const bool other = fd >= 0;
    if (other) ::close(fd);
    return fail(ErrorKind::kIo, other ? shown_path() + " is another file now"
                                      : errno_text(errno, options_.path, options_.path_secret));
  }
  auto block = std::make_shared<Block>(size);
  while (block->size < size) {
    const ssize_t n = ::pread(fd, block->data.get() + block->size, size - block->size,
                              static_cast<off_t>(begin) + static_cast<off_t>(block->size));
    if (n <= 0) break;
    block->size += static_cast<size_t>(n);
  }
  ::close(fd);
  if (block->size < size) return fail(ErrorKind::kIo, shown_path() + " is shorter than it was");
  restored_inode_ = static_cast<ino_t>(inode);
  restored_offset_ = static_cast<off_t>(begin) + static_cast<off_t>(size);
  return BlockPtr(std::move(block));
}

bool FileSource::detach() {
  if (fd_ < 0 || ended_ || paused_) return false;
  stop_waiting();
  host_ = nullptr;
  return true;
}

void FileSource::stop() {
  if (loop_ != nullptr) stop_waiting();
  ended_ = true;
  close_file();
}

void FileSource::close_file() {
  if (fd_ < 0) return;
  if (saved_flags_ >= 0) ::fcntl(fd_, F_SETFL, saved_flags_);
  ::close(std::exchange(fd_, -1));
}

// Blocks are reused: a new one costs 256 KiB of zeros each time.
std::shared_ptr<Block> FileSource::new_block(size_t capacity) {
  for (auto it = pool_.begin(); it != pool_.end(); ++it) {
    if (it->use_count() > 1) continue;
    if ((*it)->capacity == capacity) return *it;
    if ((*it)->capacity > options_.block_bytes) {  // made for one long line
      pool_.erase(it);
      break;
    }
  }
  auto block = std::make_shared<Block>(capacity);
  if (pool_.size() < kPoolMax) pool_.push_back(block);
  return block;
}

}  // namespace streamflow::file
