// What a sink has no room for: rows in order, in memory up to a bound and beyond it in the state folder,
// until the sink takes them.
//
// Rows are packed into chunks of a quarter of that memory, at most 1 MiB.  On disk a chunk is a file `NNNNNNNNNNNNNNNNNNNN.rows`: kMagic, a
// checksum (8 bytes: XXH3-64 of the rest), then rows as RowKeeper saves them, a layout only where it differs
// from the row before.  A chunk is written whole and synced, and removed once a checkpoint says that it was
// taken, so what a checkpoint names is there after a crash.
//
// For the loop's thread.  Owned by its sink's node.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/disk.h"
#include "core/kept_rows.h"
#include "core/loop.h"

namespace streamflow {

class Params;

enum class WhenFull : unsigned char { kBlock, kDropOldest, kDropNewest };

inline constexpr size_t kBufferMemoryMin = 1024;  // less is taken for this

struct BufferOptions {
  size_t memory = size_t{8} << 20;  // bytes of what waits, the sink's own queue included
  size_t disk = size_t{1} << 30;    // bytes beyond that
  WhenFull when_full = WhenFull::kBlock;
};
BufferOptions buffer_options(const Params& sink);

class Spill {
 public:
  static constexpr size_t kChunkBytesMax = size_t{1} << 20;
  static constexpr size_t kChunksMax = 1024;  // on disk, where they need not be larger than kChunkBytesMax
  static constexpr size_t kTakeRows = 256;
  static constexpr size_t kDiskReserve = size_t{64} << 20;  // left free for the input log and checkpoints
  static constexpr Micros kRetry = kMicrosPerSecond;
  static constexpr std::string_view kMagic = "SFSPILL\1";

  // `memory`: bytes that stay in memory; without a disk, all.  `disk`: how much more there may be, by which
  // chunks are cut.  `trouble_changed`: see trouble().
  explicit Spill(size_t memory, size_t disk = 0, std::function<void()> trouble_changed = nullptr)
      : memory_(memory),
        chunk_bytes_(std::clamp<size_t>(std::max(memory / 4, disk / kChunksMax), 1024, kChunkBytesMax)),
        trouble_changed_(std::move(trouble_changed)) {}
  ~Spill();
  Spill(const Spill&) = delete;
  Spill& operator=(const Spill&) = delete;
  void keep_on(Disk& disk, std::string folder, Loop& loop);
  bool on_disk() const { return disk_ != nullptr; }

  void push(const Batch& batch);
  // The next rows, at most kTakeRows, with their times and watermarks that stand at their time; none when it
  // is empty.  Rows of a chunk that is damaged or gone are lost and counted in `lost`, with the reason.  None,
  // with a reason and nothing lost: the disk does not give the chunk now; ask again in a while.
  Batch take(uint64_t& lost, std::string& reason);
  // Lets the oldest chunk go and returns its number of rows.
  uint64_t drop_oldest();

  bool empty() const { return rows_ == 0; }
  uint64_t rows() const { return rows_; }
  size_t bytes() const { return bytes_; }
  size_t memory_bytes() const { return memory_bytes_; }  // of it
  // Why the disk refuses; empty: it does not.  Chunks stay in memory meanwhile and are tried again.
  const std::string& trouble() const { return trouble_; }

  // For checkpoints: which chunks there are, and what is not on disk yet.  What is in memory is on its way
  // there from now on.
  void save(std::string& out);
  // Replaces.  `lost`: rows of chunks on disk, where this has no disk.
  Status load(std::string_view bytes, uint64_t& lost);
  void checkpointed();   // the last save counts: removes what it no longer names
  void remove_strays();  // after `load`: files that it does not name

 private:
  enum class Place : unsigned char { kMemory, kFlying, kDisk };
  struct Chunk {
    uint64_t number = 0;
    uint64_t rows = 0;
    size_t bytes = 0;
    Place place = Place::kMemory;
    std::string text = {};  // unless on disk
  };
  std::string path(uint64_t number) const;
  Chunk& open_chunk();
  void keep_within_memory();
  void write(Chunk& chunk);
  void written(uint64_t number, const Status& status);
  void write_again();
  enum class Opened : unsigned char { kYes, kLost, kNotNow };
  Opened open_front(std::string& reason);
  bool is_gone(uint64_t number) const;
  void pop_front();

  const size_t memory_;
  const size_t chunk_bytes_;
  const std::function<void()> trouble_changed_;
  Disk* disk_ = nullptr;
  Loop* loop_ = nullptr;
  std::string folder_;
  std::deque<Chunk> chunks_;  // the last one is filled
  uint64_t next_ = 1;         // number of the next chunk
  std::shared_ptr<const RowLayout> layout_;  // of the last row pushed
  RowKeeper keeper_;
  std::deque<KeptRow> front_;  // what is left of the first chunk, once it was opened
  uint64_t taken_ = 0;         // rows of the first chunk that are gone
  uint64_t rows_ = 0;
  size_t bytes_ = 0, memory_bytes_ = 0;
  std::vector<uint64_t> gone_;    // chunks on disk that no checkpoint may name any more, once one was made
  size_t gone_at_save_ = 0;       // how many of them the last save left out
  void set_trouble(std::string trouble);
  std::string trouble_;
  Loop::Id retry_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace streamflow
