// A state folder in memory.  What goes in the background is done when told.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/disk.h"

namespace streamflow {

class MemoryDisk final : public Disk {
 public:
  std::map<std::string, std::string> files;
  bool refuses = false;        // to write
  bool unreadable = false;
  size_t at_once = 0;

  Result<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> names;
    for (const auto& [path, text] : files)
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    return names;
  }
  Result<std::string> read(const std::string& path) override {
    const auto found = files.find(path);
    if (unreadable || found == files.end()) return fail(ErrorKind::kIo, "cannot read " + path);
    return found->second;
  }
  Status write(const std::string& path, const std::string& bytes) override {
    if (refuses) return fail(ErrorKind::kIo, "the disk is full");
    ++at_once;
    files[path] = bytes;
    return {};
  }
  Status truncate(const std::string&, size_t) override { return {}; }
  Status remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
  void append(const std::string&, std::string, Done) override {}
  void replace(const std::string& path, std::string bytes, Done done) override {
    jobs_.push_back([this, path, bytes = std::move(bytes), done = std::move(done)] {
      if (!refuses) files[path] = bytes;
      done(refuses ? Status(fail(ErrorKind::kIo, "the disk is full")) : Status());
    });
  }
  void sync(std::vector<int>, Done) override {}
  void work() {
    for (auto& job : std::exchange(jobs_, {})) job();
  }

 private:
  std::vector<std::function<void()>> jobs_;
};

}  // namespace streamflow
