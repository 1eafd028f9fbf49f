// Records into files: NDJSON or CSV, one file or one for each value of a field, or standard output.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connectors/file/out_file.h"
#include "core/encode.h"
#include "core/node.h"

namespace streamflow::file {

struct SinkOptions {
  std::string folder;  // where a relative path starts; empty: here
  Template path;       // `out/{device}.ndjson`
  std::string shown;   // for people
  bool path_secret = false;  // not in messages
  bool standard_output = false;
  bool csv = false;
  bool truncate = false;  // a file is emptied when it is first opened
  TimestampStyle timestamps = TimestampStyle::kRfc3339;
};

// Writes at the end of the loop's turn, or when 256 KiB wait.  A file that cannot be opened or
// written (a missing folder, a full disk) is state `down` with the reason; its rows wait and are
// tried again each second.  Of many such files one is named, and how many more there are, at most once a
// second.  What waits is bounded: the pipeline pauses its sources above its own
// mark; beyond kBytesMax rows are dropped, counted and said.  At most kOpenMax files are open, the
// one that was longest unused is closed for another.  What a field brings into a path can never
// leave the folder of the template:
// `/` and a leading `.` become `_`.
class FileSink final : public Sink {
 public:
  static constexpr size_t kBufferBytes = size_t{256} << 10;
  static constexpr size_t kBytesMax = size_t{64} << 20;
  static constexpr size_t kOpenMax = 64;
  static constexpr Micros kRetry = kMicrosPerSecond;

  explicit FileSink(SinkOptions options) : options_(std::move(options)) {}
  ~FileSink() override;

  void start(Loop& loop, SinkHost& host) override;
  void write(const Batch& batch) override;
  void flush() override;
  void drain(std::function<void()> done) override;
  void stop() override;
  // Of each file its path, how long it is, and the text that waits.
  void save(std::string& out) override;
  Status load(std::string_view bytes, bool exactly) override;
  std::vector<int> unsynced() override;

 private:
  struct Restored {
    std::string path, waiting;
    uint64_t rows;
  };
  using Files = std::list<OutFile>;  // most recently used first

  OutFile& file_for(const std::string& path);
  void write_by_path(const Batch& batch);
  void add_row(const Batch& batch, uint32_t row, RecordEncoder& encoder, OutFile& file);
  void add_csv_row(const Batch& batch, uint32_t row, OutFile& file);
  std::string path_of(const std::vector<std::string>& names) const;
  bool open(OutFile& file);
  void write_out(OutFile& file);
  void write_all(bool also_failed);
  void failed(OutFile& file);
  void say_down(const OutFile& file, size_t failing);
  std::string reason_of(const OutFile& file) const;
  void wait_for_writable(OutFile& file);
  void try_again();
  void close_unused();
  void tell_host();
  size_t waiting_bytes() const;

  SinkOptions options_;
  Loop* loop_ = nullptr;
  SinkHost* host_ = nullptr;
  Files files_;
  std::unordered_map<std::string, Files::iterator> by_path_;
  std::unordered_set<std::string> truncated_;  // by this run, or the one that it continues
  std::vector<Restored> restored_;             // to be written first
  std::unordered_set<std::string> continued_;  // of these, what goes on where the file ends
  std::string down_;                           // the reason; empty: up
  std::string down_path_;                      // whose reason it is
  uint64_t batch_number_ = 0;
  size_t told_bytes_ = 0;
  Loop::Id retry_ = 0;
  Loop::Id writable_ = 0;
  std::function<void()> drained_;
};

// A field's text as a part of a file name.
std::string safe_name(std::string_view text);

}  // namespace streamflow::file
