#include "operators/key_states.h"

namespace streamflow {

KeyIds::KeyIds(std::string verb, std::unique_ptr<KeyColumns> keys, size_t keys_max)
    : verb_(std::move(verb)), keys_(std::move(keys)), ids_(keys_max) {}

void KeyIds::find(const Batch& batch, size_t begin) {
  if (begin > base_ && time_ == batch.time && selected_ == batch.selected) return;
  time_ = batch.time;
  selected_ = batch.selected;
  base_ = begin;
  key_columns_ = keys_->columns(batch, begin);
  rows_.clear();
  row_ids_.assign(batch.count() - begin, KeyDictionary::kNone);
  if (!keys_->can_fail()) {
    for (size_t i = begin; i < batch.count(); ++i) rows_.push_back(batch.row_at(i));
  } else {
    for (size_t i = begin; i < batch.count(); ++i)
      if (KeyColumns::error(key_columns_, batch.row_at(i)).empty())
        rows_.push_back(batch.row_at(i));
  }
  std::vector<const Column*> plain;
  for (const ColumnPtr& column : key_columns_) plain.push_back(column.get());
  std::vector<uint32_t> found(rows_.size());
  ids_.ids_of(plain, rows_, found.data());
  keep_new();
  size_t at = 0;
  for (size_t i = begin; i < batch.count() && at < rows_.size(); ++i)
    if (batch.row_at(i) == rows_[at]) row_ids_[i - begin] = found[at++];
}

uint32_t KeyIds::at(const Batch& batch, size_t position, Emitter& out) {
  const uint32_t id = row_ids_[position - base_];
  if (id != KeyDictionary::kNone) return id;
  const uint32_t row = batch.row_at(position);
  const std::string_view error = KeyColumns::error(key_columns_, row);
  out.fail(batch, row, error.empty() ? verb_ + ": more than max_keys keys" : std::string(error));
  return id;
}

void KeyIds::release() {
  time_ = nullptr;
  selected_ = nullptr;
  key_columns_.clear();
}

uint32_t KeyIds::number(std::string_view encoding) {
  const uint32_t id = ids_.id_of(encoding);
  keep_new();
  return id;
}

// What was new is retained before it is unpinned.
void KeyIds::keep_new() {
  while (known_ < ids_.capacity()) ids_.retain(static_cast<uint32_t>(known_++));
  ids_.unpin();
}

}  // namespace streamflow
