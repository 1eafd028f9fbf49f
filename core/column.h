// The cells of one field for the rows of a batch.  A cell is a value, null or missing, each with its
// own kind, so that what a mixed batch holds does not depend on its neighbours.
//
// A column that came from JSON starts as tokens (places in a block of text) and decodes a cell when
// somebody first asks for it: filters see few columns, and what a filter removed is never decoded.
// That makes reading a cache fill, so a column belongs to its loop's thread.  Nothing else about an
// emitted column ever changes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "core/value.h"

namespace streamflow {

// Text that many columns and rows point into.  Readable (not meaningful) for kBlockPadding bytes
// beyond `size`, as simdjson wants.
struct Block {
  static constexpr size_t kPadding = 64;
  std::unique_ptr<char[]> data;
  size_t capacity = 0;  // without the padding
  size_t size = 0;

  explicit Block(size_t bytes) : data(new char[bytes + kPadding]), capacity(bytes) {
    std::memset(data.get() + bytes, 0, kPadding);
  }
  std::string_view view() const { return {data.get(), size}; }
};
// Blocks and scratch memory above this are for one large message: they are let go of after it.
inline constexpr size_t kKeptBytesMax = size_t{1} << 20;

using BlockPtr = std::shared_ptr<const Block>;

struct Token {         // [begin, end) in a block; trailing white space included; empty: missing
  uint32_t begin = 0;
  uint32_t end = 0;
};

using Selection = std::vector<uint32_t>;  // row numbers, ascending
class Column;
using ColumnPtr = std::shared_ptr<const Column>;
using SelectionPtr = std::shared_ptr<const Selection>;

class Column {
 public:
  // `rows` missing cells to be set.
  explicit Column(size_t rows) : kinds_(rows, Kind::kMissing) {}
  // Computed cells that are all doubles, finite.
  Column(std::vector<Kind> kinds, std::vector<uint64_t> words)
      : kinds_(std::move(kinds)), words_(std::move(words)) {}
  // JSON cells, decoded on demand.
  Column(BlockPtr block, std::vector<Token> tokens);
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  size_t size() const { return kinds_.size(); }

  // Makes the cells of these rows (all rows: nullptr) readable.  Call once per batch and step, before
  // the accessors below.
  void decode(const Selection* rows) const;

  Kind kind(size_t row) const { return kinds_[row]; }
  uint64_t bits(size_t row) const { return words_[row]; }
  double real(size_t row) const { return std::bit_cast<double>(words_[row]); }  // kDouble
  double number(size_t row) const {                                             // any number
    const Kind k = kinds_[row];
    if (k == Kind::kDouble) return real(row);
    if (k == Kind::kInt) return static_cast<double>(static_cast<int64_t>(words_[row]));
    return static_cast<double>(words_[row]);
  }
  // string, bytes; the JSON text of a list or map.
  std::string_view text(size_t row) const { return texts_[row]; }
  Value value(size_t row) const;  // borrows strings; lists and maps are parsed

  std::span<const Kind> kinds() const { return kinds_; }
  const uint64_t* words() const { return words_.data(); }
  const std::string_view* texts() const { return texts_.data(); }

  // The original JSON text of a cell, empty where the column was computed or the cell is missing.
  // What passes unchanged is written as this.
  bool has_tokens() const { return !tokens_.empty(); }
  std::string_view token(size_t row) const;
  // The same for whoever copies many: the places, and the text (padded, see Block) they count from.
  const Token* tokens() const { return tokens_.data(); }  // has_tokens()
  const char* token_text() const { return block_->data.get(); }
  const BlockPtr& block() const { return block_; }

  // --- for whoever fills a new column, before it is emitted ---
  void set(size_t row, const Value& value);
  void set_null(size_t row) { kinds_[row] = Kind::kNull; }
  void set_missing(size_t row) { kinds_[row] = Kind::kMissing; }
  void set_word(size_t row, Kind kind, uint64_t bits) {
    if (words_.empty()) words_.resize(kinds_.size());
    kinds_[row] = kind;
    words_[row] = bits;
  }
  void set_bool(size_t row, bool b) { set_word(row, Kind::kBool, b ? 1 : 0); }
  void set_int(size_t row, int64_t i) { set_word(row, Kind::kInt, static_cast<uint64_t>(i)); }
  // A field never holds infinity or NaN: they become null.
  void set_real(size_t row, double d);
  void set_timestamp(size_t row, Micros t) {
    set_word(row, Kind::kTimestamp, static_cast<uint64_t>(t));
  }
  // `text` must outlive the column: text of `keep`, or of a block given to `hold`.
  void set_text(size_t row, Kind kind, std::string_view text) {
    if (texts_.empty()) texts_.resize(kinds_.size());
    kinds_[row] = kind;
    texts_[row] = text;
  }
  void set_string(size_t row, std::string_view text) { set_text(row, Kind::kString, keep(text)); }
  void append_missing() ;                                 // one row more
  std::string_view keep(std::string_view text) const;     // copies into the column's own arena
  void hold(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  // A column of these rows of another, cells in their order: what is not set anew keeps its text.
  static std::shared_ptr<Column> gather(const ColumnPtr& from, std::span<const uint32_t> rows);
  static std::shared_ptr<Column> copy_of(const ColumnPtr& from);
  // Before a cell of such a column is set: its text no longer stands for it.
  void forget_text(size_t row) {
    if (!tokens_.empty()) tokens_[row] = {};
  }
  // Takes the value of one cell of another column (decoded there).
  void copy_cell(size_t row, const Column& from, size_t from_row);

 private:
  void decode_cell(size_t row) const;
  void decode_text(size_t row, const char* begin, const char* end) const;
  void decode_other(size_t row, const char* begin, const char* end) const;

  mutable std::vector<Kind> kinds_;
  mutable std::vector<uint64_t> words_;             // bool int uint double timestamp duration
  mutable std::vector<std::string_view> texts_;     // string bytes list map error
  mutable std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_;
  mutable bool all_decoded_ = true;
  BlockPtr block_;
  std::vector<Token> tokens_;
  std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace streamflow
