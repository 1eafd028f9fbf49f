#include "operators/join/right_rows.h"

#include <algorithm>

#include "core/decode/json.h"
#include "core/decode/json_cell.h"
#include "operators/expression_option.h"

namespace streamflow {
namespace {

constexpr std::string_view kHidden = "\x01key";

bool is_key(const JoinPlan& plan, std::string_view name) {
  return std::any_of(plan.keys.begin(), plan.keys.end(),
                     [name](const JoinKey& key) { return key.right_name == name; });
}

bool is_field_value(const Column& column, uint32_t row) {
  const Kind kind = column.kind(row);
  return kind <= Kind::kMap &&
         !(kind == Kind::kDouble && !(column.real(row) - column.real(row) == 0));
}

}  // namespace

std::string hidden_key_name(size_t i) { return std::string(kHidden) + std::to_string(i); }
bool is_hidden_key(std::string_view name) { return name.starts_with(kHidden); }

void RightRows::take(const Batch& batch, size_t begin, const std::vector<ColumnPtr>& keys,
                     Emitter& out) {
  names_.clear();
  columns_.clear();
  raw_.clear();
  layout_ = nullptr;
  hidden_.clear();
  if (plan_.how == JoinHow::kOuter)
    for (size_t i = 0; i < keys.size(); ++i)
      hidden_.push_back({hidden_key_name(i), keys[i], false});
  open_ = plan_.take_all && batch.origin != nullptr;
  if (open_) return;
  if (!plan_.take_all) {
    compute(batch, begin, out);
  } else {
    for (const NamedColumn& c : batch.columns) {
      if (is_key(plan_, c.name)) continue;
      c.column->decode(batch.selected.get());
      add(c.name, c.column);
    }
  }
  for (const NamedColumn& key : hidden_) add(key.name, key.column);
  set_layout(batch);
}

void RightRows::release() {
  hidden_.clear();
  columns_.clear();
  cells_.clear();
}

void RightRows::add(std::string name, ColumnPtr column) {
  names_.push_back(std::move(name));
  columns_.push_back(std::move(column));
}

// A failed cell is null and counted; no record is lost for it.
void RightRows::compute(const Batch& batch, size_t begin, Emitter& out) {
  for (const TakenField& field : plan_.take) {
    ColumnPtr column = column_of(*field.program, batch, begin);
    if (field.program->plain_field().empty()) {
      auto clean = std::make_shared<Column>(batch.rows);
      for (size_t i = begin; i < batch.count(); ++i) {
        const uint32_t row = batch.row_at(i);
        if (column->kind(row) == Kind::kError) out.cell_error(batch, row, column->text(row));
        if (column->kind(row) == Kind::kMissing || !is_field_value(*column, row)) {
          clean->set_null(row);
        } else {
          clean->copy_cell(row, *column, row);
        }
      }
      column = std::move(clean);
    }
    add(field.name, std::move(column));
  }
}

void RightRows::set_layout(const Batch& batch) {
  RowLayout layout;
  for (const std::string& name : names_) layout.fields.push_back({name, false});
  for (const NamedColumn& c : batch.meta) layout.meta.push_back(c.name);
  layout_ = keeper_.share(std::move(layout));
  cells_.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) cells_[i] = {columns_[i].get(), {}};
}

KeptRow RightRows::keep(const Batch& batch, uint32_t row) {
  if (open_) {
    const std::string_view record = batch.origin->text(row);
    if (!layout_ || !follow(record)) learn(batch, record);
  }
  return keeper_.keep(batch, row, layout_, cells_);
}

// Neighbouring records tend to have the same members in the same order: then their texts are found
// by their places.
bool RightRows::follow(std::string_view record) {
  JsonMembers walk(record);
  size_t i = 0;
  for (; walk.next(); ++i) {
    if (i == raw_.size() || raw_[i].key != walk.key) return false;
    if (raw_[i].field >= 0) cells_[static_cast<size_t>(raw_[i].field)].json = walk.value;
  }
  return i == raw_.size();
}

bool RightRows::left_out(const Batch& batch, std::string_view name) const {
  if (is_key(plan_, name)) return true;
  return batch.dropped &&
         std::find(batch.dropped->begin(), batch.dropped->end(), name) != batch.dropped->end();
}

// Fields in the order in which the record is written: its members, replaced where a step did so,
// then what steps added.  Of doubled names the first counts.
void RightRows::learn(const Batch& batch, std::string_view record) {
  raw_.clear();
  names_.clear();
  columns_.clear();
  std::vector<std::string_view> texts;
  const auto seen = [this](std::string_view name) {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  };
  JsonMembers walk(record);
  while (walk.next()) {
    std::string name(walk.key);
    if (name.find('\\') != std::string::npos) {
      name.clear();
      unescape_json_string(walk.key.data() - 1, walk.key.data() + walk.key.size() + 1, name);
    }
    raw_.push_back({std::string(walk.key), -1});
    if (left_out(batch, name) || seen(name)) continue;
    const auto column =
        std::find_if(batch.columns.begin(), batch.columns.end(),
                     [&name](const NamedColumn& c) { return !c.original && c.name == name; });
    texts.resize(names_.size() + 1);
    if (column == batch.columns.end()) {
      raw_.back().field = static_cast<int>(names_.size());
      texts.back() = walk.value;
      add(std::move(name), nullptr);
    } else {
      column->column->decode(batch.selected.get());
      add(std::move(name), column->column);
    }
  }
  for (const NamedColumn& c : batch.columns) {
    if (c.original || left_out(batch, c.name) || seen(c.name)) continue;
    c.column->decode(batch.selected.get());
    add(c.name, c.column);
  }
  for (const NamedColumn& key : hidden_) add(key.name, key.column);
  texts.resize(names_.size());
  set_layout(batch);
  for (size_t i = 0; i < texts.size(); ++i)
    if (!columns_[i]) cells_[i].json = texts[i];
}

}  // namespace streamflow
