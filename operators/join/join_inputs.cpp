#include "operators/join/join_inputs.h"

#include <cmath>

#include "operators/expression_option.h"

namespace streamflow {

void JoinInputs::evaluate(const Batch& batch, size_t begin, Emitter& out) {
  if (begin > 0 && time_ && time_ == batch.time && selected_ == batch.selected) return;
  time_ = batch.time;
  selected_ = batch.selected;
  owners_.clear();
  keys_.clear();
  const bool left = batch.input == 0;
  for (const JoinKey& key : plan_.keys) {
    owners_.push_back(column_of(left ? *key.left : *key.right, batch, begin));
    keys_.push_back(owners_.back().get());
  }
  if (!left) right_.take(batch, begin, owners_, out);
}

void JoinInputs::release() {
  time_ = nullptr;
  selected_ = nullptr;
  owners_.clear();
  keys_.clear();
  right_.release();
}

std::string_view JoinInputs::key_error(uint32_t row) const {
  for (const Column* column : keys_)
    if (column->kind(row) == Kind::kError) return column->text(row);
  return {};
}

bool JoinInputs::has_null_key(uint32_t row) const {
  for (const Column* column : keys_) {
    const Kind kind = column->kind(row);
    if (kind <= Kind::kNull || (kind == Kind::kDouble && std::isnan(column->real(row))))
      return true;
  }
  return false;
}

uint32_t JoinInputs::id(KeyDictionary& ids, uint32_t row) const {
  uint32_t id = KeyDictionary::kNone;
  ids.ids_of(keys_, {&row, 1}, &id);
  return id;
}

KeptRow JoinInputs::keep(const Batch& batch, size_t position) {
  const uint32_t row = batch.row_at(position);
  return batch.input == 0 ? left_keeper_.keep(batch, row) : right_.keep(batch, row);
}

}  // namespace streamflow
