// The results of closed windows, gathered into one batch of at most kBatchRowsMax rows.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/aggregate/accumulators.h"
#include "operators/aggregate/stored_cell.h"
#include "operators/window/pane.h"
#include "operators/window/window_plan.h"

namespace streamflow {

// The last results of keys whose empty windows repeat them, by id: of `previous` the entries', of
// `zero` the calls', whose kind a zero has.
struct PreviousResult {
  Micros start = kTimeMin;  // of its window: a revision of an older one does not take its place
  std::vector<StoredCell> cells;
};
using PreviousResults = std::unordered_map<uint32_t, PreviousResult>;

class WindowResults {
 public:
  explicit WindowResults(const WindowPlan& plan);

  struct Row {
    Micros start, end;  // as they are shown
    Micros time;
    Micros upto;  // watermark at which it is sent
    uint32_t id;
    bool partial = false;
    uint32_t revision = 0;
    bool empty = true;          // until something is merged
    Micros arrival = kTimeMin;  // of the record that made it; kTimeMin: the stamp's
  };

  size_t rows() const { return rows_.size(); }
  // Another row, of nothing yet.
  void add(const Row& row) { rows_.push_back(row); }
  // Adds a pane's groups to the rows made last, whose ids these are; panes in order of time.
  void merge(const Pane& pane, std::span<const uint32_t> ids);
  // Adds a group to the row made last.
  void merge(const Accumulators& from, uint32_t group);
  bool is_empty(size_t row) const { return rows_[row].empty; }
  void note(size_t row, std::string text) { notes_.emplace_back(row, std::move(text)); }

  struct Stamp {
    Micros& last_forwarded;  // see made_row_watermark
    Micros arrival;          // kTimeMin: unknown
    Micros stream_start;     // kTimeMin: unknown
    bool early = false;      // unfinished results
  };
  // Makes the batch of all rows, sends it and starts anew.
  void send(const KeyDictionary& keys, PreviousResults& previous, const Stamp& stamp, Emitter& out);

 private:
  void add_keys(const KeyDictionary& keys, Batch& batch) const;
  void add_bounds(Batch& batch) const;
  void add_entry(const EntryPlan& entry, PreviousResults& previous, const Stamp& stamp,
                 Batch& batch);
  void add_marks(const Stamp& stamp, Batch& batch) const;
  std::shared_ptr<Column> call_column(size_t call, PreviousResults& previous,
                                      const Stamp& stamp) const;
  void put_zeros(size_t call, PreviousResults& previous, Column& column) const;
  std::shared_ptr<Column> finished(const Column& column);
  void repeat_previous(PreviousResults& previous);
  void add_times(const Stamp& stamp, Batch& batch) const;

  const WindowPlan& plan_;
  std::vector<Row> rows_;
  std::vector<std::unique_ptr<Aggregate>> aggregates_;  // groups are rows
  std::vector<std::shared_ptr<Column>> entry_columns_;
  std::vector<std::pair<size_t, std::string>> notes_;  // cells that failed
  std::vector<uint32_t> into_, groups_, all_rows_;
};

}  // namespace streamflow
