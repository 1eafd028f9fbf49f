// Pairs of kept records as batches of joined ones: the left record with the right's fields behind
// it, one of them perhaps missing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "operators/join/join_plan.h"
#include "core/kept_rows.h"

namespace streamflow {

struct JoinedPair {
  const KeptRow* left = nullptr;  // not both null
  const KeptRow* right = nullptr;
  Micros time = 0;
};

class JoinedRows {
 public:
  explicit JoinedRows(const JoinPlan& plan) : plan_(plan) {}

  // Batches of at most kBatchRowsMax rows that hold the pairs in their order, with `time` and no
  // watermark yet.  `first` is the place in `pairs` of the batch's first selected row.
  using Sink = std::function<void(Batch batch, size_t first)>;
  void make(const std::vector<JoinedPair>& pairs, const Sink& sink);
  // The selected rows of `left` with the fields of `right` that stand at the same row numbers.
  // `first` is then the place in the selection.
  void attach(const Batch& left, const Batch& right, const Sink& sink) {
    split(left, right, 0, sink);
  }

 private:
  struct Run {
    size_t begin, end;
  };
  size_t run_end(const std::vector<JoinedPair>& pairs, size_t begin) const;
  Batch sides(const std::vector<JoinedPair>& pairs, Run& run, Batch& right) const;
  Batch without_left(const Batch& right) const;
  void split(const Batch& left, const Batch& right, size_t first, const Sink& sink);
  void find_suffixes(const Batch& left, const Batch& right);
  void add_suffix(size_t field, size_t row, size_t rows);
  void search_text(const Batch& left, const Batch& right, const std::vector<size_t>& fields);
  bool left_has(const Batch& left, size_t row, const std::string& name) const;
  std::string suffix(int times) const;
  void add_right(Batch& out, const Batch& right, size_t row) const;
  bool known_left(std::string_view name) const;

  const JoinPlan& plan_;
  // By field of the right record: how often the suffix is put behind its name in each row; empty:
  // in none.
  std::vector<std::vector<char>> suffixes_;
};

}  // namespace streamflow
