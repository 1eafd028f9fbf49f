#include "daemon/memory_guard.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace streamflow {

size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long size = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

MemoryGuard::MemoryGuard(Loop& loop, size_t limit, std::function<void(bool)> changed)
    : loop_(loop), limit_(limit), changed_(std::move(changed)) {}

void MemoryGuard::start() {
  if (limit_ != 0) look();
}

void MemoryGuard::look() {
  size_t used = resident_bytes();
  const Micros now = loop_.now();
  // The allocator keeps what was freed: ask it to give that back before judging.
  if ((paused_ || used >= limit_ / 10 * 9) && (now - trimmed_ >= kTrimEvery || now < trimmed_)) {
    trimmed_ = now;
    ::malloc_trim(0);
    used = resident_bytes();
  }
  const bool pause = used >= limit_ / 10 * (paused_ ? 8 : 9);
  if (pause != std::exchange(paused_, pause)) changed_(pause);
  loop_.after(kEvery, [this] { look(); });
}

}  // namespace streamflow
