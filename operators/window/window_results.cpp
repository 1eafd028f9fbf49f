#include "operators/window/window_results.h"

#include <numeric>

#include "core/operator_output.h"

namespace streamflow {

WindowResults::WindowResults(const WindowPlan& plan) : plan_(plan) {
  for (const CallPlan& call : plan.calls) aggregates_.push_back(call.make());
}

void WindowResults::merge(const Pane& pane, std::span<const uint32_t> ids) {
  const size_t first = rows_.size() - ids.size();
  into_.clear();
  groups_.clear();
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t group = pane.group(ids[i]);
    if (group == Pane::kNone) continue;
    into_.push_back(static_cast<uint32_t>(first + i));
    groups_.push_back(group);
    rows_[first + i].empty = false;
  }
  for (size_t call = 0; call < aggregates_.size(); ++call) {
    aggregates_[call]->resize(rows_.size());
    aggregates_[call]->merge(into_, pane.aggregate(call), groups_);
  }
}

void WindowResults::merge(const Accumulators& from, uint32_t group) {
  const auto row = static_cast<uint32_t>(rows_.size() - 1);
  rows_[row].empty = false;
  for (size_t call = 0; call < aggregates_.size(); ++call) {
    aggregates_[call]->resize(rows_.size());
    aggregates_[call]->merge({&row, 1}, from.call(call), {&group, 1});
  }
}

void WindowResults::add_keys(const KeyDictionary& keys, Batch& batch) const {
  const auto& parts = plan_.keys->parts();
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<Column*> cells;
  for (size_t i = 0; i < parts.size(); ++i) {
    columns.push_back(std::make_shared<Column>(rows_.size()));
    cells.push_back(columns.back().get());
  }
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    if (!cells.empty()) keys.write(rows_[row].id, cells, row);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].type == Type::kDouble) {  // 2 is how a key writes 2.0
      for (uint32_t row = 0; row < rows_.size(); ++row) {
        if (is_number(columns[i]->kind(row))) columns[i]->set_real(row, columns[i]->number(row));
      }
    }
    batch.columns.push_back({parts[i].name, std::move(columns[i]), false});
  }
}

void WindowResults::add_bounds(Batch& batch) const {
  auto starts = std::make_shared<Column>(rows_.size());
  auto ends = std::make_shared<Column>(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) {
    starts->set_timestamp(row, rows_[row].start);
    ends->set_timestamp(row, rows_[row].end);
  }
  batch.columns.push_back({"window_start", std::move(starts), false});
  batch.columns.push_back({"window_end", std::move(ends), false});
}

std::shared_ptr<Column> WindowResults::call_column(size_t call, PreviousResults& previous,
                                                   const Stamp& stamp) const {
  auto column = std::make_shared<Column>(rows_.size());
  aggregates_[call]->write(0, rows_.size(), *column, 0);
  if (plan_.empty == EmptyWindows::kSkip || stamp.early) return column;
  if (plan_.empty == EmptyWindows::kZero && plan_.calls[call].kind->counts) {
    put_zeros(call, previous, *column);
    return column;
  }
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (rows_[row].empty) column->set_null(row);
  }
  return column;
}

// 0 or 0.0, as the key's last sum was.
void WindowResults::put_zeros(size_t call, PreviousResults& previous, Column& column) const {
  const bool sum = plan_.calls[call].kind->result(plan_.calls[call].spec) == Type::kNumber;
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    if (!rows_[row].empty) {
      if (!sum) continue;
      std::vector<StoredCell>& cells = previous[rows_[row].id].cells;
      cells.resize(plan_.calls.size());
      if (is_number(column.kind(row))) cells[call].set(column, row);
      continue;
    }
    const auto found = sum ? previous.find(rows_[row].id) : previous.end();
    if (found != previous.end() && found->second.cells[call].kind() == Kind::kDouble) {
      column.set_real(row, 0);
    } else {
      column.set_int(row, 0);
    }
  }
}

