#include "operators/window/record_window.h"

#include <algorithm>
#include <numeric>

namespace streamflow {

RecordWindow::RecordWindow(WindowPlan plan)
    : KeyWindow(std::move(plan)), run_length_(std::gcd(plan_.count, plan_.step)) {}

size_t RecordWindow::process(const Batch& batch, size_t begin_at, Emitter& out) {
  begin(batch, begin_at);
  rows_.clear();
  for (size_t at = begin_at; at < batch.count(); ++at) rows_.push_back(batch.row_at(at));
  take_ids(batch, out);
  for (size_t i = 0; i < rows_.size(); ++i) take(batch, rows_[i], row_ids_[i], out);
  absorb(batch, pending_rows_, pending_groups_, out);
  pending_rows_.clear();
  pending_groups_.clear();
  if (batch.arrival && batch.count() > begin_at) {
    arrival_ = (*batch.arrival)[batch.row_at(batch.count() - 1)];
  }
  send_full(out);
  ids_.unpin();
  dirty_.set(0);
  inputs_.release();
  return batch.count();
}

void RecordWindow::take(const Batch& batch, uint32_t row, uint32_t id, Emitter& out) {
  if (keys_.size() < ids_.capacity()) {
    keys_.resize(ids_.capacity());
    known_.resize(ids_.capacity());
  }
  Key& key = keys_[id];
  if (!known_[id]) {
    known_[id] = true;
    ids_.retain(id);
    ++open_;
  }
  touch(id);
  const Micros time = (*batch.time)[row];
  last_time_ = std::max(last_time_, time);
  const uint64_t number = key.records++;
  if (number % plan_.step >= plan_.count) {
    ++out.tally().filtered;
    return;
  }
  if (key.runs.empty() || number >= key.runs.back().begin + run_length_) {
    key.runs.push_back({number, time, time, groups_.take()});
  }
  Run& run = key.runs.back();
  run.first = std::min(run.first, time);
  run.last = std::max(run.last, time);
  pending_rows_.push_back(row);
  pending_groups_.push_back(run.group);
  const uint64_t records = key.records;
  if (records >= plan_.count && (records - plan_.count) % plan_.step == 0) {
    close_full(id, (*batch.watermark)[row], arrival_of(batch, row));
  }
}

// The number of the first record of the first window that is not full.
uint64_t RecordWindow::next_start(const Key& key) const {
  if (key.records < plan_.count) return 0;
  return ((key.records - plan_.count) / plan_.step + 1) * plan_.step;
}

void RecordWindow::close_full(uint32_t id, Micros mark, Micros arrival) {
  Key& key = keys_[id];
  full_.push_back({id, mark, arrival, {}});
  const uint64_t start = key.records - plan_.count;
  for (const Run& run : key.runs) {
    if (run.begin >= start) full_.back().runs.push_back(run);
  }
  const uint64_t next = next_start(key);
  std::erase_if(key.runs, [&](const Run& run) {
    if (run.begin >= next) return false;
    spent_.push_back(run.group);
    return true;
  });
}

void RecordWindow::add_result(uint32_t id, std::span<const Run> runs, Micros upto, bool partial,
                              Micros arrival) {
  Micros first = kTimeMax, last = kTimeMin;
  for (const Run& run : runs) {
    first = std::min(first, run.first);
    last = std::max(last, run.last);
  }
  // As records arrive, an older one may fill a window.
  const Micros time = std::max(last, partial ? last_time_ : upto);
  results_.add({first, last, time, upto, id, partial, 0, true, arrival});
  for (const Run& run : runs) results_.merge(groups_, run.group);
}

void RecordWindow::send_full(Emitter& out) {
  for (const Full& full : full_) {
    add_result(full.id, full.runs, full.mark, false, full.arrival);
    if (results_.rows() == kBatchRowsMax) send(out);
  }
  send(out);
  full_.clear();
  for (const uint32_t group : spent_) groups_.give_back(group);
  spent_.clear();
}

bool RecordWindow::on_watermark(Micros upto, Emitter& out) {
  dirty_.set(0);
  if (upto != kTimeMax) {
    last_forwarded_ = std::max(last_forwarded_, upto);
    last_time_ = std::max(last_time_, upto);
    return true;
  }
  if (closing_.empty()) {
    for (uint32_t id = 0; id < keys_.size(); ++id) {
      if (known_[id]) closing_.push_back(id);
    }
    ids_.sort(closing_);
    closing_next_ = 0;
  }
  while (closing_next_ < closing_.size() && results_.rows() < kBatchRowsMax) {
    add_unfinished(closing_[closing_next_++], upto);
  }
  send(out);
  for (const uint32_t group : spent_) groups_.give_back(group);
  spent_.clear();
  if (closing_next_ < closing_.size()) return false;
  for (const uint32_t id : closing_) release(id);
  closing_.clear();
  return true;
}

void RecordWindow::add_unfinished(uint32_t id, Micros upto) {
  Key& key = keys_[id];
  for (uint64_t start = next_start(key); start < key.records; start += plan_.step) {
    const auto first = std::find_if(key.runs.begin(), key.runs.end(),
                                    [start](const Run& run) { return run.begin >= start; });
    if (first == key.runs.end()) break;
    add_result(id, {first, key.runs.end()}, upto, true);
  }
  for (const Run& run : key.runs) spent_.push_back(run.group);
  key.runs.clear();
  touch(id);
}

void RecordWindow::release(uint32_t id) {
  for (const Run& run : keys_[id].runs) groups_.give_back(run.group);
  keys_[id] = {};
  known_[id] = false;
  ids_.release(id);
  --open_;
}

std::string RecordWindow::unfinished() const {
  if (open_ == 0) return {};
  return "the windows of " + std::to_string(open_) + (open_ == 1 ? " key" : " keys");
}

// Of each key records so far, and count of runs; of each run the number of its first
// record, first and last time, aggregates.
void RecordWindow::save_keys(const Place& place) const {
  for (uint32_t id = 0; id < keys_.size(); ++id) {
    std::string* const out = known_[id] ? place(id) : nullptr;
    if (out == nullptr) continue;
    save_count(keys_[id].records, *out);
    save_count(keys_[id].runs.size(), *out);
    for (const Run& run : keys_[id].runs) {
      save_count(run.begin, *out);
      save_micros(run.first, *out);
      save_micros(run.last, *out);
      groups_.save(run.group, *out);
    }
  }
}

void RecordWindow::load_keys(StateReader& in) {
  const uint32_t id = load_key(in);
  if (!in.ok()) return;
  if (keys_.size() < ids_.capacity()) {
    keys_.resize(ids_.capacity());
    known_.resize(ids_.capacity());
  }
  if (known_[id]) return in.fail();
  known_[id] = true;
  ids_.retain(id);
  ++open_;
  keys_[id].records = in.count();
  for (uint64_t runs = in.count(); runs > 0 && in.ok(); --runs) {
    Run run;
    run.begin = in.count();
    run.first = in.micros();
    run.last = in.micros();
    run.group = groups_.take();
    keys_[id].runs.push_back(run);
    groups_.load(run.group, in);
  }
}

void RecordWindow::forget_keys(unsigned partition_) {
  closing_.clear();
  for (uint32_t id = 0; id < keys_.size(); ++id) {
    if (known_[id] && partition(id) == partition_) release(id);
  }
}

}  // namespace streamflow
