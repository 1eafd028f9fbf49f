#include "operators/window/window_inputs.h"

#include "operators/expression_option.h"

namespace streamflow {

void WindowInputs::evaluate(const Batch& batch, size_t begin) {
  if (time_ && begin > 0 && time_ == batch.time && selected_ == batch.selected) return;
  time_ = batch.time;
  selected_ = batch.selected;
  key_columns_ = plan_.keys->columns(batch, begin);
  keys_.clear();
  for (const ColumnPtr& column : key_columns_) keys_.push_back(column.get());
  values_.clear();
  wheres_.clear();
  for (const WindowCall& call : plan_.calls) {
    values_.push_back(call.value ? column_of(*call.value, batch, begin) : nullptr);
    wheres_.push_back(call.where ? column_of(*call.where, batch, begin) : nullptr);
  }
}

void WindowInputs::release() {
  time_ = nullptr;
  selected_ = nullptr;
  key_columns_.clear();
  keys_.clear();
  values_.clear();
  wheres_.clear();
}

}  // namespace streamflow
