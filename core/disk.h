// The files of a state folder, as the input log and checkpoints need them.  daemon/file_disk.h is the real
// one: a thread of its own writes and syncs.  Tests have one in memory that loses what was not synced.
//
// Paths are relative to the folder.  For the loop's thread; `done` is called on it, in the order of the
// calls, and never from within the call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/status.h"

namespace streamflow {

class Disk {
 public:
  using Done = std::function<void(Status)>;
  virtual ~Disk() = default;

  // --- at once: for start and recovery, and where too much waits for the background ---
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;  // empty: no folder
  virtual Result<std::string> read(const std::string& path) = 0;
  // As `replace`; never for a path that the background has yet to write.
  virtual Status write(const std::string& path, const std::string& bytes) = 0;
  virtual Status truncate(const std::string& path, size_t size) = 0;
  virtual Status remove(const std::string& path) = 0;

  virtual size_t free_bytes() { return SIZE_MAX; }  // for us, where the folder lies

  // --- in the background ---
  // Appends to a file, made with its folder where there is none, and syncs it.  After a failure nothing is
  // known of the file's end: go on in another.
  virtual void append(const std::string& path, std::string bytes, Done done) = 0;
  // Replaces a file as a whole, or not at all, and syncs it.
  virtual void replace(const std::string& path, std::string bytes, Done done) = 0;
  // Syncs files of others, given by descriptors that it closes.
  virtual void sync(std::vector<int> descriptors, Done done) = 0;
};

}  // namespace streamflow
