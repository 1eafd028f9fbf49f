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
      results_(plan_),
      inputs_(plan_) {}

// --- taking records ---

size_t TimeWindow::process(const Batch& batch, size_t begin, Emitter& out) {
  inputs_.evaluate(batch, begin);
  if (batch.stream_start != kTimeMin) {
    stream_start_ = stream_start_ == kTimeMin ? batch.stream_start
                                              : std::min(stream_start_, batch.stream_start);
  }
  const size_t end = route(batch, begin, out);
  if (end > begin && batch.arrival) arrival_ = (*batch.arrival)[batch.row_at(end - 1)];
  take_ids(batch, out);
  absorb(batch, out);
  ids_.unpin();
  out.tally().absorbed += rows_.size();
  send_late(batch, out);
  if (end > begin) dirty_.set(0);
  if (end == batch.count()) inputs_.release();
  return end;
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
    if ((*batch.watermark)[row] >= deadline_ && deadline_ != kTimeMax) break;
    Pane* pane = in_current((*batch.time)[row]) ? current_ : locate(batch, row, out);
    if (pane == nullptr) {
      ++at;
      continue;
    }
    if (runs_.empty() || runs_.back().pane != pane) runs_.push_back({pane, taken, taken});
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
  const auto width = static_cast<uint64_t>(plan_.grid.pane);
  const Micros deadline = deadline_;
  const size_t count = batch.count();
  uint32_t* rows = rows_.data();
  size_t i = at;
  for (; i < count; ++i) {
    const uint32_t row = selected != nullptr ? selected[i] : static_cast<uint32_t>(i);
    if (watermarks[row] >= deadline || static_cast<uint64_t>(times[row]) - start >= width) break;
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
  Pane* pane = found != panes_.end() ? found->second.get() : open(start, watermark);
  if (pane == nullptr) {
    out.fail(batch, row, "window: too many open windows");
    return nullptr;
  }
  current_ = pane;
  current_start_ = start;
  return pane;
}

Pane* TimeWindow::open(Micros start, Micros watermark) {
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
    if (!rows_.empty()) add(batch, *runs_[0].pane, rows_, row_ids_, out);
    return;
  }
  // Records out of order: those of each pane together, so that the loops are long.
  for (size_t first = 0; first < runs_.size(); ++first) {
    Pane* pane = runs_[first].pane;
    if (pane == nullptr) continue;
    part_rows_.clear();
    part_ids_.clear();
    for (size_t i = first; i < runs_.size(); ++i) {
      if (runs_[i].pane != pane) continue;
      const auto begin = static_cast<ptrdiff_t>(runs_[i].begin);
      const auto end = static_cast<ptrdiff_t>(runs_[i].end);
      part_rows_.insert(part_rows_.end(), rows_.begin() + begin, rows_.begin() + end);
      part_ids_.insert(part_ids_.end(), row_ids_.begin() + begin, row_ids_.begin() + end);
      runs_[i].pane = nullptr;
    }
    if (!part_rows_.empty()) add(batch, *pane, part_rows_, part_ids_, out);
  }
}

void TimeWindow::add(const Batch& batch, Pane& pane, std::span<const uint32_t> rows,
                     std::span<const uint32_t> ids, Emitter& out) {
  groups_.resize(rows.size());
  pane.find_groups(ids, ids_.capacity(), mark_, groups_.data(), [this](uint32_t id, bool is_new) {
    if (is_new) ids_.retain(id);
    dirty_.set(partition(id));
  });
  for (size_t call = 0; call < plan_.calls.size(); ++call) add_call(batch, pane, call, rows, out);
}

void TimeWindow::add_call(const Batch& batch, Pane& pane, size_t call,
                          std::span<const uint32_t> rows, Emitter& out) {
  Contribution input{rows, groups_, inputs_.value(call), batch.time->data()};
  wrong_.clear();
  if (const Column* where = inputs_.where(call)) {
    where_rows_.clear();
    where_groups_.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      const Kind kind = where->kind(rows[i]);
      if (kind == Kind::kBool && where->bits(rows[i]) != 0) {
        where_rows_.push_back(rows[i]);
        where_groups_.push_back(groups_[i]);
      } else if (kind == Kind::kError) {
        out.cell_error(batch, rows[i], where->text(rows[i]));
      }
    }
    input.rows = where_rows_;
    input.groups = where_groups_;
  }
  pane.aggregate(call).add(input, wrong_);
  for (const uint32_t row : wrong_) {
    const Kind kind = input.value->kind(row);
    out.cell_error(batch, row,
                   kind == Kind::kError ? std::string(input.value->text(row))
                                        : std::string(plan_.calls[call].kind->name) +
                                              ": cannot take " + with_article(kind));
  }
}

