// What a pipeline took in, in the order in which it was handled: durable before it is acknowledged, so
// that after a crash the pipeline can be led through the same input once more.
//
// On disk: segments `NNNNNNNNNNNNNNNNNNNN.log`, named by the number of their first entry, each beginning
// with kMagic.  An entry is its size (4 bytes, little-endian, of what follows the checksum), a checksum (8
// bytes: XXH3-64 of what follows), then number (8), kind (1), source (8), stamp (8) and the body.
// A segment is written by appends that are synced one by one, so only its end can be damaged.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/disk.h"
#include "core/time.h"

namespace streamflow {

struct LogEntry {
  enum class Kind : unsigned char {
    kMessages = 1,  // of a source: payloads with captures, meta and ident
    kRange = 2,     // of a source that can read again: which bytes
    kClock = 3,     // the clock was looked at; a byte for each source: whether it falls silent
    kEnd = 4,       // a source has ended
  };
  uint64_t number = 0;
  Kind kind = Kind::kMessages;
  uint64_t source = 0;  // hash of its key; 0: none
  Micros stamp = 0;     // what the clock said
  std::string_view body;
};

// What there is of a log.
struct LogSummary {
  size_t segments = 0;
  uint64_t entries = 0, bytes = 0;
  uint64_t first = 0, last = 0;      // numbers; 0: no entry
  std::vector<std::string> damage;  // in words
};

class InputLog {
 public:
  static constexpr size_t kSegmentBytes = size_t{16} << 20;
  static constexpr size_t kLazyBytes = size_t{256} << 10;  // more does not wait for `flush`
  static constexpr std::string_view kMagic = "SFLOG\0\0\1";

  // `folder` within the disk's.
  InputLog(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  ~InputLog() { close(); }
  void close() { *alive_ = false; }  // writes nothing more than what the disk was asked for
  InputLog(const InputLog&) = delete;
  InputLog& operator=(const InputLog&) = delete;

  enum class Check : unsigned char { kEnd, kAll };
  // Finds the segments; cuts damaged tails off those it looks at and says so in `remarks`.  kEnd: only where a
  // crash can have left one, the last segment with an entry and the one before it, so that a start takes as
  // long with a gigabyte as with a megabyte; read() checks the others.
  // An error: a segment is of another version, or cannot be read.
  Status open(std::vector<std::string>& remarks, Check check = Check::kEnd);
  // The same without changing anything.
  Result<LogSummary> inspect() const;
  // Calls `fn` for each entry after number `after`, until it returns false.  `remarks`: which entries are lost
  // to damage on the way.
  Status read(uint64_t after, const std::function<bool(const LogEntry&)>& fn, std::vector<std::string>& remarks);

  // Numbers the entry and returns the number.  It goes to the disk with the next `flush`, or once much waits.
  uint64_t append(LogEntry entry);
  // What was appended so far is on its way to the disk from now on.
  void flush();
  // Told with each entry number up to which all are durable.
  std::function<void(uint64_t)> on_durable;
  // Told when the disk refuses; the log tries again each second, in a new segment, until it takes what waits.
  std::function<void(const Error&)> on_trouble;

  uint64_t last() const { return last_; }        // number of the last entry; 0: none
  uint64_t durable() const { return durable_; }
  size_t waiting_bytes() const { return waiting_.size() + flying_.size(); }
  // Numbers go on after `number` at least (that of a checkpoint).
  void continue_after(uint64_t number) { last_ = std::max(last_, number), durable_ = std::max(durable_, number); }
  // Removes segments that hold only entries up to `number` that were stamped before `until`.
  void trim(uint64_t number, Micros until = kTimeMax);
  void clear();  // removes all segments
  // Tries again what the disk refused; called by the owner's timer.
  void retry();
  bool in_trouble() const { return in_trouble_; }

 private:
  struct Segment {
    uint64_t first;
    size_t bytes;             // 0: not looked at
    Micros begun = kTimeMin;  // stamp of the first entry; kTimeMin: not looked at
  };
  std::string path(uint64_t first) const;
  Micros begin_of(Segment& segment);
  Result<std::vector<uint64_t>> find_segments() const;  // first numbers, in order
  Result<size_t> check_segment(uint64_t first, std::vector<std::string>& remarks);
  static size_t scan(std::string_view text, const std::function<bool(const LogEntry&)>& fn);
  void write_out();
  void written(uint64_t upto, size_t bytes, const Status& status);

  Disk& disk_;
  std::string folder_;
  std::deque<Segment> segments_;  // in order; the last is appended to unless `new_segment_`
  bool new_segment_ = true;
  uint64_t last_ = 0;
  uint64_t durable_ = 0;
  uint64_t wanted_ = 0;  // number up to which `flush` asked
  std::string waiting_;  // not yet given to the disk
  uint64_t waiting_first_ = 0;
  Micros waiting_begun_ = kTimeMin;
  std::string flying_;   // at the disk
  uint64_t flying_first_ = 0, flying_last_ = 0;
  Micros flying_begun_ = kTimeMin;
  bool is_flying_ = false;
  bool in_trouble_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace streamflow
