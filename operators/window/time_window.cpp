#include "operators/window/time_window.h"

#include <algorithm>
#include <utility>

namespace streamflow {
namespace {

constexpr size_t kSpareGroupsMax = 1 << 16;  // a larger pane is not kept for use again

}  // namespace

TimeWindow::TimeWindow(WindowPlan plan)
    : plan_(std::move(plan)),
      signature_(plan_.signature()),
      ids_(plan_.keys_max),
      sums_(plan_, panes_),
      results_(plan_),
      inputs_(*plan_.keys, plan_.calls) {}

// --- taking records ---

size_t TimeWindow::process(const Batch& batch, size_t begin, Emitter& out) {
  inputs_.evaluate(batch, begin);
  if (batch.stream_start != kTimeMin) {
    stream_start_ = stream_start_ == kTimeMin ? batch.stream_start
                                              : std::min(stream_start_, batch.stream_start);
  }
  size_t at = begin;
  while (at < batch.count()) {
    at = take_rows(batch, at, out);
    if (at == batch.count()) break;
    const uint32_t row = batch.row_at(at);
    const Micros watermark = (*batch.watermark)[row];
    if (watermark >= next_deadline() || !revises((*batch.time)[row], watermark)) break;
    revise(batch, row, out);
    ++at;
  }
  if (at > begin) dirty_.set(0);
  if (at == batch.count()) inputs_.release();
  return at;
}

size_t TimeWindow::take_rows(const Batch& batch, size_t begin, Emitter& out) {
  const size_t end = route(batch, begin, out);
  if (end > begin && batch.arrival) arrival_ = (*batch.arrival)[batch.row_at(end - 1)];
  take_ids(batch, out);
  absorb(batch, out);
  ids_.unpin();
  out.tally().absorbed += rows_.size();
  if (plan_.grid.is_all()) note_bounds(batch);
  send_late(batch, out);
  return end;
}

void TimeWindow::note_bounds(const Batch& batch) {
  for (const uint32_t row : rows_) {
    first_time_ = std::min(first_time_, (*batch.time)[row]);
    last_time_ = std::max(last_time_, (*batch.time)[row]);
  }
}

// Sorts records into panes until one's watermark closes a window.  Most follow each other in one
// pane.
size_t TimeWindow::route(const Batch& batch, size_t begin, Emitter& out) {
  rows_.resize(batch.count() - begin);
  runs_.clear();
  late_.clear();
  size_t taken = 0;
  size_t at = begin;
  while (at < batch.count()) {
    const uint32_t row = batch.row_at(at);
    const Micros deadline = next_deadline();
    if ((*batch.watermark)[row] >= deadline && deadline != kTimeMax) break;
    if (revises((*batch.time)[row], (*batch.watermark)[row])) break;
    Pane* pane = in_current((*batch.time)[row]) ? current_ : locate(batch, row, out);
    if (pane == nullptr) {
      ++at;
      continue;
    }
    if (runs_.empty() || runs_.back().pane != pane)
      runs_.push_back({pane, current_start_, taken, taken});
    taken = follow_run(batch, at, taken);
    if (plan_.keys->can_fail()) taken = without_failed_keys(batch, runs_.back().end, taken, out);
    runs_.back().end = taken;
  }
  rows_.resize(taken);
  return at;
}

// Takes the records from position `at` on that are in the current pane; moves `at` behind them.
size_t TimeWindow::follow_run(const Batch& batch, size_t& at, size_t taken) {
  const Micros* times = batch.time->data();
  const Micros* watermarks = batch.watermark->data();
  const uint32_t* selected = batch.selected ? batch.selected->data() : nullptr;
  const auto start = static_cast<uint64_t>(current_start_);
  const uint64_t width = current_width_;
  const Micros deadline = next_deadline();
  const size_t count = batch.count();
  const bool revising = plan_.late == LateRecords::kRevise;
  uint32_t* rows = rows_.data();
  size_t i = at;
  for (; i < count; ++i) {
    const uint32_t row = selected != nullptr ? selected[i] : static_cast<uint32_t>(i);
    if (watermarks[row] >= deadline || static_cast<uint64_t>(times[row]) - start >= width) break;
    if (revising && revises(times[row], watermarks[row])) break;
    rows[taken++] = row;
  }
  at = i;
  return taken;
}

size_t TimeWindow::without_failed_keys(const Batch& batch, size_t begin, size_t end, Emitter& out) {
  size_t kept = begin;
  for (size_t i = begin; i < end; ++i) {
    const std::string_view error = inputs_.key_error(rows_[i]);
    if (error.empty()) {
      rows_[kept++] = rows_[i];
    } else {
      out.fail(batch, rows_[i], error);
    }
  }
  return kept;
}

Pane* TimeWindow::locate(const Batch& batch, uint32_t row, Emitter& out) {
  const Micros time = (*batch.time)[row];
  const Micros watermark = (*batch.watermark)[row];
  if (time < -kWindowTimeMax || time > kWindowTimeMax) {
    out.fail(batch, row, "window: the record's time is out of range");
    return nullptr;
  }
  const Micros last_end = plan_.grid.last_end(time);
  if (last_end <= time) {  // between windows
    ++out.tally().filtered;
    return nullptr;
  }
  if (last_end <= std::max(closed_, watermark)) {
    late_.push_back(row);
    return nullptr;
  }
  const Micros start = plan_.grid.pane_start(time);
  const auto found = panes_.find(start);
  Pane* pane = found != panes_.end() ? found->second.get() : open(start, watermark, time);
  if (pane == nullptr) {
    out.fail(batch, row, "window: too many open windows");
    return nullptr;
  }
  current_ = pane;
  current_start_ = start;
  current_width_ = static_cast<uint64_t>(plan_.grid.pane_end(start)) - static_cast<uint64_t>(start);
  return pane;
}

Pane* TimeWindow::open(Micros start, Micros watermark, Micros time) {
  if (panes_.size() >= kPanesMax) return nullptr;
  std::unique_ptr<Pane> pane;
  if (spare_.empty()) {
    pane = std::make_unique<Pane>(plan_.calls);
  } else {
    pane = std::move(spare_.back());
    spare_.pop_back();
  }
  closed_ = std::max(closed_, watermark);
  deadline_ = std::min(deadline_, plan_.grid.first_end(start, closed_));
  plan_early(watermark, time);
  sums_.forget(start);
  return panes_.emplace(start, std::move(pane)).first->second.get();
}

// The ids of rows_, in order of arrival, so that which keys are one too many does not depend on
// batches.  Rows without an id fail and leave rows_ and runs_.
void TimeWindow::take_ids(const Batch& batch, Emitter& out) {
  row_ids_.resize(rows_.size());
  if (ids_.ids_of(inputs_.keys(), rows_, row_ids_.data())) return;
  size_t kept = 0;
  for (Run& run : runs_) {
    const size_t begin = kept;
    for (size_t i = run.begin; i < run.end; ++i) {
      if (row_ids_[i] == KeyDictionary::kNone) {
        out.fail(batch, rows_[i], "window: more than max_keys keys at a time");
        continue;
      }
      rows_[kept] = rows_[i];
      row_ids_[kept++] = row_ids_[i];
    }
    run.begin = begin;
    run.end = kept;
  }
  rows_.resize(kept);
  row_ids_.resize(kept);
}

void TimeWindow::absorb(const Batch& batch, Emitter& out) {
  if (runs_.size() == 1) {
    if (!rows_.empty()) add(batch, runs_[0], rows_, row_ids_, out);
    return;
  }
  // Records out of order: those of each pane together, so that the loops are long.
  for (size_t first = 0; first < runs_.size(); ++first) {
    const Run run = runs_[first];
    if (run.pane == nullptr) continue;
    part_rows_.clear();
    part_ids_.clear();
    for (size_t i = first; i < runs_.size(); ++i) {
      if (runs_[i].pane != run.pane) continue;
      const auto begin = static_cast<ptrdiff_t>(runs_[i].begin);
      const auto end = static_cast<ptrdiff_t>(runs_[i].end);
      part_rows_.insert(part_rows_.end(), rows_.begin() + begin, rows_.begin() + end);
      part_ids_.insert(part_ids_.end(), row_ids_.begin() + begin, row_ids_.begin() + end);
      runs_[i].pane = nullptr;
    }
    if (!part_rows_.empty()) add(batch, run, part_rows_, part_ids_, out);
  }
}

void TimeWindow::add(const Batch& batch, const Run& run, std::span<const uint32_t> rows,
                     std::span<const uint32_t> ids, Emitter& out) {
  Pane& pane = *run.pane;
  if (pane.summed) {
    sums_.forget(run.start);
    pane.summed = false;
  }
  groups_.resize(rows.size());
  pane.find_groups(ids, ids_.capacity(), mark_, groups_.data(), [this](uint32_t id, bool is_new) {
    if (is_new) ids_.retain(id);
    dirty_.set(partition(id));
  });
  for (size_t call = 0; call < plan_.calls.size(); ++call) {
    inputs_.add(batch, call, pane.aggregate(call), rows, groups_, out);
  }
}

void TimeWindow::send_late(const Batch& batch, Emitter& out) {
  if (late_.empty()) return;
  if (plan_.late == LateRecords::kDrop) {
    out.tally().dropped += late_.size();
    return;
  }
  Batch rows = batch;
  rows.selected = std::make_shared<Selection>(late_);
  out.late(std::move(rows));
}

// --- closing windows ---

Micros TimeWindow::output_watermark(Micros input) const {
  if (input == kTimeMax) return input;
  if (plan_.grid.is_all()) return kTimeMin;
  return minus(input, plan_.keep);
}

bool TimeWindow::on_watermark(Micros upto, Emitter& out) {
  const bool ending = upto == kTimeMax;
  if (next_deadline() > upto && !closing_.active) {
    if (upto > closed_) dirty_.set(0);
    closed_ = std::max(closed_, upto);
    if (plan_.keep != 0) drop_kept(upto);
    return true;
  }
  dirty_.set(0);
  bool done = false;
  while (!closing_.early && results_.rows() < kBatchRowsMax) {
    if (!closing_.active) {
      const Micros end = next_end(ending);
      done = end == kTimeMax || end > upto;
      if (done) break;
      start_closing(end, ending);
    }
    add_results(kBatchRowsMax - results_.rows(), upto);
    if (closing_.next == closing_.ids.size()) finish_closing();
  }
  send(false, out);
  untrack();
  if (done) {
    closed_ = std::max(closed_, upto);
    if (early_next_ <= upto) {
      early_next_ = kTimeMax;
      if (!ending && start_early(closed_)) done = false;
    }
  }
  if (closing_.early) {
    add_results(kBatchRowsMax, upto);
    send(true, out);
    const bool more = closing_.next < closing_.ids.size() || start_early(closing_.end);
    done = !more;
  }
  if (done) {
    if (early_next_ <= upto) early_next_ = kTimeMax;
    if (!panes_.empty()) plan_early(upto, upto);
    last_forwarded_ = std::max(last_forwarded_, output_watermark(upto));
    ids_.forget_dead();
    last_ends_.clear();
    if (plan_.keep != 0) drop_kept(upto);
  }
  if (closing_.early) {
    early_next_ = upto;
  } else {
    deadline_ = closing_.active ? closing_.end : next_end(ending);
  }
  return done;
}

// The end of the first window after those closed that has records.
Micros TimeWindow::next_data_end() const {
  if (panes_.empty()) return kTimeMax;
  const Micros first = panes_.begin()->first;
  if (plan_.keep == 0 || closed_ <= first) return plan_.grid.first_end(first, closed_);
  const auto pane = panes_.lower_bound(plan_.grid.start_of(plan_.grid.next_end(closed_)));
  return pane == panes_.end() ? kTimeMax : plan_.grid.first_end(pane->first, closed_);
}

Micros TimeWindow::next_end(bool ending) const {
  const Micros data = next_data_end();
  if (tracked_on_ == 0 || (ending && data == kTimeMax)) return data;
  if (closed_ < -kWindowTimeMax || closed_ > kWindowTimeMax) return data;
  return std::min(data, plan_.grid.next_end(closed_));
}

void TimeWindow::start_closing(Micros end, bool ending) {
  closing_.active = true;
  closing_.end = end;
  closed_ = std::max(closed_, end - 1);
  closing_.next = 0;
  gather(end, ending);
  ids_.sort(closing_.ids);
  if (resume_end_ != end) return;
  while (closing_.next < closing_.ids.size() &&
         ids_.encoding(closing_.ids[closing_.next]) <= resume_key_) {
    ++closing_.next;
  }
  resume_end_ = kTimeMin;
}

// The keys that the window has results for.
void TimeWindow::gather(Micros end, bool ending) {
  gather_records(end);
  if (tracked_on_ == 0) return;
  if (ending && last_ends_.empty()) find_last_ends();
  for (const uint32_t id : tracked_ids_) {
    if (!tracked_[id].on) continue;
    if (closing_.records != nullptr && closing_.records->group(id) != Pane::kNone) continue;
    // The end of input adds no empty windows after a key's last one with records.
    if (!ending || (id < last_ends_.size() && last_ends_[id] > end)) closing_.ids.push_back(id);
  }
}

// What the window's panes hold together.
void TimeWindow::gather_records(Micros end) {
  parts_.clear();
  sums_.parts(plan_.grid.start_of(end), end, ids_.capacity(), parts_);
  closing_.ids.clear();
  closing_.records = parts_.empty() ? nullptr : parts_[0];
  if (parts_.size() > 1) {
    if (total_ == nullptr) total_ = std::make_unique<Pane>(plan_.calls);
    total_->clear();
    for (const Pane* part : parts_) total_->merge(*part, ids_.capacity(), groups_);
    closing_.records = total_.get();
  }
  if (closing_.records == nullptr) return;
  for (const uint32_t id : closing_.records->ids()) {
    if (id != Pane::kNone) closing_.ids.push_back(id);
  }
}

void TimeWindow::find_last_ends() {
  last_ends_.assign(ids_.capacity(), kTimeMin);
  for (const auto& [start, pane] : panes_) {
    for (const uint32_t id : pane->ids()) {
      if (id != Pane::kNone) last_ends_[id] = plan_.grid.last_end(start);
    }
  }
}

void TimeWindow::add_results(size_t most, Micros upto) {
  const size_t count = std::min(most, closing_.ids.size() - closing_.next);
  const std::span<const uint32_t> ids(closing_.ids.data() + closing_.next, count);
  const size_t first = results_.rows();
  const Micros start = plan_.grid.start_of(closing_.end);
  for (const uint32_t id : ids) {
    results_.add(plan_.grid.is_all()
                     ? WindowResults::Row{first_time_, last_time_, last_time_, upto, id}
                     : WindowResults::Row{start, closing_.end, closing_.end - 1,
                                          output_watermark(upto), id});
  }
  if (closing_.records != nullptr) results_.merge(*closing_.records, ids);
  if (plan_.empty != EmptyWindows::kSkip && !closing_.early) {
    for (size_t i = 0; i < count; ++i) follow(first + i, ids[i]);
  }
  closing_.next += count;
}

// One key's result of a window that has closed.
void TimeWindow::add_row(Micros end, uint32_t id, Micros upto, uint32_t revision) {
  const Micros start = plan_.grid.start_of(end);
  results_.add({start, end, end - 1, output_watermark(upto), id, false, revision});
  parts_.clear();
  sums_.parts(start, end, ids_.capacity(), parts_);
  for (const Pane* part : parts_) results_.merge(*part, {&id, 1});
}

void TimeWindow::send(bool early, Emitter& out) {
  results_.send(ids_, previous_, {last_forwarded_, arrival_, stream_start_, early}, out);
}

// Counts a key's empty windows in a row; a key that has too many is followed no longer.
void TimeWindow::follow(size_t row, uint32_t id) {
  dirty_.set(partition(id));
  if (!results_.is_empty(row)) {
    track(id, 0);
  } else if (++tracked_[id].empties >= plan_.empty_max) {
    results_.note(row, "window: max_empty empty windows in a row; no more until there are records");
    tracked_[id].on = false;
    --tracked_on_;
    untracked_.push_back(id);
  }
}

void TimeWindow::track(uint32_t id, uint64_t empties) {
  if (tracked_.size() <= id) tracked_.resize(ids_.capacity());
  Tracked& tracked = tracked_[id];
  tracked.empties = empties;
  if (tracked.on) return;
  tracked.on = true;
  ++tracked_on_;
  ids_.retain(id);
  if (!std::exchange(tracked.listed, true)) tracked_ids_.push_back(id);
}

void TimeWindow::untrack() {
  if (untracked_.empty()) return;
  std::erase_if(tracked_ids_, [this](uint32_t id) {
    if (!tracked_[id].on) tracked_[id].listed = false;
    return !tracked_[id].on;
  });
  for (const uint32_t id : untracked_) {
    if (!tracked_[id].on) previous_.erase(id);
    ids_.release(id);
  }
  untracked_.clear();
}

void TimeWindow::finish_closing() {
  closing_.active = false;
  closing_.records = nullptr;
  if (total_) total_->clear();
  closed_ = std::max(closed_, closing_.end);
  while (plan_.keep == 0 && !panes_.empty() &&
         plan_.grid.last_end(panes_.begin()->first) <= closing_.end) {
    drop(panes_.begin());
  }
}

void TimeWindow::drop(Panes::iterator pane) {
  for (const uint32_t id : pane->second->ids()) {
    if (id == Pane::kNone) continue;
    dirty_.set(partition(id));
    ids_.release(id);
  }
  if (pane->second->summed) sums_.forget(pane->first);
  current_ = nullptr;
  if (spare_.empty() && pane->second->ids().size() <= kSpareGroupsMax) {
    pane->second->clear();
    spare_.push_back(std::move(pane->second));
  }
  panes_.erase(pane);
}

std::string TimeWindow::unfinished() const {
  if (panes_.empty()) return {};
  size_t open = 1;
  if (!plan_.grid.is_all() && plan_.grid.size() > 0) {
    const Micros first = next_data_end();
    if (first == kTimeMax) return {};
    const Micros last = plan_.grid.last_end(panes_.rbegin()->first);
    open = plan_.grid.one_pane()
               ? static_cast<size_t>(
                     std::distance(panes_.lower_bound(plan_.grid.start_of(first)), panes_.end()))
               : static_cast<size_t>((last - first) / plan_.grid.every()) + 1;
  }
  return std::to_string(open) + (open == 1 ? " open window" : " open windows");
}

}  // namespace streamflow
