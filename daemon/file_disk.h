// The state folder on a real disk.  One thread writes and syncs, in the order of the calls.
#pragma once

#include <memory>
#include <string>

#include "core/disk.h"
#include "core/loop.h"

namespace streamflow {

class FileDisk final : public Disk {
 public:
  FileDisk(std::string folder, Loop& loop);
  ~FileDisk() override;  // after what was asked for is done; nothing is called back any more

  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<std::string> read(const std::string& path) override;
  Status truncate(const std::string& path, size_t size) override;
  Status write(const std::string& path, const std::string& bytes) override;
  Status remove(const std::string& path) override;
  size_t free_bytes() override;
  void append(const std::string& path, std::string bytes, Done done) override;
  void replace(const std::string& path, std::string bytes, Done done) override;
  void sync(std::vector<int> descriptors, Done done) override;

 private:
  class Writer;
  std::string full(const std::string& path) const { return folder_ + "/" + path; }

  std::string folder_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace streamflow
