#include "core/journal.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/frames.h"
#include "core/log.h"
#include "core/pipeline.h"
#include "core/sealed_file.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr size_t kReplayBytes = size_t{16} << 20;  // read from the log at a time
constexpr size_t kTurnBytes = size_t{1} << 20;     // handled in a turn of the loop
constexpr Micros kPressurePause = 10 * kMicrosPerMilli;
constexpr std::string_view kParts = "/parts";
constexpr std::string_view kBuffer = "buffer-";  // of a sink, and the hash of its key

void remove_files(Disk& disk, const std::string& folder) {
  const auto names = disk.list(folder);
  if (!names) return;
  for (const std::string& name : *names) (void)disk.remove(folder + "/" + name);
}

}  // namespace

Result<Checkpoint> read_checkpoint(std::string_view text, const std::string& path) {
  const bool before = text.starts_with(Journal::kMagicBefore);
  const auto content = unseal(text, before ? Journal::kMagicBefore : Journal::kMagic, "checkpoint", path);
  if (!content) return tl::unexpected(content.error());
  StateReader in(*content);
  Checkpoint out;
  out.number = in.word();
  out.state = in.rest();
  return out;
}

Result<uint64_t> check_parts(const Checkpoint& checkpoint, Disk& disk, const std::string& folder) {
  PartStore parts(disk, folder + std::string(kParts));
  uint64_t bytes = 0;
  FrameReader frames(checkpoint.state);
  while (frames.ok() && !frames.at_end()) {
    const std::string_view key = frames.bytes();
    (void)frames.bytes();
    const std::string_view places = frames.bytes();
    if (!key.starts_with(PartStore::kEntry)) continue;
    const auto opened = parts.open(std::string(key.substr(PartStore::kEntry.size())), places);
    if (!opened) return tl::unexpected(opened.error());
    for (const auto& [partition, state] : *opened) bytes += state.size();
  }
  return bytes;
}

Journal::Journal(Pipeline& pipeline, Disk& disk, std::string folder, bool exactly_once, size_t part_least)
    : pipeline_(pipeline),
      disk_(disk),
      loop_(pipeline.loop),
      folder_(std::move(folder)),
      exactly_once_(exactly_once),
      log_(disk, folder_ + "/log"),
      parts_(disk, folder_ + std::string(kParts), part_least) {
  log_.on_durable = [this](uint64_t upto) { durable(upto); };
  log_.on_trouble = [this](const Error& error) { trouble(error); };
  for (auto& sink : pipeline.sinks)
    sink->spill.keep_on(disk, folder_ + "/" + std::string(kBuffer) + hash_text(sink->info.key), loop_);
}

Journal::~Journal() { close(); }

void Journal::close() {
  *alive_ = false;
  for (Loop::Id* id : {&timer_, &retry_, &turn_, &flush_}) loop_.cancel(std::exchange(*id, 0));
  log_.close();
  waiters_.clear();
  held_.clear();
  next_.clear();
}

// --- start and recovery --------------------------------------------------------------------------

Status Journal::open(std::vector<std::string>& remarks) {
  if (auto status = log_.open(remarks); !status) return status;
  if (auto status = load_checkpoint(remarks); !status) return status;
  for (auto& sink : pipeline_.sinks) sink->spill.remove_strays();
  log_.continue_after(checkpointed_);
  recovered_ = log_.last() <= checkpointed_;
  return {};
}

Status Journal::load_checkpoint(std::vector<std::string>& remarks) {
  const auto names = disk_.list(folder_);
  if (!names) return tl::unexpected(names.error());
  if (std::find(names->begin(), names->end(), "checkpoint") == names->end()) return {};
  const std::string path = folder_ + "/checkpoint";
  const auto text = disk_.read(path);
  if (!text) return tl::unexpected(text.error());
  const auto checkpoint = read_checkpoint(*text, path);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  if (auto status = pipeline_.load(checkpoint->state, exactly_once_, remarks, &parts_); !status) return status;
  applied_ = checkpointed_ = checkpoint->number;
  has_checkpoint_ = true;
  return {};
}

void Journal::recover(std::function<void()> done) {
  if (recovered_) return done();
  on_recovered_ = std::move(done);
  recovery_began_ = loop_.now();
  arm();  // a long recovery that is interrupted goes on from where it was
  recover_some();
}

