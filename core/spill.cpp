#include "core/spill.h"

#include <algorithm>
#include <utility>

#include "core/registry.h"
#include "core/sealed_file.h"

namespace streamflow {

BufferOptions buffer_options(const Params& sink) {
  const Params buffer = sink.map("buffer");
  BufferOptions out;
  out.memory = std::max(static_cast<size_t>(buffer.size("memory")), kBufferMemoryMin);
  out.disk = static_cast<size_t>(buffer.size("disk"));
  const std::string when_full = buffer.choice("when_full");
  if (when_full == "drop_oldest") out.when_full = WhenFull::kDropOldest;
  if (when_full == "drop_newest") out.when_full = WhenFull::kDropNewest;
  return out;
}

Spill::~Spill() {
  *alive_ = false;
  if (loop_ != nullptr) loop_->cancel(retry_);
}

void Spill::keep_on(Disk& disk, std::string folder, Loop& loop) {
  disk_ = &disk;
  folder_ = std::move(folder);
  loop_ = &loop;
}

std::string Spill::path(uint64_t number) const {
  return numbered_path(folder_, number, ".rows");
}

// --- in --------------------------------------------------------------------------------------------

Spill::Chunk& Spill::open_chunk() {
  // The first one is closed once it is being taken.
  if (chunks_.empty() || chunks_.back().bytes >= chunk_bytes_ || chunks_.back().place != Place::kMemory ||
      (chunks_.size() == 1 && !front_.empty())) {
    chunks_.push_back({.number = next_++});
    layout_.reset();
  }
  return chunks_.back();
}

void Spill::push(const Batch& batch) {
  for (size_t i = 0; i < batch.count(); ++i) {
    const KeptRow row = keeper_.keep(batch, batch.row_at(i));
    Chunk& chunk = open_chunk();
    const size_t before = chunk.text.size();
    RowKeeper::save(row, layout_.get(), chunk.text);
    layout_ = row.layout;
    const size_t added = chunk.text.size() - before;
    chunk.bytes += added;
    bytes_ += added;
    memory_bytes_ += added;
    ++chunk.rows;
    ++rows_;
    if (chunk.bytes >= chunk_bytes_) keep_within_memory();
  }
}

// Full chunks go to disk, the newest first: the oldest are needed next.  What is too much for memory even so, in
// a burst that lets no other work in between, is written at once.
void Spill::keep_within_memory() {
  if (disk_ == nullptr || memory_bytes_ <= memory_) return;
  if (trouble_.empty() && disk_->free_bytes() < kDiskReserve) {
    set_trouble("less than 64 MiB are free in the state folder");
  }
  if (!trouble_.empty()) return;  // `write_again` will
  size_t staying = 0;
  for (const Chunk& chunk : chunks_)
    if (chunk.place == Place::kMemory) staying += chunk.bytes;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend() && staying > memory_; ++chunk) {
    if (chunk->place != Place::kMemory || chunk->bytes < chunk_bytes_) continue;
    staying -= chunk->bytes;
    if (memory_bytes_ <= 2 * memory_) {
      write(*chunk);
    } else {
      chunk->place = Place::kFlying;
      written(chunk->number, disk_->write(path(chunk->number), seal(kMagic, chunk->text)));
    }
  }
}

void Spill::write(Chunk& chunk) {
  chunk.place = Place::kFlying;
  disk_->replace(path(chunk.number), seal(kMagic, chunk.text),
                 [this, number = chunk.number, alive = alive_](const Status& status) {
                   if (*alive) written(number, status);
                 });
}

void Spill::written(uint64_t number, const Status& status) {
  const auto found = std::find_if(chunks_.begin(), chunks_.end(),
                                  [number](const Chunk& chunk) { return chunk.number == number; });
  if (found == chunks_.end()) {
    if (status) gone_.push_back(number);  // taken meanwhile
    return;
  }
  if (found->place != Place::kFlying) return;
  if (!status) {
    found->place = Place::kMemory;
    return set_trouble(status.error().message);
  }
  found->place = Place::kDisk;
  memory_bytes_ -= found->text.size();
  found->text = {};
}

void Spill::write_again() {
  retry_ = 0;
  trouble_.clear();
  keep_within_memory();
  if (trouble_changed_) trouble_changed_();
}

void Spill::set_trouble(std::string trouble) {
  trouble_ = std::move(trouble);
  if (retry_ == 0) retry_ = loop_->after(kRetry, [this] { write_again(); });
  if (trouble_changed_) trouble_changed_();
}

// --- out -------------------------------------------------------------------------------------------

Batch Spill::take(uint64_t& lost, std::string& reason) {
  lost = 0;
  while (front_.empty() && !chunks_.empty()) {
    std::string why;
    const Opened opened = open_front(why);
    if (opened == Opened::kYes) continue;
    if (opened == Opened::kLost || lost == 0) reason = why;
    if (opened == Opened::kNotNow) return {};
    lost += chunks_.front().rows - taken_;
    pop_front();
  }
  if (front_.empty()) return {};
  std::vector<const KeptRow*> rows;
  for (const KeptRow& row : front_) {
    if (rows.size() == kTakeRows) break;
    rows.push_back(&row);
  }
  size_t end = 0;
  Batch batch = RowKeeper::restore(rows, end);
  batch.watermark = batch.time;
  front_.erase(front_.begin(), front_.begin() + static_cast<long>(end));
  taken_ += end;
  rows_ -= end;
  if (front_.empty()) pop_front();
  return batch;
}

