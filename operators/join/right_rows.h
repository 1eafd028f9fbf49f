// The right records of a join as the joined record shows them: what `take` computes, or all fields
// but the keys, those included that no step looked at so far.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/node.h"
#include "operators/join/join_plan.h"
#include "core/kept_rows.h"

namespace streamflow {

// The field that holds part `i` of the key in a kept right record that may be sent without a left.
std::string hidden_key_name(size_t i);
bool is_hidden_key(std::string_view name);

class RightRows {
 public:
  explicit RightRows(const JoinPlan& plan) : plan_(plan) {}

  // Prepares the rows of a batch from position `begin` on.  `keys` are its key columns.
  void take(const Batch& batch, size_t begin, const std::vector<ColumnPtr>& keys, Emitter& out);
  // A row of that batch.  Which fields it has, and their order, depends on no other row.
  KeptRow keep(const Batch& batch, uint32_t row);
  void release();

 private:
  // A member of an open record, as it was written.
  struct Raw {
    std::string key;
    int field;  // that has its text; -1: none
  };

  void compute(const Batch& batch, size_t begin, Emitter& out);
  void set_layout(const Batch& batch);
  bool left_out(const Batch& batch, std::string_view name) const;
  bool follow(std::string_view record);
  void learn(const Batch& batch, std::string_view record);
  void add(std::string name, ColumnPtr column);

  const JoinPlan& plan_;
  RowKeeper keeper_;
  bool open_ = false;                // the batch's records have members that are no columns
  std::vector<NamedColumn> hidden_;  // keys, of joins that send right records alone
  // Fields of the last row; of open records found by the names of its members.
  std::shared_ptr<const RowLayout> layout_;
  std::vector<std::string> names_;
  std::vector<ColumnPtr> columns_;  // null: the text
  std::vector<KeptCell> cells_;
  std::vector<Raw> raw_;
};

}  // namespace streamflow
