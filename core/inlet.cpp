#include "core/inlet.h"

#include <algorithm>
#include <cstring>

#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr size_t kTurnBytes = 64 * 1024;   // first size of a turn's block; grows
constexpr size_t kPoolMax = 4;             // blocks kept for reuse

}  // namespace

Inlet::Inlet(InletOptions options, std::unique_ptr<Decoder> decoder, Loop& loop,
             InletOutput& output)
    : options_(std::move(options)),
      decoder_(std::move(decoder)),
      loop_(loop),
      output_(output),
      capture_values_(options_.captures.size()),
      meta_values_(options_.meta.size()) {}

std::shared_ptr<Block> Inlet::take_block(size_t bytes) {
  for (auto& block : pool_) {
    if (block.use_count() != 1 || block->capacity < bytes) continue;
    block->size = 0;
    return block;
  }
  auto block = std::make_shared<Block>(std::max(bytes, kTurnBytes));
  if (pool_.size() == kPoolMax) pool_.erase(pool_.begin());
  pool_.push_back(block);
  return block;
}

void Inlet::message(std::string_view payload, std::span<const std::string_view> captures,
                    std::span<const Value> meta) {
  const size_t needed = payload.size() + 1;
  if (!block_) block_ = take_block(needed);
  if (block_->size + needed > block_->capacity) {
    auto larger = take_block(std::max(block_->capacity * 2, block_->size + needed));
    std::memcpy(larger->data.get(), block_->data.get(), block_->size);
    larger->size = block_->size;
    block_ = std::move(larger);
  }
  const auto begin = static_cast<uint32_t>(block_->size);
  if (!payload.empty()) std::memcpy(block_->data.get() + begin, payload.data(), payload.size());
  block_->size += needed;
  block_->data[block_->size - 1] = '\n';
  frames_.push_back({begin, static_cast<uint32_t>(block_->size - 1)});
  for (size_t c = 0; c < capture_values_.size(); ++c)
    capture_values_[c].emplace_back(c < captures.size() ? captures[c] : std::string_view());
  if (!options_.wanted_meta.empty())
    for (size_t m = 0; m < meta_values_.size(); ++m)
      meta_values_[m].push_back(m < meta.size() ? meta[m] : Value());
}

void Inlet::lines(BlockPtr block) { decoder_->decode(block, nullptr, *this); }

void Inlet::flush() {
  if (!frames_.empty()) {
    decoder_->decode(block_, &frames_, *this);
    frames_.clear();
    for (auto& values : capture_values_) values.clear();
    for (auto& values : meta_values_) values.clear();
    explicit_times_.clear();
    block_.reset();
    std::erase_if(pool_, [](const auto& block) { return block->capacity > kKeptBytesMax; });
  }
  output_.turn_done();
}

void Inlet::end() {
  decoder_->finish(*this);
  for (const std::string& text : field_watch_.end()) output_.never_seen(text);
  ended_ = true;
  watermark_ = kTimeMax;
  if (!intercept_) output_.watermark(kTimeMax);
  output_.turn_done();
}

void Inlet::bad(std::string_view text, std::string_view reason, uint32_t frame) {
  (void)frame;
  ++counts_.messages;
  ++counts_.undecodable;
  output_.undecodable(text, reason);
}

void Inlet::add_frame_columns(const Decoded& decoded, Batch& batch) {
  const auto frame_of = [&](size_t row) { return decoded.frames.empty() ? 0 : decoded.frames[row]; };
  std::vector<NamedColumn> captured;
  for (size_t c = 0; c < options_.captures.size(); ++c) {
    auto column = std::make_shared<Column>(decoded.rows);
    for (size_t row = 0; row < decoded.rows; ++row)
      if (frame_of(row) < capture_values_[c].size())
        column->set_string(row, capture_values_[c][frame_of(row)]);
    captured.push_back({options_.captures[c], std::move(column), false});
  }
  if (batch.origin) {
    for (auto& column : captured) batch.set(column.name, column.column);
  } else {
    for (auto& column : batch.columns)
      if (std::find(options_.captures.begin(), options_.captures.end(), column.name) ==
          options_.captures.end())
        captured.push_back(std::move(column));
    batch.columns = std::move(captured);
  }
  for (size_t m = 0; m < options_.meta.size(); ++m) {
    if (!options_.wanted_meta.contains(options_.meta[m])) continue;
    auto column = std::make_shared<Column>(decoded.rows);
    for (size_t row = 0; row < decoded.rows; ++row)
      if (frame_of(row) < meta_values_[m].size())
        column->set(row, meta_values_[m][frame_of(row)]);
    batch.meta.push_back({options_.meta[m], std::move(column), false});
  }
  if (options_.wanted_meta.contains("row")) {
    auto column = std::make_shared<Column>(decoded.rows);
    for (size_t row = 0; row < decoded.rows; ++row)
      column->set_int(row, row_number_ + static_cast<int64_t>(row));
    batch.meta.push_back({"row", std::move(column), false});
  }
  row_number_ += static_cast<int64_t>(decoded.rows);
}

