#include "connectors/file/csv_writer.h"

#include <algorithm>

#include "core/decode/csv_record.h"
#include "core/decode/json.h"

namespace streamflow::file {
namespace {

constexpr char kDelimiter = ',';

void append_line(const std::vector<std::string>& cells, std::string& out) {
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += kDelimiter;
    append_csv_cell(cells[i], kDelimiter, out);
  }
  out += '\n';
}

bool is_missing(const Column& column, uint32_t row) {
  if (!column.token(row).empty()) return false;
  return column.kind(row) == Kind::kMissing || column.kind(row) == Kind::kPending;
}

}  // namespace

bool CsvWriter::take_header(std::string_view text) {
  std::vector<CsvCell> cells;
  if (text.empty() || read_csv_record(text, kDelimiter, cells) != CsvRead::kRecord) return false;
  names_.clear();
  for (const CsvCell& cell : cells) undouble(cell.text, names_.emplace_back());
  return true;
}

bool CsvWriter::make_header(const Batch& batch, uint32_t row, std::string& out) {
  Batch record = batch;
  record.selected = std::make_shared<const Selection>(Selection{row});
  names_ = record_fields(record);
  bound_ = 0;
  if (names_.empty()) return false;
  append_line(names_, out);
  return true;
}

bool CsvWriter::knows(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

void CsvWriter::bind(const Batch& batch, uint64_t number) {
  if (bound_ == number) return;
  bound_ = number;
  batch_ = &batch;
  columns_.clear();
  other_columns_.clear();
  for (const std::string& name : names_) columns_.push_back(batch.field(name));
  for (const NamedColumn& c : batch.columns) {
    if (!(batch.origin && c.original) && !knows(c.name)) other_columns_.push_back(&c);
  }
}

bool CsvWriter::has_other_field(uint32_t row, std::string& reason) const {
  std::string name;
  for (const NamedColumn* other : other_columns_) {
    if (name.empty() && !is_missing(*other->column, row)) name = other->name;
  }
  if (name.empty() && batch_->origin) {
    const auto is_known = [this](std::string_view key) {
      const auto is_key = [key](std::string_view field) { return json_key_is(key, field); };
      if (std::any_of(names_.begin(), names_.end(), is_key)) return true;
      const auto& dropped = batch_->dropped;
      return dropped && std::any_of(dropped->begin(), dropped->end(), is_key);
    };
    JsonMembers members(batch_->origin->text(row));
    while (name.empty() && members.next()) {
      if (!is_known(members.key)) name = members.key;
    }
  }
  if (name.empty()) return false;
  reason = "field '" + name + "' is not in the CSV header";
  return true;
}

bool CsvWriter::append(uint32_t row, std::string& out, std::string& reason) {
  if (has_other_field(row, reason)) return false;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += kDelimiter;
    if (!columns_[i]) continue;
    cell_.clear();
    append_cell_text(*columns_[i], row, style_, cell_);
    append_csv_cell(cell_, kDelimiter, out);
  }
  out += '\n';
  return true;
}

}  // namespace streamflow::file
