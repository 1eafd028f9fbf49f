// What a window reads of a batch: keys, values and conditions as columns, evaluated once even when
// the batch is taken in several parts.
#pragma once

#include <memory>
#include <vector>

#include "core/batch.h"
#include "operators/window/window_plan.h"

namespace streamflow {

class WindowInputs {
 public:
  explicit WindowInputs(const WindowPlan& plan) : plan_(plan) {}

  void evaluate(const Batch& batch, size_t begin);
  void release();  // the batch is done with

  const std::vector<const Column*>& keys() const { return keys_; }
  std::string_view key_error(uint32_t row) const { return KeyColumns::error(key_columns_, row); }
  const Column* value(size_t call) const { return values_[call].get(); }  // null: count()
  const Column* where(size_t call) const { return wheres_[call].get(); }  // null: always

 private:
  const WindowPlan& plan_;
  std::shared_ptr<const Times> time_;  // with selected_, the batch's identity while it is held
  SelectionPtr selected_;
  std::vector<ColumnPtr> key_columns_, values_, wheres_;
  std::vector<const Column*> keys_;
};

}  // namespace streamflow