Spill::Opened Spill::open_front(std::string& reason) {
  Chunk& chunk = chunks_.front();
  if (chunk.place == Place::kDisk) {
    const Result<std::string> file = disk_->read(path(chunk.number));
    if (!file) {
      reason = file.error().message;
      return is_gone(chunk.number) ? Opened::kLost : Opened::kNotNow;
    }
    const auto rows = unseal(*file, kMagic, "buffer", path(chunk.number));
    if (!rows) {
      reason = rows.error().message;
      return Opened::kLost;
    }
    chunk.text = *rows;
    memory_bytes_ += chunk.text.size();
  }
  StateReader in(chunk.text);
  std::shared_ptr<const RowLayout> layout;
  for (uint64_t i = 0; i < chunk.rows && in.ok(); ++i) {
    KeptRow row = keeper_.load(in, layout);
    layout = row.layout;
    if (i >= taken_ && in.ok()) front_.push_back(std::move(row));
  }
  if (!in.ok()) reason = path(chunk.number) + " is damaged";
  return in.ok() ? Opened::kYes : Opened::kLost;
}

bool Spill::is_gone(uint64_t number) const {
  const auto names = disk_->list(folder_);
  return names && std::none_of(names->begin(), names->end(), [&](const std::string& name) {
    return folder_ + "/" + name == path(number);
  });
}

void Spill::pop_front() {
  Chunk& chunk = chunks_.front();
  rows_ -= chunk.rows - taken_;
  bytes_ -= chunk.bytes;
  memory_bytes_ -= chunk.text.size();
  if (chunk.place == Place::kDisk) gone_.push_back(chunk.number);
  chunks_.pop_front();
  front_.clear();
  taken_ = 0;
  if (chunks_.empty()) layout_.reset();
}

uint64_t Spill::drop_oldest() {
  if (chunks_.empty()) return 0;
  const uint64_t rows = chunks_.front().rows - taken_;
  pop_front();
  return rows;
}

// --- checkpoints -----------------------------------------------------------------------------------

void Spill::save(std::string& out) {
  save_count(next_, out);
  save_count(taken_, out);
  save_count(chunks_.size(), out);
  for (Chunk& chunk : chunks_) {
    save_count(chunk.number, out);
    save_count(chunk.rows, out);
    save_count(chunk.bytes, out);
    const bool on_disk = chunk.place == Place::kDisk;
    out.push_back(on_disk ? 1 : 0);
    if (!on_disk) save_text(chunk.text, out);
    // Not once for each checkpoint; while the disk refuses, `write_again` does it.
    if (disk_ != nullptr && chunk.place == Place::kMemory && chunk.bytes >= chunk_bytes_ && trouble_.empty())
      write(chunk);
  }
  gone_at_save_ = gone_.size();
}

Status Spill::load(std::string_view bytes, uint64_t& lost) {
  StateReader in(bytes);
  lost = 0;
  chunks_.clear();
  front_.clear();
  gone_.clear();
  layout_.reset();
  gone_at_save_ = 0;
  rows_ = 0;
  bytes_ = memory_bytes_ = 0;
  next_ = in.count();
  taken_ = in.count();
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Chunk chunk;
    chunk.number = in.count();
    chunk.rows = in.count();
    chunk.bytes = in.count();
    chunk.place = in.byte() == 1 ? Place::kDisk : Place::kMemory;
    if (chunk.place == Place::kMemory) chunk.text = in.text();
    if (chunks_.empty() && taken_ >= std::max<uint64_t>(chunk.rows, 1)) in.fail();
    if (chunk.place == Place::kDisk && disk_ == nullptr) {
      lost += chunk.rows - std::exchange(taken_, 0);
      continue;
    }
    rows_ += chunk.rows;
    bytes_ += chunk.bytes;
    memory_bytes_ += chunk.text.size();
    chunks_.push_back(std::move(chunk));
  }
  if (!in.ok()) return fail(ErrorKind::kIo, "the state of a sink's buffer is damaged");
  rows_ -= taken_;
  return {};
}

void Spill::checkpointed() {
  for (size_t i = 0; i < gone_at_save_; ++i) (void)disk_->remove(path(gone_[i]));
  gone_.erase(gone_.begin(), gone_.begin() + static_cast<long>(gone_at_save_));
  gone_at_save_ = 0;
}

void Spill::remove_strays() {
  if (disk_ == nullptr) return;
  const auto names = disk_->list(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string stray = folder_ + "/" + name;
    const bool known = std::any_of(chunks_.begin(), chunks_.end(), [&](const Chunk& chunk) {
      return chunk.place == Place::kDisk && path(chunk.number) == stray;
    });
    if (!known) (void)disk_->remove(stray);
  }
}

}  // namespace streamflow
