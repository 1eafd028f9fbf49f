// The right records of a join as the joined record shows them: what `take` computes, or all fields
// but the keys, those included that no step looked at so far.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/node.h"
#include "operators/join/join_plan.h"

namespace streamflow {

// The field that holds part `i` of the key in a kept right record that may be sent without a left.
std::string hidden_key_name(size_t i);
bool is_hidden_key(std::string_view name);

class RightRows {
 public:
  explicit RightRows(const JoinPlan& plan) : plan_(plan) {}

  // Prepares the rows of a batch from position `begin` on.  `keys` are its key columns.
  void take(const Batch& batch, size_t begin, const std::vector<ColumnPtr>& keys, Emitter& out);
  // The batch that shows the record at this position, with the same row numbers and no origin.
  // Positions are asked for in rising order.  Which fields a batch has never depends on other rows.
  const Batch& at(size_t position);
  void release() { parts_.clear(); }

 private:
  // Records that follow each other and have the same fields in the same order.
  struct Part {
    size_t end;
    Batch rows;
  };
  struct Member;  // of an open record
  struct RawKey {
    std::string key;  // as written
    int member;       // that it gives the text of; -1: none
  };

  void take_columns(const Batch& batch);
  void take_computed(const Batch& batch, size_t begin, Emitter& out);
  void take_members(const Batch& batch, size_t begin);
  bool left_out(const Batch& batch, std::string_view name) const;
  void members_of(const Batch& batch, uint32_t row, std::vector<Member>& members,
                  std::vector<RawKey>& raw) const;
  static bool follow(const Batch& batch, uint32_t row, const std::vector<RawKey>& raw,
                     std::vector<std::vector<Token>>& texts);
  Batch bare(const Batch& batch) const;

  const JoinPlan& plan_;
  std::vector<NamedColumn> hidden_;  // keys, of joins that send right records alone
  std::vector<Part> parts_;
  size_t part_ = 0;
};

}  // namespace streamflow