void TimeWindow::send_late(const Batch& batch, Emitter& out) {
  if (late_.empty()) return;
  Batch rows = batch;
  rows.selected = std::make_shared<Selection>(late_);
  out.late(std::move(rows));
}

// --- closing windows ---

bool TimeWindow::on_watermark(Micros upto, Emitter& out) {
  const bool ending = upto == kTimeMax;
  if (deadline_ > upto && !closing_.active) {
    closed_ = std::max(closed_, upto);
    return true;
  }
  dirty_.set(0);
  bool done = false;
  while (results_.rows() < kBatchRowsMax) {
    if (!closing_.active) {
      const Micros end = next_end(ending);
      done = end == kTimeMax || end > upto;
      if (done) break;
      start_closing(end, ending);
    }
    add_results(kBatchRowsMax - results_.rows());
    if (closing_.next == closing_.ids.size()) finish_closing();
  }
  results_.send(ids_, previous_, {upto, last_forwarded_, arrival_, stream_start_}, out);
  untrack();
  if (done) {
    closed_ = std::max(closed_, upto);
    last_forwarded_ = std::max(last_forwarded_, upto);
    ids_.forget_dead();
    last_ends_.clear();
  }
  deadline_ = closing_.active ? closing_.end : next_end(ending);
  return done;
}

Micros TimeWindow::next_end(bool ending) const {
  const Micros data =
      panes_.empty() ? kTimeMax : plan_.grid.first_end(panes_.begin()->first, closed_);
  if (tracked_on_ == 0 || (ending && panes_.empty())) return data;
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
  closing_.ids.clear();
  std::vector<char> seen;
  const bool one_pane = plan_.grid.pane == plan_.grid.size;
  if (!one_pane || tracked_on_ != 0) seen.resize(ids_.capacity());
  gather_panes(end, seen);
  if (tracked_on_ == 0) return;
  if (ending && last_ends_.empty()) find_last_ends();
  for (const uint32_t id : tracked_ids_) {
    if (!tracked_[id].on || seen[id] != 0) continue;
    // The end of input adds no empty windows after a key's last one with records.
    if (!ending || (id < last_ends_.size() && last_ends_[id] > end)) closing_.ids.push_back(id);
  }
}

// Those with records; each once, `seen` (empty: there is but one pane) says which were taken.
void TimeWindow::gather_panes(Micros end, std::vector<char>& seen) {
  for (auto pane = panes_.lower_bound(end - plan_.grid.size);
       pane != panes_.end() && pane->first < end; ++pane) {
    for (const uint32_t id : pane->second->ids()) {
      if (id == Pane::kNone) continue;
      if (!seen.empty() && std::exchange(seen[id], char{1}) != 0) continue;
      closing_.ids.push_back(id);
    }
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

void TimeWindow::add_results(size_t most) {
  const size_t count = std::min(most, closing_.ids.size() - closing_.next);
  const std::span<const uint32_t> ids(closing_.ids.data() + closing_.next, count);
  const size_t first = results_.rows();
  for (const uint32_t id : ids) results_.add(closing_.end, id);
  for (auto pane = panes_.lower_bound(closing_.end - plan_.grid.size);
       pane != panes_.end() && pane->first < closing_.end; ++pane) {
    results_.merge(*pane->second, ids);
  }
  if (plan_.empty != EmptyWindows::kSkip) {
    for (size_t i = 0; i < count; ++i) follow(first + i, ids[i]);
  }
  closing_.next += count;
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
  closed_ = std::max(closed_, closing_.end);
  while (!panes_.empty() && plan_.grid.last_end(panes_.begin()->first) <= closing_.end) {
    drop(panes_.begin());
  }
}

void TimeWindow::drop(Panes::iterator pane) {
  for (const uint32_t id : pane->second->ids()) {
    if (id == Pane::kNone) continue;
    dirty_.set(partition(id));
    ids_.release(id);
  }
  current_ = nullptr;
  if (spare_.empty() && pane->second->ids().size() <= kSpareGroupsMax) {
    pane->second->clear();
    spare_.push_back(std::move(pane->second));
  }
  panes_.erase(pane);
}

std::string TimeWindow::unfinished() const {
  if (panes_.empty()) return {};
  const Micros first = plan_.grid.first_end(panes_.begin()->first, closed_);
  const Micros last = plan_.grid.last_end(panes_.rbegin()->first);
  const size_t between = static_cast<size_t>((last - first) / plan_.grid.every) + 1;
  const size_t open =
      plan_.grid.pane == plan_.grid.size ? std::min(between, panes_.size()) : between;
  return std::to_string(open) + (open == 1 ? " open window" : " open windows");
}

}  // namespace streamflow