void Journal::recover_some() {
  turn_ = 0;
  size_t bytes = 0;
  while (bytes < kTurnBytes && !pipeline_.is_paused() && !ended_) {
    if (to_replay_.empty() && !read_log()) return;
    if (to_replay_.empty()) return caught_up();
    Held next = std::move(to_replay_.front());
    to_replay_.pop_front();
    next.entry.body = next.body;
    bytes += next.body.size() + 64;
    applied_ = next.entry.number;
    ++replayed_;
    pipeline_.apply(next.entry, nullptr);
  }
  if (!ended_) turn_ = loop_.after(pipeline_.is_paused() ? kPressurePause : 0, [this] { recover_some(); });
}

// The next entries to replay, none at the end.  False: the disk refuses; recovery is tried again in a while,
// since to go on without them, and to write a checkpoint behind them, would lose them.
bool Journal::read_log() {
  size_t read = 0;
  std::vector<std::string> remarks;
  const Status status = log_.read(applied_, [&](const LogEntry& entry) {
    to_replay_.push_back({entry, std::string(entry.body), nullptr});
    return (read += entry.body.size()) < kReplayBytes;
  }, remarks);
  for (const std::string& remark : remarks) {
    log(LogLevel::kError, pipeline_.name + ": " + remark);
    pipeline_.record_error("state", remark, "");
  }
  if (status || !to_replay_.empty()) return true;
  if (status.error().message != trouble_)
    log(LogLevel::kError, pipeline_.name + ": " + status.error().message + "; it is tried again");
  trouble_ = status.error().message;
  pipeline_.record_error("state", trouble_, "");
  turn_ = loop_.after(kRetry, [this] { recover_some(); });
  return false;
}

void Journal::caught_up() {
  recovered_ = true;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f",
                static_cast<double>(loop_.now() - recovery_began_) / kMicrosPerSecond);
  log(LogLevel::kInfo, pipeline_.name + ": has caught up: " + std::to_string(replayed_) +
                           " entries of the input log handled again in " + seconds + " s");
  if (on_recovered_) std::exchange(on_recovered_, nullptr)();
  arm();
}

// --- input ---------------------------------------------------------------------------------------

bool Journal::take(const LogEntry& entry, const BlockPtr& block) {
  const uint64_t number = log_.append(entry);
  arm();
  if (!exactly_once_) {
    applied_ = number;
    if (flush_ == 0)
      flush_ = loop_.after(kFlushEvery, [this] {
        flush_ = 0;
        log_.flush();
      });
    return true;
  }
  log_.flush();
  held_.push_back({entry, std::string(entry.body), block});
  held_.back().entry.number = number;
  if (block) held_bytes_ += block->size;
  return false;
}

void Journal::when_durable(std::function<void()> fn) {
  if (log_.durable() >= log_.last()) return fn();
  log_.flush();
  waiters_.emplace_back(log_.last(), std::move(fn));
}

bool Journal::is_behind() const {
  return log_.in_trouble() || log_.waiting_bytes() > kWaitingMax || held_bytes_ > kHeldMax;
}

void Journal::durable(uint64_t upto) {
  if (!trouble_.empty()) {
    trouble_.clear();
    log(LogLevel::kInfo, pipeline_.name + ": the state folder takes input again");
  }
  const std::weak_ptr<bool> alive = alive_;
  while (!held_.empty() && held_.front().entry.number <= upto) {
    Held next = std::move(held_.front());
    held_.pop_front();
    next.entry.body = next.body;
    applied_ = next.entry.number;
    if (next.block) held_bytes_ -= next.block->size;
    pipeline_.apply(next.entry, next.block);
    if (alive.expired() || !*alive_) return;
  }
  while (!waiters_.empty() && waiters_.front().first <= upto) {
    const std::function<void()> fn = std::move(waiters_.front().second);
    waiters_.pop_front();
    fn();
    if (alive.expired() || !*alive_) return;
  }
  pipeline_.pressure_changed();
}

void Journal::trouble(const Error& error) {
  if (error.message != trouble_)
    log(LogLevel::kError, pipeline_.name + ": " + error.message + "; input waits");
  trouble_ = error.message;
  pipeline_.record_error("state", error.message, "");
  pipeline_.pressure_changed();
  if (retry_ != 0) return;
  retry_ = loop_.after(kRetry, [this] {
    retry_ = 0;
    log_.retry();
    if (log_.in_trouble()) trouble(Error{ErrorKind::kIo, trouble_});
  });
}

// --- checkpoints ---------------------------------------------------------------------------------

