// What a join reads of a batch: keys, and the right record as it will be shown.  Evaluated once
// even when the batch is taken in several parts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/join/join_plan.h"
#include "operators/join/right_rows.h"
#include "core/kept_rows.h"

namespace streamflow {

class JoinInputs {
 public:
  explicit JoinInputs(const JoinPlan& plan) : plan_(plan), right_(plan) {}

  void evaluate(const Batch& batch, size_t begin, Emitter& out);
  void release();

  // Why this row has no key, or empty.
  std::string_view key_error(uint32_t row) const;
  // A key with a null in it equals nothing.
  bool has_null_key(uint32_t row) const;
  uint32_t id(KeyDictionary& ids, uint32_t row) const;
  // The record at this position of the batch, kept.
  KeptRow keep(const Batch& batch, size_t position);

 private:
  const JoinPlan& plan_;
  RightRows right_;
  RowKeeper left_keeper_;
  std::shared_ptr<const Times> time_;  // with selected_, the batch's identity while it is held
  SelectionPtr selected_;
  std::vector<ColumnPtr> owners_;
  std::vector<const Column*> keys_;
};

}  // namespace streamflow
