// Results that a window sends beside the one at its close: revised ones after it, unfinished ones
// before.
#include <algorithm>

#include "operators/window/time_window.h"

namespace streamflow {

// --- revising closed windows ---

// Whether a record belongs to a window that has closed but is kept.
bool TimeWindow::revises(Micros time, Micros watermark) const {
  if (plan_.late != LateRecords::kRevise) return false;
  const Micros closed = std::max(closed_, watermark);
  if (time >= closed || time < -kWindowTimeMax) return false;
  const Micros last_end = plan_.grid.last_end(time);
  if (last_end <= time || last_end + plan_.keep <= closed) return false;
  return plan_.grid.next_end(plan_.grid.pane_start(time)) <= closed;
}

// Absorbs the record and sends the results of its closed windows again.
void TimeWindow::revise(const Batch& batch, uint32_t row, Emitter& out) {
  const Micros watermark = (*batch.watermark)[row];
  const std::string_view error = inputs_.key_error(row);
  if (!error.empty()) return out.fail(batch, row, error);
  if (batch.arrival) arrival_ = (*batch.arrival)[row];
  const Micros time = (*batch.time)[row];
  const Micros start = plan_.grid.pane_start(time);
  const auto found = panes_.find(start);
  Pane* pane = found != panes_.end() ? found->second.get() : open(start, watermark, time);
  if (pane == nullptr) return out.fail(batch, row, "window: too many open windows");
  rows_.assign(1, row);
  runs_.assign(1, {pane, start, 0, 1});
  take_ids(batch, out);
  if (rows_.empty()) return;
  const uint32_t id = row_ids_[0];
  absorb(batch, out);
  ids_.unpin();
  ++out.tally().absorbed;
  const Micros closed = std::max(closed_, watermark);
  const Micros last = std::min(closed, plan_.grid.last_end(start));
  for (Micros end = plan_.grid.next_end(start); end <= last; end = plan_.grid.next_end(end)) {
    if (end + plan_.keep <= closed) continue;
    add_row(end, id, watermark, ++revisions_[{end, id}]);
  }
  send(false, out);
}

// Lets go of panes whose windows can be revised no longer.
void TimeWindow::drop_kept(Micros upto) {
  while (!panes_.empty()) {
    const Micros last_end = plan_.grid.last_end(panes_.begin()->first);
    if (last_end > closed_ || last_end > minus(upto, plan_.keep)) break;
    drop(panes_.begin());
  }
  while (!revisions_.empty() && revisions_.begin()->first.first + plan_.keep <= upto) {
    revisions_.erase(revisions_.begin());
  }
}

// --- unfinished results ---

// `time`: of a record, where there is no watermark yet.
void TimeWindow::plan_early(Micros watermark, Micros time) {
  if (plan_.early == 0 || early_next_ != kTimeMax) return;
  const Micros known = std::max(closed_, watermark);
  early_next_ = floor_to(known < -kWindowTimeMax ? time : known, plan_.early) + plan_.early;
}

// Takes up the first open window after `after` that has records; false: there is none.
bool TimeWindow::start_early(Micros after) {
  Micros end = kTimeMax;
  for (const auto& [start, pane] : panes_) {
    const Micros last = plan_.grid.last_end(start);
    if (last <= after) continue;
    end = std::min(end, plan_.grid.first_end(start, after));
  }
  closing_ = {};
  if (end == kTimeMax) return false;
  closing_.active = closing_.early = true;
  closing_.end = end;
  gather_records(end);
  ids_.sort(closing_.ids);
  return true;
}

}  // namespace streamflow
