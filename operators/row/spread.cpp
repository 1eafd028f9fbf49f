#include "operators/row/spread.h"

#include <algorithm>
#include <cstring>

#include "core/decode/json.h"
#include "core/decode/json_cell.h"

namespace streamflow {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

const char* past_string(const char* at) {
  for (++at; *at != '"'; ++at)
    if (*at == '\\') ++at;
  return at + 1;
}

const char* past_nested(const char* at) {
  unsigned depth = 0;
  for (;; ++at) {
    if (*at == '"') {
      at = past_string(at) - 1;
    } else if (*at == '[' || *at == '{') {
      ++depth;
    } else if ((*at == ']' || *at == '}') && --depth == 0) {
      return at + 1;
    }
  }
}

std::string member_name(std::string_view written) {
  if (written.find('\\') == std::string_view::npos) return std::string(written);
  std::string name;
  unescape_json_string(written.data() - 1, written.data() + written.size() + 1, name);
  return name;
}

ColumnPtr gather(const ColumnPtr& column, std::span<const uint32_t> rows) {
  for (const uint32_t row : rows) {
    const Selection only = {row};
    column->decode(&only);
  }
  return Column::gather(column, rows);
}

std::shared_ptr<const Times> gather(const std::shared_ptr<const Times>& times,
                                    std::span<const uint32_t> rows) {
  if (!times) return nullptr;
  auto picked = std::make_shared<Times>();
  for (const uint32_t row : rows) picked->push_back((*times)[row]);
  return picked;
}

}  // namespace

bool JsonElements::next() {
  while (is_blank(*at_) || *at_ == ',') ++at_;
  if (*at_ == ']') return false;
  const char* const begin = at_;
  if (*at_ == '"') {
    at_ = past_string(at_);
  } else if (*at_ == '[' || *at_ == '{') {
    at_ = past_nested(at_);
  } else {
    while (*at_ != ',' && *at_ != ']' && !is_blank(*at_)) ++at_;
  }
  value = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

// Of parts of one name the last counts, where the first stands.
void Spread::put(Names& names, std::vector<std::string_view>& values, std::string name,
                 std::string_view value) const {
  const auto known = std::find(names.begin(), names.end(), name);
  if (known != names.end()) {
    values[static_cast<size_t>(known - names.begin())] = value;
    return;
  }
  names.push_back(std::move(name));
  values.push_back(value);
}

void Spread::add(uint32_t row, const Names& names, const std::vector<std::string_view>& values,
                 bool members) {
  if (rows_.size() == kBatchRowsMax || (!rows_.empty() && (names != names_ || members != members_)))
    flush();
  if (rows_.empty()) {
    names_ = names;
    members_ = members;
    cells_.assign(names.size(), {});
  }
  rows_.push_back(row);
  for (size_t i = 0; i < values.size(); ++i) add_cell(i, values[i]);
}

void Spread::add_cell(size_t column, std::string_view json) {
  const auto begin = static_cast<uint32_t>(json_.size());
  json_ += json;
  cells_[column].push_back({begin, static_cast<uint32_t>(json_.size())});
  json_ += '\n';
}

void Spread::add_value(uint32_t row, const std::string& name, std::string_view json,
                       const Extra& extra) {
  Names names = {name};
  std::vector<std::string_view> values = {json};
  if (!extra.name.empty()) put(names, values, extra.name, extra.json);
  add(row, names, values, false);
}

void Spread::add_unchanged(uint32_t row) { add(row, {}, {}, false); }

void Spread::add_members(uint32_t row, std::string_view object, const Extra& extra) {
  Names names;
  std::vector<std::string_view> values;
  JsonMembers walk(object);
  while (walk.next()) put(names, values, member_name(walk.key), walk.value);
  if (!extra.name.empty()) put(names, values, extra.name, extra.json);
  add(row, names, values, true);
}

// The batch's rows, some perhaps several times.
Batch Spread::gathered() const {
  Batch made;
  made.rows = rows_.size();
  made.time = gather(batch_.time, rows_);
  made.watermark = gather(batch_.watermark, rows_);
  made.arrival = gather(batch_.arrival, rows_);
  made.watermark_after =
      made.watermark ? std::max(made.watermark->back(), kTimeMin) : batch_.watermark_after;
  made.stream_start = batch_.stream_start;
  made.input = batch_.input;
  made.dropped = batch_.dropped;
  for (const NamedColumn& c : batch_.columns)
    made.columns.push_back({c.name, gather(c.column, rows_), c.original});
  for (const NamedColumn& c : batch_.meta)
    made.meta.push_back({c.name, gather(c.column, rows_), c.original});
  if (batch_.origin) {
    auto origin = std::make_shared<Origin>();
    origin->block = batch_.origin->block;
    origin->one_line = batch_.origin->one_line;
    for (const uint32_t row : rows_) origin->rows.push_back(batch_.origin->rows[row]);
    made.origin = std::move(origin);
  }
  return made;
}

void Spread::flush() {
  if (rows_.empty()) return;
  Batch made = gathered();
  auto block = std::make_shared<Block>(json_.size());
  std::memcpy(block->data.get(), json_.data(), json_.size());
  block->size = json_.size();
  const bool replaced = std::find(names_.begin(), names_.end(), field_) != names_.end();
  if (members_ && drops_ && !replaced) made.drop(field_);
  for (size_t i = 0; i < names_.size(); ++i)
    made.set(names_[i], std::make_shared<Column>(block, std::move(cells_[i])));
  sent_ += made.rows;
  rows_.clear();
  json_.clear();
  out_.emit(std::move(made));
}

}  // namespace streamflow
