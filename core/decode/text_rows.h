// Rows of formats that are no JSON, as JSON tokens: what nobody looks at is never decoded, and
// numbers are written out as they came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/decode/decoder.h"

namespace streamflow {

class TextRows {
 public:
  // Starts over with these columns; rows that were not sent are gone.
  void set_columns(std::vector<std::string> names);
  size_t columns() const { return cells_.size(); }

  // One cell for each column, in any order; a column without a call is missing in the row.
  void add_null(size_t column) { add_json(column, "null"); }
  void add_json(size_t column, std::string_view token);   // one well-formed scalar
  void add_string(size_t column, std::string_view text);  // valid UTF-8
  // kTimestamp, kDuration or kUint: in every row of a column that has a value, or in none.
  void add_word(size_t column, Kind kind, int64_t bits);
  void end_row(DecoderOutput& out);                  // sends at kBatchRowsMax rows
  void end_row(DecoderOutput& out, uint32_t frame);  // with its message's number
  void abandon_row();
  void send(DecoderOutput& out);

 private:
  struct Cells {
    std::string name;
    std::vector<Token> tokens;
    Kind word_kind = Kind::kMissing;  // else the column has words, not tokens
    std::vector<int64_t> words;
  };
  ColumnPtr make_column(Cells& cells, const BlockPtr& block) const;

  std::vector<Cells> cells_;
  std::string json_;
  size_t row_begin_ = 0;  // in json_
  size_t rows_ = 0;
  std::vector<uint32_t> frames_;
};

}  // namespace streamflow
