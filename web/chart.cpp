#include "web/chart.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace streamflow::web {
namespace {

// A chunk spans at most this part of the history, so that age is cut in steps too small to see.
constexpr Micros kChunksOfHistory = 60;
constexpr Micros kMarksOfHistory = 900;

// False also for NaN.
bool drawable(double value) { return std::abs(value) <= Chart::kMagnitudeMax; }

ChartInfo with_limits(ChartInfo info) {
  info.points_max = std::max<std::size_t>(1, info.points_max);
  info.history_us = std::max<Micros>(1, info.history_us);
  return info;
}

}  // namespace

Chart::Chart(ChartInfo info, std::shared_ptr<SeriesSlots> slots)
    : info_(with_limits(std::move(info))),
      slots_(slots ? std::move(slots) : std::make_shared<SeriesSlots>()),
      bins_(info_.range, info_.bins),
      snapshot_(std::make_shared<const ChartSnapshot>()) {}

ChartSnapshotPtr Chart::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void Chart::append(std::string_view name, double x, double y) {
  ++seq_;
  dirty_ = true;
  Series* series = drawable(x) ? find_or_add(bounded(name)) : nullptr;
  if (series == nullptr) {
    ++unshown_;
    return;
  }
  series->tail.x.push_back(x);
  series->tail.y.push_back(drawable(y) ? y : std::nan(""));
  ++series->recent;
  ++series->state.total;
  series->changed = true;
  // Of what comes between two flushes, more than the history holds need not wait for the second.
  if (PointChunk& tail = series->tail; tail.x.size() >= 2 * info_.points_max) {
    const auto surplus = static_cast<std::ptrdiff_t>(tail.x.size() - info_.points_max);
    tail.x.erase(tail.x.begin(), tail.x.begin() + surplus);
    tail.y.erase(tail.y.begin(), tail.y.begin() + surplus);
  }
}

void Chart::append(double value) {
  ++seq_;
  dirty_ = true;
  if (!drawable(value)) {
    ++unshown_;
    return;
  }
  values_.push_back({0, value});
  ++values_new_;
  if (values_.size() > info_.points_max) values_.pop_front();
}

// A name within the limit; valid until the next call.
std::string_view Chart::bounded(std::string_view name) {
  if (name.size() <= kNameBytesMax) return name;
  constexpr std::string_view kCut = "… ";
  constexpr int kHexDigits = 16;
  std::size_t end = kNameBytesMax - kCut.size() - kHexDigits;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // whole characters
  cut_name_.assign(name.substr(0, end)).append(kCut);
  const std::uint64_t hash = std::hash<std::string_view>()(name);
  for (int shift = 4 * (kHexDigits - 1); shift >= 0; shift -= 4)
    cut_name_ += "0123456789abcdef"[(hash >> shift) & 15];
  return cut_name_;
}

Chart::Series* Chart::find_or_add(std::string_view name) {
  if (const auto it = by_name_.find(name); it != by_name_.end()) return it->second;
  if (series_.size() >= kSeriesMax) {
    count_candidate(name);
    return nullptr;
  }
  auto series = std::make_unique<Series>();
  series->state.id = next_series_id_++;
  series->state.name = name;
  series->state.slot = slots_->slot_of(name);
  Series* added = series.get();
  by_name_.emplace(name, added);
  series_.push_back(std::move(series));
  return added;
}

void Chart::count_candidate(std::string_view name) {
  if (const auto it = candidates_.find(name); it != candidates_.end())
    ++it->second;
  else if (candidates_.size() < kCandidatesMax)
    candidates_.emplace(name, 1);
}

void Chart::replace_least_busy(Micros now) {
  if (now - compared_at_ < kReplaceEvery && now >= compared_at_) return;
  compared_at_ = now;
  std::vector<std::pair<std::uint64_t, std::string>> waiting;
  for (const auto& [name, count] : candidates_) waiting.emplace_back(count, name);
  candidates_.clear();
  std::sort(waiting.begin(), waiting.end(), std::greater<>());
  for (const auto& [count, name] : waiting) {
    auto least = series_.end();
    for (auto it = series_.begin(); it != series_.end(); ++it)
      if ((*it)->state.slot == 0 && (least == series_.end() || (*it)->recent < (*least)->recent))
        least = it;
    if (least == series_.end() || count <= 2 * (*least)->recent) break;
    size_ -= (*least)->state.size;
    by_name_.erase((*least)->state.name);
    series_.erase(least);
    find_or_add(name)->recent = count;  // so that it is not the least busy at once
  }
  for (const auto& series : series_) series->recent = 0;
}

// Moves the tail into the shared part: into the last chunk while that is small and young, else as
// chunks of its own.
void Chart::seal(Series& series, Micros at) {
  PointChunk& tail = series.tail;
  const std::size_t n = tail.x.size();
  if (n == 0) return;
  series.state.size += n;
  size_ += n;
  if (!extend_last_chunk(series, at, info_.history_us / kChunksOfHistory)) {
    for (std::size_t begin = 0; begin < n; begin += kChunkPoints) {
      const auto from = static_cast<std::ptrdiff_t>(begin);
      const auto to = static_cast<std::ptrdiff_t>(std::min(n, begin + kChunkPoints));
      auto chunk = std::make_shared<PointChunk>();
      chunk->x.assign(tail.x.begin() + from, tail.x.begin() + to);
      chunk->y.assign(tail.y.begin() + from, tail.y.begin() + to);
      chunk->first_at = chunk->last_at = at;
      series.state.chunks.push_back(std::move(chunk));
    }
  }
  tail.x.clear();
  tail.y.clear();
}

