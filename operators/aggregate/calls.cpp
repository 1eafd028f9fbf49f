#include "operators/aggregate/calls.h"

#include <algorithm>

#include "operators/expression_option.h"

namespace streamflow {

std::string signature_of(const std::vector<CallPlan>& calls) {
  std::string text;
  for (const CallPlan& call : calls) {
    text += "\n" + call.spec.function + " of " + call.text;
  }
  return text;
}

void CallInputs::evaluate(const Batch& batch, size_t begin) {
  if (time_ && begin > 0 && time_ == batch.time && selected_ == batch.selected) return;
  evaluate_keys(batch, begin);
  evaluate_calls(batch, begin, 0, calls_.size());
}

void CallInputs::evaluate_keys(const Batch& batch, size_t begin) {
  time_ = batch.time;
  selected_ = batch.selected;
  key_columns_ = plan_keys_.columns(batch, begin);
  keys_.clear();
  for (const ColumnPtr& column : key_columns_) keys_.push_back(column.get());
}

void CallInputs::evaluate_calls(const Batch& batch, size_t begin, size_t first, size_t end) {
  values_.resize(calls_.size());
  seconds_.resize(calls_.size());
  wheres_.resize(calls_.size());
  for (size_t i = first; i < end; ++i) {
    const CallPlan& call = calls_[i];
    values_[i] = call.value ? column_of(*call.value, batch, begin) : nullptr;
    seconds_[i] = call.second ? column_of(*call.second, batch, begin) : nullptr;
    wheres_[i] = call.where ? column_of(*call.where, batch, begin) : nullptr;
  }
}

void CallInputs::release() {
  time_ = nullptr;
  selected_ = nullptr;
  for (auto* columns : {&key_columns_, &values_, &seconds_, &wheres_}) columns->clear();
  keys_.clear();
}

void CallInputs::add(const Batch& batch, size_t call, Aggregate& aggregate,
                     std::span<const uint32_t> rows, std::span<const uint32_t> groups,
                     Emitter& out) {
  Contribution input{rows, groups, values_[call].get(), batch.time->data(), seconds_[call].get()};
  wrong_.clear();
  if (const Column* where = wheres_[call].get()) {
    where_rows_.clear();
    where_groups_.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      const Kind kind = where->kind(rows[i]);
      if (kind == Kind::kBool && where->bits(rows[i]) != 0) {
        where_rows_.push_back(rows[i]);
        where_groups_.push_back(groups[i]);
      } else if (kind == Kind::kError) {
        out.cell_error(batch, rows[i], where->text(rows[i]));
      }
    }
    input.rows = where_rows_;
    input.groups = where_groups_;
  }
  aggregate.add(input, wrong_);
  for (const uint32_t row : wrong_) {
    const Column* column = input.value;
    if (input.second != nullptr && input.second->kind(row) == Kind::kError) column = input.second;
    const Kind kind = column->kind(row);
    out.cell_error(batch, row,
                   kind == Kind::kError ? std::string(column->text(row))
                                        : std::string(calls_[call].kind->name) + ": cannot take " +
                                              with_article(kind));
  }
}

std::shared_ptr<Column> field_cells(const Column& column, std::span<const uint32_t> rows,
                                    std::vector<std::pair<uint32_t, std::string>>& failed) {
  auto result = std::make_shared<Column>(column.size());
  for (const uint32_t row : rows) {
    const Kind kind = column.kind(row);
    if (kind == Kind::kDouble) {
      result->set_real(row, column.real(row));
    } else if (kind > Kind::kMissing && kind <= Kind::kMap) {
      result->copy_cell(row, column, row);
    } else if (kind == Kind::kType || kind == Kind::kOptional) {
      result->set(row, column.value(row));
    } else {
      result->set_null(row);
      if (kind == Kind::kError) failed.emplace_back(row, std::string(column.text(row)));
    }
  }
  return result;
}

}  // namespace streamflow
