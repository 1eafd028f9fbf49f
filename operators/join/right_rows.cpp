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

// A member of an open record: its text, or the cell of a column that replaced it.
struct RightRows::Member {
  std::string name;
  ColumnPtr owner;  // null: the text
  Token text;
};

void RightRows::take(const Batch& batch, size_t begin, const std::vector<ColumnPtr>& keys,
                     Emitter& out) {
  parts_.clear();
  part_ = 0;
  hidden_.clear();
  if (plan_.how == JoinHow::kOuter)
    for (size_t i = 0; i < keys.size(); ++i)
      hidden_.push_back({hidden_key_name(i), keys[i], false});
  if (!plan_.take_all) {
    take_computed(batch, begin, out);
  } else if (batch.origin) {
    take_members(batch, begin);
  } else {
    take_columns(batch);
  }
}

const Batch& RightRows::at(size_t position) {
  while (parts_[part_].end <= position) ++part_;
  return parts_[part_].rows;
}

Batch RightRows::bare(const Batch& batch) const {
  Batch rows = batch;
  rows.columns.clear();
  rows.origin = nullptr;
  rows.dropped = nullptr;
  return rows;
}

void RightRows::take_columns(const Batch& batch) {
  Batch rows = bare(batch);
  for (const NamedColumn& c : batch.columns)
    if (!is_key(plan_, c.name)) rows.columns.push_back(c);
  rows.columns.insert(rows.columns.end(), hidden_.begin(), hidden_.end());
  parts_.push_back({batch.count(), std::move(rows)});
}

// A failed cell is null and counted; no record is lost for it.
void RightRows::take_computed(const Batch& batch, size_t begin, Emitter& out) {
  Batch rows = bare(batch);
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
    rows.columns.push_back({field.name, std::move(column), false});
  }
  rows.columns.insert(rows.columns.end(), hidden_.begin(), hidden_.end());
  parts_.push_back({batch.count(), std::move(rows)});
}

bool RightRows::left_out(const Batch& batch, std::string_view name) const {
  if (is_key(plan_, name)) return true;
  return batch.dropped &&
         std::find(batch.dropped->begin(), batch.dropped->end(), name) != batch.dropped->end();
}

// In the order in which the record is written: its members, replaced where a step did so, then what
// steps added.  Of doubled names the first counts.
void RightRows::members_of(const Batch& batch, uint32_t row, std::vector<Member>& members,
                           std::vector<RawKey>& raw) const {
  members.clear();
  raw.clear();
  const auto seen = [&members](std::string_view name) {
    return std::any_of(members.begin(), members.end(),
                       [name](const Member& m) { return m.name == name; });
  };
  const char* const base = batch.origin->block->data.get();
  JsonMembers walk(batch.origin->text(row));
  while (walk.next()) {
    std::string name(walk.key);
    if (name.find('\\') != std::string::npos) {
      name.clear();
      unescape_json_string(walk.key.data() - 1, walk.key.data() + walk.key.size() + 1, name);
    }
    raw.push_back({std::string(walk.key), -1});
    if (left_out(batch, name) || seen(name)) continue;
    Member member{std::move(name), nullptr, {}};
    const auto column = std::find_if(
        batch.columns.begin(), batch.columns.end(),
        [&member](const NamedColumn& c) { return !c.original && c.name == member.name; });
    if (column != batch.columns.end()) {
      member.owner = column->column;
    } else {
      raw.back().member = static_cast<int>(members.size());
      const auto at = static_cast<uint32_t>(walk.value.data() - base);
      member.text = {at, at + static_cast<uint32_t>(walk.value.size())};
    }
    members.push_back(std::move(member));
  }
  for (const NamedColumn& c : batch.columns)
    if (!c.original && !left_out(batch, c.name) && !seen(c.name))
      members.push_back({c.name, c.column, {}});
}

void RightRows::take_members(const Batch& batch, size_t begin) {
  std::vector<Member> members, shape;  // of this record, of the part
  std::vector<std::vector<Token>> texts;
  std::vector<RawKey> raw;
  const auto same = [&] {
    return std::equal(
        members.begin(), members.end(), shape.begin(), shape.end(),
        [](const Member& a, const Member& b) { return a.owner == b.owner && a.name == b.name; });
  };
  const auto close = [&](size_t end) {
    Batch rows = bare(batch);
    for (size_t m = 0; m < shape.size(); ++m) {
      ColumnPtr column = shape[m].owner;
      if (!column) column = std::make_shared<Column>(batch.origin->block, std::move(texts[m]));
      rows.columns.push_back({shape[m].name, std::move(column), false});
    }
    rows.columns.insert(rows.columns.end(), hidden_.begin(), hidden_.end());
    parts_.push_back({end, std::move(rows)});
  };
  for (size_t i = begin; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    if (i != begin && follow(batch, row, raw, texts)) continue;
    members_of(batch, row, members, raw);
    if (i == begin || !same()) {
      if (i != begin) close(i);
      shape = members;
      texts.assign(shape.size(), std::vector<Token>(batch.rows));
    }
    for (size_t m = 0; m < members.size(); ++m)
      if (!members[m].owner) texts[m][row] = members[m].text;
  }
  if (begin < batch.count()) close(batch.count());
}

// Neighbouring records tend to have the same keys in the same order: then their texts stand where
// those of the last one stood.
bool RightRows::follow(const Batch& batch, uint32_t row, const std::vector<RawKey>& raw,
                       std::vector<std::vector<Token>>& texts) {
  const char* const base = batch.origin->block->data.get();
  JsonMembers walk(batch.origin->text(row));
  size_t i = 0;
  for (; walk.next(); ++i) {
    if (i == raw.size() || raw[i].key != walk.key) return false;
    if (raw[i].member < 0) continue;
    const auto at = static_cast<uint32_t>(walk.value.data() - base);
    texts[static_cast<size_t>(raw[i].member)][row] = {
        at, at + static_cast<uint32_t>(walk.value.size())};
  }
  return i == raw.size();
}

}  // namespace streamflow
