// A file's lines as input: whole, or followed as it grows.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "connectors/retry.h"
#include "core/node.h"

namespace streamflow::file {

struct SourceOptions {
  std::string path;
  bool path_secret = false;  // not in messages
  bool standard_input = false;
  bool follow = false;
  size_t line_bytes_max = size_t{64} << 20;  // a longer line is rejected
  size_t block_bytes = size_t{256} << 10;
};

// Reads blocks of whole lines, one a turn of the loop, so that everything else on the loop gets its
// turn too; regular files by read(2) on the loop's thread, pipes and terminals when they are
// readable. A last line without a line break is a record when the input ends; of a followed file it
// waits for its rest.  A missing or unreadable file is state `down`, tried again within 1.5 s.
//
// Followed files are looked at every 100 ms.  One that became shorter is read again from its start;
// when another file has its name, the old one is read until nothing came for half a second, then
// the new one.
class FileSource final : public Source {
 public:
  static constexpr Micros kPoll = 100 * kMicrosPerMilli;
  static constexpr int kQuietPolls = 5;  // before an old file is left for a new one

  explicit FileSource(SourceOptions options);
  ~FileSource() override;

  void start(Loop& loop, SourceHost& host) override;
  void pause() override;
  void resume() override;
  // `inode:offset` behind the last line handed over.
  std::string position() const override;
  void restore(std::string_view position) override;
  // `inode:begin:size` of the lines handed over last; of a regular file only.
  std::string range() const override;
  Result<BlockPtr> reread(std::string_view range) override;
  // Of lines that were rejected: where they end.
  void replayed(std::string_view ident) override { restore(ident); }
  bool detach() override;
  void stop() override;

 private:
  void open_file();
  void open_standard_input();
  void opened();
  void failed(int error);  // down, and tried again
  void continue_at_restored(const struct stat& status);
  void schedule(Micros delay);
  void stop_waiting();
  void turn();
  void take(size_t bytes);
  void hand_over(size_t line_bytes);
  void skip_long_line();
  void leave_long_line();
  void reject_long_line();
  void at_end();
  void look_for_changes();
  void hand_over_rest();
  void close_file();
  std::string shown_path() const { return options_.path_secret ? "the file" : options_.path; }
  std::shared_ptr<Block> new_block(size_t capacity);

  SourceOptions options_;
  Loop* loop_ = nullptr;
  SourceHost* host_ = nullptr;
  Retry retry_;
  int fd_ = -1;
  int saved_flags_ = -1;  // of standard input: the loop makes it non-blocking
  bool is_regular_ = false;
  bool wait_for_readable_ = false;
  bool paused_ = false;
  bool ended_ = false;
  bool skipping_ = false;  // inside a line that is too long, which
  off_t long_begin_ = 0;   // begins here,
  std::string long_sample_;  // with this
  int quiet_polls_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  off_t offset_ = 0;  // behind what was read
  off_t handed_ = 0;  // where the lines handed over last begin, and
  size_t handed_size_ = 0;
  ino_t restored_inode_ = 0;  // 0: none
  off_t restored_offset_ = 0;
  Loop::Id timer_ = 0;
  Loop::Id watch_ = 0;
  std::shared_ptr<Block> block_;  // being filled; begins with the rest of the last one
  size_t filled_ = 0;
  std::vector<std::shared_ptr<Block>> pool_;  // free where nobody else holds them
};

}  // namespace streamflow::file
