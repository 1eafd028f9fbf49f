// Makes a pipeline outlive its process: an input log (input_log.h) and checkpoints of its whole state.
// After a crash the state of the last checkpoint is brought back and the input behind it handled again,
// in the order, with the stamps and with the decisions of the clock that it had.
//
// A checkpoint is a file `checkpoint` beside the log: kMagic, a checksum (8 bytes: XXH3-64 of the rest), the
// number of the last log entry in it (8 bytes, little-endian), and Pipeline::save(), with large states of steps
// in files of their own (part_store.h).  It counts once the output files and these are synced; then log segments
// that no recovery needs are removed.
//
// For the loop's thread.  Owned by its pipeline.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/column.h"
#include "core/disk.h"
#include "core/input_log.h"
#include "core/loop.h"
#include "core/part_store.h"

namespace streamflow {

class Pipeline;

// The parts of a checkpoint's text, or why it is none.
struct Checkpoint {
  uint64_t number = 0;     // of the last log entry in it
  std::string_view state;  // Pipeline::save()
};
Result<Checkpoint> read_checkpoint(std::string_view text, const std::string& path);
// Bytes of the parts that the checkpoint of the journal in `folder` refers to, or why they are not whole.
Result<uint64_t> check_parts(const Checkpoint& checkpoint, Disk& disk, const std::string& folder);

class Journal {
 public:
  static constexpr Micros kEvery = 5 * kMicrosPerSecond;
  static constexpr size_t kBytesPerSecond = size_t{10} << 20;  // of checkpoints: large ones are fewer
  static constexpr Micros kRetry = kMicrosPerSecond;
  static constexpr Micros kFlushEvery = 10 * kMicrosPerMilli;  // of input that nobody waits to acknowledge
  static constexpr size_t kWaitingMax = size_t{32} << 20;  // input that waits for the disk: sources pause
  static constexpr size_t kHeldMax = size_t{8} << 20;      // blocks that wait for it: the same
  static constexpr std::string_view kMagic = "SFCHKPT\2";
  static constexpr std::string_view kMagicBefore = "SFCHKPT\1";  // without part files; read

  // `folder` within the disk's.  With `exactly_once` input is handled when it is durable, else at once.
  // States of steps from `part_least` bytes on are in part files.
  Journal(Pipeline& pipeline, Disk& disk, std::string folder, bool exactly_once,
          size_t part_least = PartStore::kLeast);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Before the pipeline starts: finds what an earlier process left and brings the checkpoint's state into it.
  // `remarks` are for the log.
  Status open(std::vector<std::string>& remarks);
  // Handles the logged input behind the checkpoint, some of it each turn, then calls `done`.
  void recover(std::function<void()> done);
  bool recovering() const { return !recovered_; }
  bool has_checkpoint() const { return has_checkpoint_; }
  uint64_t recovered_entries() const { return replayed_; }

  // Takes input into the log.  True: handle it now.  False: Pipeline::apply will be called with it, and with
  // `block` where there is one.
  bool take(const LogEntry& entry, const BlockPtr& block);
  void when_durable(std::function<void()> fn);
  bool exactly_once() const { return exactly_once_; }
  bool is_behind() const;  // the disk: sources should pause

  // `done` is called when it counts, or could not be written (which is reported).
  void checkpoint(std::function<void(bool)> done);
  // Removes what a journal has in `folder`, log and buffers included; nobody may use it.
  static void forget(Disk& disk, const std::string& folder);
  // The run is complete, nothing is to be continued: removes all files, after a checkpoint that is under way.
  void clear(std::function<void()> done);
  // Calls back nobody any more.
  void close();

 private:
  struct Held {
    LogEntry entry;
    std::string body;
    BlockPtr block;
  };
  Status load_checkpoint(std::vector<std::string>& remarks);
  void recover_some();
  bool read_log();
  void caught_up();
  void durable(uint64_t upto);
  void trouble(const Error& error);
  void counts(uint64_t number, uint64_t queued);  // the checkpoint that was under way
  void does_not_count(const Error& error);
  void checkpoint_for(std::deque<std::function<void(bool)>> waiting);
  void end_work();
  void remove_orphans();
  void arm();

  Pipeline& pipeline_;
  Disk& disk_;
  Loop& loop_;
  const std::string folder_;
  const bool exactly_once_;
  InputLog log_;
  PartStore parts_;
  uint64_t applied_ = 0;        // number of the last entry handled
  uint64_t checkpointed_ = 0;
  size_t checkpoint_bytes_ = 0;
  bool has_checkpoint_ = false;
  bool has_own_checkpoint_ = false;  // made by this version of the pipeline
  uint64_t queued_ = 0;         // rows that waited for sinks at the last checkpoint
  bool writing_ = false;        // a checkpoint is on its way
  bool ended_ = false;          // the last checkpoint was begun, or all was removed
  std::function<void()> clear_then_;  // asked for meanwhile
  std::deque<std::function<void(bool)>> next_;  // who waits for the one after it
  std::deque<Held> held_;       // exactly once: not durable yet
  size_t held_bytes_ = 0;       // of their blocks
  std::deque<std::pair<uint64_t, std::function<void()>>> waiters_;
  std::deque<Held> to_replay_;  // read from the log, not yet handled
  std::function<void()> on_recovered_;
  bool recovered_ = true;
  uint64_t replayed_ = 0;
  Micros recovery_began_ = 0;
  Loop::Id timer_ = 0, retry_ = 0, turn_ = 0, flush_ = 0;
  std::string trouble_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace streamflow
