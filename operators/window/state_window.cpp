#include "operators/window/state_window.h"

#include <algorithm>

#include "operators/expression_option.h"

namespace streamflow {
namespace {

bool is_true(const Column& column, uint32_t row) {
  return column.kind(row) == Kind::kBool && column.bits(row) != 0;
}

// The reason why a condition has no answer for a row, or empty; null is no.
std::string problem_of(const Column& column, uint32_t row) {
  const Kind kind = column.kind(row);
  if (kind == Kind::kBool || kind <= Kind::kNull) return {};
  if (kind == Kind::kError) return std::string(column.text(row));
  return "window: a condition is " + with_article(kind);
}

}  // namespace

size_t StateWindow::process(const Batch& batch, size_t begin_at, Emitter& out) {
  begin(batch, begin_at);
  const ColumnPtr when = column_of(*plan_.when, batch, begin_at);
  const ColumnPtr until = plan_.until ? column_of(*plan_.until, batch, begin_at) : nullptr;
  rows_.clear();
  for (size_t at = begin_at; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    std::string problem = problem_of(*when, row);
    if (problem.empty() && until) problem = problem_of(*until, row);
    if (problem.empty()) {
      rows_.push_back(row);
    } else {
      out.fail(batch, row, problem);
    }
  }
  take_ids(batch, out);
  for (size_t i = 0; i < rows_.size(); ++i) {
    take(batch, rows_[i], row_ids_[i], is_true(*when, rows_[i]), until && is_true(*until, rows_[i]),
         out);
  }
  absorb(batch, pending_rows_, pending_groups_, out);
  pending_rows_.clear();
  pending_groups_.clear();
  if (batch.arrival && batch.count() > begin_at) {
    arrival_ = (*batch.arrival)[batch.row_at(batch.count() - 1)];
  }
  for (const Closed& closed : closed_) {
    results_.add({closed.first, closed.end, closed.time, closed.mark, closed.id, false, 0, true,
                  closed.arrival});
    results_.merge(groups_, closed.group);
    if (results_.rows() == kBatchRowsMax) send(out);
  }
  send(out);
  for (const Closed& closed : closed_) {
    groups_.give_back(closed.group);
    ids_.release(closed.id);
  }
  closed_.clear();
  ids_.unpin();
  ids_.forget_dead();
  dirty_.set(0);
  inputs_.release();
  return batch.count();
}

void StateWindow::take(const Batch& batch, uint32_t row, uint32_t id, bool when, bool until,
                       Emitter& out) {
  if (open_.size() < ids_.capacity()) open_.resize(ids_.capacity());
  const Micros time = (*batch.time)[row];
  const Micros mark = (*batch.watermark)[row];
  last_time_ = std::max(last_time_, time);
  const bool is_open = open_[id].group != kNone;
  if (!when && (!is_open || !plan_.until)) {
    if (is_open) {
      const Micros sent_at = output_watermark(mark);
      close(id, time, std::max({open_[id].first, time - 1, sent_at}), sent_at,
            arrival_of(batch, row));
    }
    ++out.tally().filtered;
    return;
  }
  if (!is_open) open(id, time);
  touch(id);
  pending_rows_.push_back(row);
  pending_groups_.push_back(open_[id].group);
  if (until) close(id, time, std::max(time, mark), mark, arrival_of(batch, row));
}

void StateWindow::open(uint32_t id, Micros time) {
  open_[id] = {time, groups_.take()};
  ids_.retain(id);
  ++open_count_;
}

void StateWindow::close(uint32_t id, Micros end, Micros time, Micros mark, Micros arrival) {
  closed_.push_back({id, open_[id].first, end, time, mark, arrival, open_[id].group});
  open_[id] = {};
  --open_count_;
  touch(id);
}

bool StateWindow::on_watermark(Micros upto, Emitter& out) {
  dirty_.set(0);
  if (upto != kTimeMax) {
    last_forwarded_ = std::max(last_forwarded_, output_watermark(upto));
    last_time_ = std::max(last_time_, upto);
    return true;
  }
  if (closing_.empty()) {
    for (uint32_t id = 0; id < open_.size(); ++id) {
      if (open_[id].group != kNone) closing_.push_back(id);
    }
    ids_.sort(closing_);
    closing_next_ = 0;
  }
  const size_t first = closing_next_;
  for (; closing_next_ < closing_.size() && results_.rows() < kBatchRowsMax; ++closing_next_) {
    const uint32_t id = closing_[closing_next_];
    results_.add({open_[id].first, last_time_, last_time_, upto, id, true});
    results_.merge(groups_, open_[id].group);
  }
  send(out);
  for (size_t i = first; i < closing_next_; ++i) {
    groups_.give_back(open_[closing_[i]].group);
    open_[closing_[i]] = {};
    ids_.release(closing_[i]);
    touch(closing_[i]);
    --open_count_;
  }
  if (closing_next_ < closing_.size()) return false;
  closing_.clear();
  return true;
}

std::string StateWindow::unfinished() const {
  if (open_count_ == 0) return {};
  return std::to_string(open_count_) + (open_count_ == 1 ? " open window" : " open windows");
}

// Of each key with an open window the window's first time, aggregates.
void StateWindow::save_keys(const Place& place) const {
  for (uint32_t id = 0; id < open_.size(); ++id) {
    std::string* const out = open_[id].group != kNone ? place(id) : nullptr;
    if (out == nullptr) continue;
    save_micros(open_[id].first, *out);
    groups_.save(open_[id].group, *out);
  }
}

void StateWindow::load_keys(StateReader& in) {
  const uint32_t id = load_key(in);
  const Micros first = in.micros();
  if (!in.ok()) return;
  if (open_.size() < ids_.capacity()) open_.resize(ids_.capacity());
  if (open_[id].group != kNone) return in.fail();
  open(id, first);
  groups_.load(open_[id].group, in);
}

void StateWindow::forget_keys(unsigned partition_) {
  closing_.clear();
  for (uint32_t id = 0; id < open_.size(); ++id) {
    if (open_[id].group == kNone || partition(id) != partition_) continue;
    groups_.give_back(open_[id].group);
    open_[id] = {};
    ids_.release(id);
    --open_count_;
  }
}

}  // namespace streamflow
