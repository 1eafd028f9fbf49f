#include "daemon/file_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace streamflow {
namespace {

Status io_error(const std::string& what, const std::string& path) {
  return fail(ErrorKind::kIo, "cannot " + what + " " + path + ": " + std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// A file's name is durable when its folder is.
Status sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return io_error("sync", folder);
  return {};
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fdatasync(fd) != 0) return io_error("sync", path);
  return {};
}

// Makes the folder of a path, and those above it, for good.
Status make_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  if (folder == path || ::access(folder.c_str(), F_OK) == 0) return {};
  if (auto made = make_folder(folder); !made) return made;
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return io_error("make", folder);
  return sync_folder(folder);
}

Status append_now(const std::string& path, const std::string& bytes) {
  struct stat status {};
  const bool is_new = ::stat(path.c_str(), &status) != 0;
  if (is_new)
    if (auto made = make_folder(path); !made) return made;
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (fd.get() < 0) return io_error("open", path);
  if (auto written = write_all(fd.get(), bytes, path); !written) return written;
  return is_new ? sync_folder(path) : Status();
}

Status replace_now(const std::string& path, const std::string& bytes) {
  if (auto made = make_folder(path); !made) return made;
  const std::string next = path + ".next";
  {
    const Descriptor fd(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (fd.get() < 0) return io_error("open", next);
    if (auto written = write_all(fd.get(), bytes, next); !written) {
      (void)::unlink(next.c_str());
      return written;
    }
  }
  if (std::rename(next.c_str(), path.c_str()) != 0) return io_error("replace", path);
  return sync_folder(path);
}

Status sync_now(const std::vector<int>& descriptors) {
  Status status;
  for (const int raw : descriptors) {
    const Descriptor fd(raw);
    // Pipes and terminals cannot be synced, and need not be.
    if (::fdatasync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) status = io_error("sync", "an output file");
  }
  return status;
}

}  // namespace

class FileDisk::Writer {
 public:
  using Work = std::function<Status()>;

  explicit Writer(Loop& loop) : loop_(loop), thread_([this] { run(); }) {}

  ~Writer() {
    *alive_ = false;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void add(Work work, Done done) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back({std::move(work), std::move(done)});
    }
    wake_.notify_one();
  }

 private:
  struct Job {
    Work work;
    Done done;
  };

  void run() {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      report(std::move(job.done), job.work());
    }
  }

  // One call on the loop reports all that is done by then.
  void report(Done done, Status status) {
    if (!done) return;
    {
      const std::lock_guard lock(mutex_);
      results_.emplace_back(std::move(done), std::move(status));
      if (std::exchange(reporting_, true)) return;
    }
    const auto tell = [this, alive = alive_] {
      if (*alive) call_back();
    };
    while (!loop_.post(tell)) {  // too much waits for the loop, or it has stopped
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, kTellAgain, [this] { return ending_; })) return;
    }
  }

  void call_back() {
    std::vector<std::pair<Done, Status>> results;
    {
      const std::lock_guard lock(mutex_);
      results.swap(results_);
      reporting_ = false;
    }
    for (const auto& [done, status] : results) done(status);
  }

  static constexpr std::chrono::milliseconds kTellAgain{1};

  Loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // read on the loop's thread only
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::vector<std::pair<Done, Status>> results_;
  bool reporting_ = false;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

FileDisk::FileDisk(std::string folder, Loop& loop)
    : folder_(std::move(folder)), writer_(std::make_unique<Writer>(loop)) {}
FileDisk::~FileDisk() = default;

Result<std::vector<std::string>> FileDisk::list(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entries(full(folder), error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    names.push_back(entries->path().filename().string());
  if (error) return fail(ErrorKind::kIo, "cannot list " + full(folder) + ": " + error.message());
  return names;
}

Result<std::string> FileDisk::read(const std::string& path) {
  const Descriptor fd(::open(full(path).c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0)
    return tl::unexpected(io_error("read", full(path)).error());
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(io_error("read", full(path)).error());
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  text.resize(filled);
  return text;
}

Status FileDisk::truncate(const std::string& path, size_t size) {
  const Descriptor fd(::open(full(path).c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0 || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 || ::fsync(fd.get()) != 0)
    return io_error("cut", full(path));
  return {};
}

Status FileDisk::write(const std::string& path, const std::string& bytes) {
  return replace_now(full(path), bytes);
}

size_t FileDisk::free_bytes() {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) return SIZE_MAX;
  return static_cast<size_t>(status.f_bavail) * status.f_frsize;
}

Status FileDisk::remove(const std::string& path) {
  if (::unlink(full(path).c_str()) != 0 && errno != ENOENT) return io_error("remove", full(path));
  return {};
}

void FileDisk::append(const std::string& path, std::string bytes, Done done) {
  writer_->add([path = full(path), bytes = std::move(bytes)] { return append_now(path, bytes); },
               std::move(done));
}

void FileDisk::replace(const std::string& path, std::string bytes, Done done) {
  writer_->add([path = full(path), bytes = std::move(bytes)] { return replace_now(path, bytes); },
               std::move(done));
}

void FileDisk::sync(std::vector<int> descriptors, Done done) {
  writer_->add([descriptors = std::move(descriptors)] { return sync_now(descriptors); },
               std::move(done));
}

}  // namespace streamflow