// Fills in `times`; rows without one get a reason and kTimeMin.
void Inlet::event_times(Batch& batch, Times& times, std::vector<std::string>& reasons) {
  if (!options_.time) {
    // add_frame_columns has counted these rows already.
    const int64_t first = row_number_ - static_cast<int64_t>(batch.rows);
    for (size_t row = 0; row < batch.rows; ++row)
      times[row] = interval_ * (first + static_cast<int64_t>(row));
    return;
  }
  // Before any filter, so over all rows.
  const ColumnPtr column = options_.time->evaluate(batch);
  column->decode(nullptr);
  size_t row = 0;
  // Whole numbers of a known unit, the common case, without a call per row.
  const TimeUnit unit = options_.event_time.unit();
  if (unit == TimeUnit::kMillis || unit == TimeUnit::kSeconds) {
    const int64_t scale = unit == TimeUnit::kMillis ? kMicrosPerMilli : kMicrosPerSecond;
    const int64_t limit = kTimeMax / kMicrosPerSecond;
    for (; row < batch.rows && column->kind(row) == Kind::kInt; ++row) {
      const auto number = static_cast<int64_t>(column->bits(row));
      if (number > limit || number < -limit) break;
      times[row] = number * scale;
    }
  }
  for (; row < batch.rows; ++row) {
    std::string reason;
    const auto time = options_.event_time.read(*column, static_cast<uint32_t>(row), reason);
    times[row] = time.value_or(kTimeMin);
    if (!time) {
      if (reasons.empty()) reasons.resize(batch.rows);
      reasons[row] = std::move(reason);
    }
  }
}

void Inlet::rows(Decoded decoded) {
  const size_t n = decoded.rows;
  stamp_ = std::max(stamp_, now());
  last_rows_ = quiet_since_ = now();
  quiet_before_ = 0;
  Batch batch;
  batch.rows = n;
  batch.columns = std::move(decoded.columns);
  batch.origin = std::move(decoded.origin);
  add_frame_columns(decoded, batch);
  if (!field_watch_.done()) [[unlikely]]
    for (const std::string& text : field_watch_.look(batch)) output_.never_seen(text);

  const bool by_arrival = !options_.time && interval_ == 0 && explicit_times_.empty();
  counts_.messages += n;
  std::vector<std::string> reasons;
  auto stamps = std::make_shared<Times>(n, stamp_);
  if (by_arrival) {
    watermark_ = std::max(watermark_, minus(stamp_, options_.lateness));
    batch.time = stamps;
    batch.arrival = stamps;
    batch.watermark =
        options_.lateness == 0 ? stamps : std::make_shared<const Times>(n, watermark_);
    highest_ = std::max(highest_, stamp_);
    if (start_ == kTimeMin) start_ = stamp_;
  } else {
    auto times = std::make_shared<Times>(n);
    auto marks = std::make_shared<Times>(n);
    batch.arrival = stamps;
    if (!explicit_times_.empty() && !decoded.frames.empty()) {
      event_times(batch, *times, reasons);
      for (size_t row = 0; row < n; ++row) {
        const auto& given = explicit_times_[decoded.frames[row]];
        if (!given) continue;
        (*times)[row] = *given;
        if (!reasons.empty()) reasons[row].clear();
      }
    } else {
      event_times(batch, *times, reasons);
    }
    const bool limited = options_.clock && options_.stamps && options_.max_future > 0 &&
                         loop_.clock_is_set();
    const Micros future = limited ? plus(stamp_, options_.max_future) : kTimeMax;
    for (size_t row = 0; row < n; ++row) {
      (*marks)[row] = watermark_;
      const Micros time = (*times)[row];
      if (!reasons.empty() && !reasons[row].empty()) continue;
      if (time > future) {
        if (reasons.empty()) reasons.resize(n);
        reasons[row] = "its time " + format_rfc3339(time) + " is more than max_future (" +
                       format_duration(options_.max_future) + ") ahead of the clock";
        continue;
      }
      if (time <= highest_) continue;
      if (start_ == kTimeMin) start_ = time;
      highest_ = time;
      watermark_ = std::max(watermark_, minus(time, options_.lateness));
    }
    // In replay and tests, `now()` is the record's time.
    if (!options_.clock) batch.arrival = times;
    batch.time = std::move(times);
    batch.watermark = std::move(marks);
  }
  counts_.rows += n;
  batch.stream_start = start_;
  batch.watermark_after = watermark_;
  // Before the rows: where a filter keeps none of them, the union below hears of it all the same.
  if (idle_) {
    idle_ = false;
    output_.idle(false);
  }
  if (one_by_one_) return send_one_by_one(batch, reasons);
  if (!reasons.empty()) {
    auto good = std::make_shared<Selection>();
    for (uint32_t row = 0; row < n; ++row) {
      if (reasons[row].empty()) {
        good->push_back(row);
        continue;
      }
      ++counts_.failed;
      output_.failed(batch, row, reasons[row]);
    }
    batch.selected = std::move(good);
  }
  const size_t count = batch.count();
  if (count <= rows_max_) return send(std::move(batch));
  for (size_t begin = 0; begin < count; begin += rows_max_) {
    const size_t end = std::min(begin + rows_max_, count);
    Batch part = slice(batch, begin, end);
    if (end != count) part.watermark_after = (*batch.watermark)[batch.row_at(end)];
    send(std::move(part));
  }
}

