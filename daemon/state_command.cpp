#include "daemon/state_command.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/journal.h"
#include "core/sim_loop.h"
#include "daemon/file_disk.h"

namespace streamflow {
namespace {

constexpr int kDamaged = 1;
constexpr int kUnreadable = 3;

int say(const std::string& text, int code) {
  std::fprintf(stderr, "streamflowd: %s\n", text.c_str());
  return code;
}

std::string in_kib(uint64_t bytes) { return std::to_string((bytes + 1023) / 1024) + " KiB"; }

// Holds the folder's lock while it lives.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) : fd_(::open((folder + "/lock").c_str(), O_RDWR | O_CLOEXEC)) {
    held_ = fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_ = false;
};

class Inspector {
 public:
  Inspector(std::string folder, bool repair) : folder_(std::move(folder)), repair_(repair), disk_(folder_, loop_) {}

  int run() {
    auto pipelines = disk_.list("pipelines");
    if (!pipelines) return say(pipelines.error().message, kUnreadable);
    std::sort(pipelines->begin(), pipelines->end());
    if (pipelines->empty()) std::printf("no pipeline has kept anything here\n");
    for (const std::string& name : *pipelines) {
      std::printf("%s\n", name.c_str());
      checkpoint("pipelines/" + name);
      log("pipelines/" + name + "/log");
    }
    if (unreadable_) return kUnreadable;
    return damaged_ && !repair_ ? kDamaged : 0;
  }

 private:
  void checkpoint(const std::string& folder) {
    const std::string path = folder + "/checkpoint";
    if (!std::filesystem::exists(folder_ + "/" + path)) {
      std::printf("  checkpoint  none\n");
      return;
    }
    const auto text = disk_.read(path);
    if (!text) return unreadable(text.error());
    const auto whole = read_checkpoint(*text, path);
    const Result<uint64_t> parts = whole ? check_parts(*whole, disk_, folder) : tl::unexpected(whole.error());
    if (parts) {
      std::printf("  checkpoint  %s, input up to entry %llu\n", in_kib(text->size() + *parts).c_str(),
                  static_cast<unsigned long long>(whole->number));
      return;
    }
    damaged_ = true;
    std::printf("  checkpoint  %s\n", parts.error().message.c_str());
    if (!repair_) return;
    std::error_code error;
    std::filesystem::rename(folder_ + "/" + path, folder_ + "/" + path + ".damaged", error);
    if (error) return unreadable({ErrorKind::kIo, "cannot set it aside: " + error.message()});
    std::printf("              set aside as %s.damaged: the pipeline begins anew\n", path.c_str());
  }

  void log(const std::string& folder) {
    InputLog input_log(disk_, folder);
    const auto summary = input_log.inspect();
    if (!summary) return unreadable(summary.error());
    std::printf("  input log   %zu segments, %s, %llu entries", summary->segments, in_kib(summary->bytes).c_str(),
                static_cast<unsigned long long>(summary->entries));
    if (summary->entries > 0)
      std::printf(" (%llu to %llu)", static_cast<unsigned long long>(summary->first),
                  static_cast<unsigned long long>(summary->last));
    std::printf("\n");
    for (const std::string& damage : summary->damage) std::printf("              %s\n", damage.c_str());
    damaged_ = damaged_ || !summary->damage.empty();
    if (!repair_ || summary->damage.empty()) return;
    std::vector<std::string> remarks;
    if (auto opened = input_log.open(remarks, InputLog::Check::kAll); !opened) return unreadable(opened.error());
    for (const std::string& remark : remarks) std::printf("              %s\n", remark.c_str());
  }

  void unreadable(const Error& error) {
    unreadable_ = true;
    std::printf("              %s\n", error.message.c_str());
  }

  const std::string folder_;
  const bool repair_;
  SimLoop loop_;
  FileDisk disk_;
  bool damaged_ = false, unreadable_ = false;
};

}  // namespace

int run_state(const std::string& folder, bool repair) {
  if (!std::filesystem::is_directory(folder)) return say("there is no folder " + folder, kUnreadable);
  const FolderLock lock(folder);
  if (repair && !lock.held())
    return say("a daemon uses " + folder + ", or it is no state folder: it cannot be repaired now", kUnreadable);
  return Inspector(folder, repair).run();
}

}  // namespace streamflow
