// The results of closed windows, gathered into one batch of at most kBatchRowsMax rows.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/aggregate/stored_cell.h"
#include "operators/window/pane.h"
#include "operators/window/window_plan.h"

namespace streamflow {

// The last results of keys whose empty windows repeat them, by id.
using PreviousResults = std::unordered_map<uint32_t, std::vector<StoredCell>>;

class WindowResults {
 public:
  explicit WindowResults(const WindowPlan& plan);

  size_t rows() const { return rows_.size(); }
  // A row for the window that ends at `end`: `parts` are the groups of the key in the window's
  // panes, in order of time; none: an empty window.
  void add(Micros end, uint32_t id) { rows_.push_back({end, id, true}); }
  // Adds a pane's groups to the rows made last, whose ids these are.
  void merge(const Pane& pane, std::span<const uint32_t> ids);
  bool is_empty(size_t row) const { return rows_[row].empty; }
  void note(size_t row, std::string text) { notes_.emplace_back(row, std::move(text)); }

  struct Stamp {
    Micros upto;             // watermark that closed the windows
    Micros& last_forwarded;  // see made_row_watermark
    Micros arrival;          // kTimeMin: unknown
    Micros stream_start;     // kTimeMin: unknown
  };
  // Makes the batch of all rows, sends it and starts anew.
  void send(const KeyDictionary& keys, PreviousResults& previous, const Stamp& stamp, Emitter& out);

 private:
  struct Row {
    Micros end;
    uint32_t id;
    bool empty;
  };

  void add_keys(const KeyDictionary& keys, Batch& batch) const;
  void add_bounds(Batch& batch) const;
  void add_entry(const WindowEntry& entry, Batch& batch);
  void add_partial(Micros stream_start, Batch& batch) const;
  std::shared_ptr<Column> call_column(size_t call) const;
  std::shared_ptr<Column> finished(const Column& column);
  void repeat_previous(PreviousResults& previous);
  void add_times(const Stamp& stamp, Batch& batch) const;

  const WindowPlan& plan_;
  std::vector<Row> rows_;
  std::vector<std::unique_ptr<Aggregate>> aggregates_;  // groups are rows
  std::vector<std::shared_ptr<Column>> entry_columns_;
  std::vector<std::pair<size_t, std::string>> notes_;  // cells that failed
  std::vector<uint32_t> into_, groups_;
};

}  // namespace streamflow
