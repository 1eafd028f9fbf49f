#include "core/decode/text_rows.h"

#include <cstring>
#include <utility>

namespace streamflow {

void TextRows::set_columns(std::vector<std::string> names) {
  cells_.clear();
  for (std::string& name : names) {
    cells_.emplace_back().name = std::move(name);
    cells_.back().tokens.resize(1);
  }
  json_.clear();
  row_begin_ = rows_ = 0;
  frames_.clear();
}

void TextRows::add_json(size_t column, std::string_view token) {
  const auto begin = static_cast<uint32_t>(json_.size());
  json_ += token;
  cells_[column].tokens[rows_] = {begin, static_cast<uint32_t>(json_.size())};
}

void TextRows::add_string(size_t column, std::string_view text) {
  const auto begin = static_cast<uint32_t>(json_.size());
  append_json_string(text, json_);
  cells_[column].tokens[rows_] = {begin, static_cast<uint32_t>(json_.size())};
}

void TextRows::add_word(size_t column, Kind kind, int64_t bits) {
  Cells& cells = cells_[column];
  cells.word_kind = kind;
  cells.words.resize(rows_ + 1);
  cells.words[rows_] = bits;
  add_json(column, "0");  // not missing
}

void TextRows::end_row(DecoderOutput& out) {
  ++rows_;
  for (Cells& cells : cells_) cells.tokens.emplace_back();
  row_begin_ = json_.size();
  if (rows_ == kBatchRowsMax) send(out);
}

void TextRows::end_row(DecoderOutput& out, uint32_t frame) {
  frames_.push_back(frame);
  end_row(out);
}

void TextRows::abandon_row() {
  json_.resize(row_begin_);
  for (Cells& cells : cells_) cells.tokens[rows_] = {};
}

ColumnPtr TextRows::make_column(Cells& cells, const BlockPtr& block) const {
  cells.tokens.resize(rows_);
  if (cells.word_kind == Kind::kMissing) {
    return std::make_shared<Column>(block, std::move(cells.tokens));
  }
  auto column = std::make_shared<Column>(rows_);
  for (size_t row = 0; row < rows_; ++row) {
    const Token token = cells.tokens[row];
    if (token.begin == token.end) continue;
    if (block->data[token.begin] == 'n') {
      column->set_null(row);
    } else {
      column->set_word(row, cells.word_kind, static_cast<uint64_t>(cells.words[row]));
    }
  }
  cells.words.clear();
  return column;
}

void TextRows::send(DecoderOutput& out) {
  if (rows_ == 0) return;
  auto block = std::make_shared<Block>(json_.size());
  std::memcpy(block->data.get(), json_.data(), json_.size());
  block->size = json_.size();
  Decoded decoded;
  decoded.rows = rows_;
  for (Cells& cells : cells_) {
    decoded.columns.push_back({cells.name, make_column(cells, block), false});
    cells.tokens.assign(1, {});
  }
  decoded.frames = std::move(frames_);
  json_.clear();
  if (json_.capacity() > kKeptBytesMax) json_.shrink_to_fit();
  row_begin_ = rows_ = 0;
  frames_.clear();
  out.rows(std::move(decoded));
}

}  // namespace streamflow