void Journal::arm() {
  if (timer_ != 0 || !*alive_ || ended_) return;
  const auto worth = static_cast<Micros>(checkpoint_bytes_ / kBytesPerSecond) * kMicrosPerSecond;
  timer_ = loop_.after(std::max(kEvery, worth), [this] {
    timer_ = 0;
    const Ledger now = pipeline_.ledger();
    // Also when rows that waited have gone out since: else they would be sent again.
    if (applied_ != checkpointed_ || now.queued != queued_ || !has_checkpoint_) return checkpoint([this](bool) { arm(); });
    if (now.queued > 0) arm();
  });
}

void Journal::checkpoint(std::function<void(bool)> done) {
  if (writing_) return next_.push_back(std::move(done));
  writing_ = true;
  const uint64_t queued = pipeline_.ledger().queued;
  const uint64_t number = applied_;
  const auto text = std::make_shared<std::string>(kSealBytes, '\0');
  save_word(number, *text);
  parts_.begin();
  *text += pipeline_.save(&parts_);
  checkpoint_bytes_ = text->size() + parts_.bytes_added();
  std::vector<int> unsynced = pipeline_.unsynced();
  const bool last = pipeline_.is_drained();
  if (last) {
    pipeline_.stop_sinks();  // what they sent now would be sent again by the next process
    end_work();
  }
  const auto end = [this, last, number, queued, done = std::move(done)](const Status& status) {
    if (last) next_.clear();  // the sinks' state is gone
    status ? counts(number, queued) : does_not_count(status.error());
    writing_ = false;
    if (done) done(status.has_value());
    if (clear_then_) return clear(std::exchange(clear_then_, nullptr));
    if (!next_.empty()) checkpoint_for(std::exchange(next_, {}));
  };
  // Each after the one before it: output files, parts, the checkpoint that names them.
  const auto then = [alive = alive_, end](const std::function<void()>& next) {
    return [alive, end, next](const Status& status) {
      if (*alive) status ? next() : end(status);
    };
  };
  const auto write_checkpoint = [this, text, alive = alive_, end] {
    seal_in_place(kMagic, *text);
    disk_.replace(folder_ + "/checkpoint", std::move(*text), [alive, end](const Status& status) {
      if (*alive) end(status);
    });
  };
  disk_.sync(std::move(unsynced), then([this, then, write_checkpoint] { parts_.write(then(write_checkpoint)); }));
}

// No checkpoint, and no recovery, comes after what was saved now.
void Journal::end_work() {
  ended_ = true;
  for (Loop::Id* id : {&timer_, &turn_}) loop_.cancel(std::exchange(*id, 0));
}

void Journal::counts(uint64_t number, uint64_t queued) {
  checkpointed_ = number;
  queued_ = queued;
  has_checkpoint_ = true;
  if (!std::exchange(has_own_checkpoint_, true)) remove_orphans();
  parts_.commit();
  log_.trim(number, pipeline_.log_keep == 0 ? kTimeMax : loop_.now() - pipeline_.log_keep);
  pipeline_.checkpointed();
}

void Journal::does_not_count(const Error& error) {
  parts_.abandon();
  log(LogLevel::kError, pipeline_.name + ": no checkpoint: " + error.message);
  pipeline_.record_error("state", error.message, "");
}

void Journal::checkpoint_for(std::deque<std::function<void(bool)>> waiting) {
  checkpoint([waiting = std::move(waiting)](bool good) {
    for (const auto& fn : waiting)
      if (fn) fn(good);
  });
}

// Buffers of sinks that an earlier version of the pipeline had.
void Journal::remove_orphans() {
  const auto names = disk_.list(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kBuffer)) continue;
    const bool ours = std::any_of(pipeline_.sinks.begin(), pipeline_.sinks.end(), [&name](const auto& sink) {
      return name == std::string(kBuffer) + hash_text(sink->info.key);
    });
    if (!ours) remove_files(disk_, folder_ + "/" + name);
  }
}

void Journal::forget(Disk& disk, const std::string& folder) {
  (void)disk.remove(folder + "/checkpoint");  // first: the rest says nothing without it
  const auto names = disk.list(folder);
  if (!names) return;
  for (const std::string& name : *names) remove_files(disk, folder + "/" + name);
}

void Journal::clear(std::function<void()> done) {
  if (writing_) return void(clear_then_ = std::move(done));
  end_work();
  (void)disk_.remove(folder_ + "/checkpoint");
  parts_.clear();
  log_.clear();
  done();
}

}  // namespace streamflow