// Makes the last chunk anew, since readers hold the old one.
bool Chart::extend_last_chunk(Series& series, Micros at, Micros span_max) {
  if (series.state.chunks.empty()) return false;
  const PointChunk& tail = series.tail;
  std::shared_ptr<const PointChunk>& last = series.state.chunks.back();
  if (last->x.size() + tail.x.size() > kChunkPoints || at - last->first_at > span_max) return false;
  auto longer = std::make_shared<PointChunk>(*last);
  longer->x.insert(longer->x.end(), tail.x.begin(), tail.x.end());
  longer->y.insert(longer->y.end(), tail.y.begin(), tail.y.end());
  longer->last_at = at;
  last = std::move(longer);
  return true;
}

void Chart::drop_front(Series& series, std::size_t points) {
  SeriesSnapshot& state = series.state;
  series.changed = true;
  state.size -= points;
  size_ -= points;
  state.skip += points;
  auto kept = state.chunks.begin();
  while (kept != state.chunks.end() && state.skip >= (*kept)->x.size()) {
    state.skip -= (*kept)->x.size();
    ++kept;
  }
  state.chunks.erase(state.chunks.begin(), kept);
}

void Chart::limit_number() {
  const std::size_t max = info_.points_max;
  if (info_.kind == ChartKind::kLine) {
    for (const auto& series : series_)
      if (series->state.size > max) drop_front(*series, series->state.size - max);
    return;
  }
  // Scatter: of the series whose first chunk is the oldest, as much as that chunk holds.
  while (size_ > max) {
    Series* oldest = nullptr;
    for (const auto& series : series_) {
      if (series->state.chunks.empty()) continue;
      if (oldest == nullptr ||
          series->state.chunks.front()->first_at < oldest->state.chunks.front()->first_at)
        oldest = series.get();
    }
    const std::size_t held = oldest->state.chunks.front()->x.size() - oldest->state.skip;
    drop_front(*oldest, std::min(held, size_ - max));
  }
}

void Chart::limit_age(Micros now) {
  const Micros oldest = now - info_.history_us;
  for (const auto& series : series_) {
    std::size_t points = 0;
    for (const auto& chunk : series->state.chunks) {
      if (chunk->last_at >= oldest) break;
      points += chunk->x.size();
    }
    if (points > 0) drop_front(*series, points - series->state.skip);
  }
  while (!values_.empty() && values_.front().at < oldest) values_.pop_front();
}

// Remembers how many points there were at times apart by a small part of the history.
void Chart::mark_history(Micros now) {
  if (marks_.empty() || now - marks_.back().first >= info_.history_us / kMarksOfHistory ||
      now < marks_.back().first)
    marks_.emplace_back(now, snapshot_->seq);
  while (marks_.size() > 1 && marks_[1].first <= now - info_.history_us) marks_.pop_front();
}

std::shared_ptr<const HistogramState> Chart::bin(Micros now) {
  if (values_.empty()) return nullptr;
  std::vector<double> values;
  values.reserve(values_.size());
  for (const Arrival& arrival : values_) values.push_back(arrival.value);
  return std::make_shared<const HistogramState>(bins_.update(values, seq_ - unshown_, now));
}

std::optional<Micros> Chart::flush(Micros now) {
  if (!dirty_) return std::nullopt;
  if (flushed_at_ && now >= *flushed_at_ && now - *flushed_at_ < kFlushEvery)
    return *flushed_at_ + kFlushEvery;
  if (!flushed_at_) compared_at_ = now;
  flushed_at_ = now;
  values_new_ = std::min(values_new_, values_.size());
  for (std::size_t i = values_.size() - values_new_; i < values_.size(); ++i) values_[i].at = now;
  values_new_ = 0;
  for (const auto& series : series_) seal(*series, now);
  replace_least_busy(now);
  limit_number();
  limit_age(now);
  mark_history(now);

  auto next = std::make_shared<ChartSnapshot>();
  next->seq = seq_;
  next->in_history = seq_ - marks_.front().second;
  next->unshown = unshown_;
  next->series.reserve(series_.size());
  for (const auto& series : series_) {
    if (std::exchange(series->changed, false))
      series->published = std::make_shared<const SeriesSnapshot>(series->state);
    next->series.push_back(series->published);
  }
  if (info_.kind == ChartKind::kHistogram) next->histogram = bin(now);
  dirty_ = false;
  ChartSnapshotPtr old = std::move(next);
  {
    const std::lock_guard lock(mutex_);
    snapshot_.swap(old);
  }
  return std::nullopt;  // `old` is destroyed here, outside the lock
}

}  // namespace streamflow::web