void Inlet::send_one_by_one(const Batch& batch, const std::vector<std::string>& reasons) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!reasons.empty() && !reasons[row].empty()) {
      ++counts_.failed;
      output_.failed(batch, row, reasons[row]);
      continue;
    }
    Batch one = batch;
    one.selected = std::make_shared<Selection>(Selection{row});
    if (row + 1 < batch.rows) one.watermark_after = (*batch.watermark)[row + 1];
    send(std::move(one));
  }
}

void Inlet::send(Batch batch) {
  if (intercept_) {
    counts_.held += batch.count();
    return intercept_(std::move(batch));
  }
  const Micros after = batch.watermark_after;
  if (!batch.empty()) output_.rows(std::move(batch));
  output_.watermark(after);
}

bool Inlet::follows_clock() const {
  return options_.clock && !ended_ && (!options_.time || idle_);
}

Micros Inlet::clock_watermark(Micros now) const {
  if (!options_.time) return std::max(watermark_, minus(std::max(now, stamp_), options_.lateness));
  if (highest_ == kTimeMin) return watermark_;
  const Micros since = now > stamp_ ? now - stamp_ : 0;
  return std::max(watermark_, minus(plus(highest_, since), options_.lateness));
}

void Inlet::advance_clock(Micros now) {
  if (!follows_clock()) return;
  const Micros mark = clock_watermark(now);
  if (!options_.time) stamp_ = std::max(stamp_, now);
  if (mark <= watermark_) return;
  watermark_ = mark;
  output_.watermark(mark);
}

Micros Inlet::idle_at() const {
  if (!options_.clock || !options_.time || ended_ || idle_ || !up_) return kTimeMax;
  return plus(quiet_since_, options_.idle > quiet_before_ ? options_.idle - quiet_before_ : 0);
}

void Inlet::set_up(bool up, Micros now) {
  if (up == up_) return;
  if (!up && now > quiet_since_) quiet_before_ = plus(quiet_before_, now - quiet_since_);
  up_ = up;
  quiet_since_ = now;
}

void Inlet::fall_silent(Micros now) {
  if (idle_ || ended_) return;
  if (now < plus(last_rows_, options_.idle)) {  // something has come in between
    quiet_since_ = now;
    return;
  }
  idle_ = true;
  output_.idle(true);
}

void Inlet::save(std::string& out) const {
  for (const int64_t v : {stamp_, highest_, watermark_, start_,
                          static_cast<int64_t>(options_.event_time.unit()), row_number_})
    save_micros(v, out);
  out += static_cast<char>((idle_ ? 1 : 0) | (ended_ ? 2 : 0));
  for (const uint64_t n : {counts_.messages, counts_.undecodable, counts_.rows, counts_.failed})
    save_count(n, out);
  std::string decoder;
  decoder_->save(decoder);
  save_text(decoder, out);
}

Status Inlet::load(std::string_view bytes) {
  StateReader in(bytes);
  for (Micros* v : {&stamp_, &highest_, &watermark_, &start_}) *v = in.micros();
  options_.event_time.set_unit(static_cast<TimeUnit>(in.micros()));
  row_number_ = in.micros();
  last_rows_ = stamp_;
  const unsigned char flags = in.byte();
  idle_ = (flags & 1) != 0;
  ended_ = (flags & 2) != 0;
  for (uint64_t* n : {&counts_.messages, &counts_.undecodable, &counts_.rows, &counts_.failed})
    *n = in.count();
  const std::string_view decoder = in.text();
  if (!in.ok() || !in.at_end()) return fail(ErrorKind::kIo, "the state of an inlet is damaged");
  return decoder.empty() ? Status() : decoder_->load(decoder);
}

}  // namespace streamflow