// As a field; failures are noted, but for empty windows.
std::shared_ptr<Column> WindowResults::finished(const Column& column) {
  all_rows_.resize(rows_.size());
  std::iota(all_rows_.begin(), all_rows_.end(), 0u);
  std::vector<std::pair<uint32_t, std::string>> failed;
  auto result = field_cells(column, all_rows_, failed);
  for (auto& [row, text] : failed) {
    if (!rows_[row].empty) note(row, std::move(text));
  }
  return result;
}

void WindowResults::add_entry(const EntryPlan& entry, PreviousResults& previous, const Stamp& stamp,
                              Batch& batch) {
  if (!entry.outer) {
    entry_columns_.push_back(finished(*call_column(entry.first_call, previous, stamp)));
  } else {
    Batch inner = batch;
    for (size_t i = 0; i < entry.calls; ++i) {
      inner.columns.push_back(
          {"$" + std::to_string(i), call_column(entry.first_call + i, previous, stamp), false});
    }
    entry_columns_.push_back(finished(*entry.outer->evaluate(inner)));
  }
  batch.columns.push_back({entry.name, entry_columns_.back(), false});
}

void WindowResults::repeat_previous(PreviousResults& previous) {
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    PreviousResult& last = previous[rows_[row].id];
    if (rows_[row].start < last.start) continue;
    last.start = rows_[row].start;
    std::vector<StoredCell>& cells = last.cells;
    cells.resize(entry_columns_.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      if (rows_[row].empty) {
        cells[i].write(*entry_columns_[i], row);
      } else {
        cells[i].set(*entry_columns_[i], row);
      }
    }
  }
}

// `partial`: a window that began before its stream did lacks records that never came here, one of
// records that is not full yet lacks those to come.
void WindowResults::add_marks(const Stamp& stamp, Batch& batch) const {
  auto partial = std::make_shared<Column>(rows_.size());
  auto revision = std::make_shared<Column>(rows_.size());
  auto early = std::make_shared<Column>(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (rows_[row].partial || rows_[row].start < stamp.stream_start) partial->set_bool(row, true);
    if (rows_[row].revision != 0) revision->set_int(row, rows_[row].revision);
    if (stamp.early) early->set_bool(row, true);
  }
  batch.columns.push_back({"partial", std::move(partial), false});
  if (plan_.late == LateRecords::kRevise) {
    batch.columns.push_back({"revision", std::move(revision), false});
  }
  if (plan_.early != 0) batch.columns.push_back({"early", std::move(early), false});
}

void WindowResults::add_times(const Stamp& stamp, Batch& batch) const {
  auto times = std::make_shared<Times>();
  auto watermarks = std::make_shared<Times>();
  for (const Row& row : rows_) {
    times->push_back(row.time);
    watermarks->push_back(made_row_watermark(stamp.last_forwarded, row.time, row.upto));
  }
  batch.time = std::move(times);
  batch.watermark = std::move(watermarks);
  batch.watermark_after = stamp.last_forwarded;
  batch.stream_start = stamp.stream_start;
  auto arrivals = std::make_shared<Times>();
  for (const Row& row : rows_) {
    arrivals->push_back(row.arrival == kTimeMin ? stamp.arrival : row.arrival);
  }
  if (arrivals->front() != kTimeMin) batch.arrival = std::move(arrivals);
}

void WindowResults::send(const KeyDictionary& keys, PreviousResults& previous, const Stamp& stamp,
                         Emitter& out) {
  if (rows_.empty()) return;
  for (const auto& aggregate : aggregates_) aggregate->resize(rows_.size());
  Batch batch;
  batch.rows = rows_.size();
  add_times(stamp, batch);
  add_keys(keys, batch);
  add_bounds(batch);
  for (const EntryPlan& entry : plan_.entries) add_entry(entry, previous, stamp, batch);
  if (plan_.empty == EmptyWindows::kPrevious && !stamp.early) repeat_previous(previous);
  add_marks(stamp, batch);
  for (const auto& [row, text] : notes_) out.cell_error(batch, static_cast<uint32_t>(row), text);
  out.tally().created += batch.rows;
  rows_.clear();
  notes_.clear();
  entry_columns_.clear();
  for (const auto& aggregate : aggregates_) aggregate->resize(0);
  out.emit(std::move(batch));
}

}  // namespace streamflow
