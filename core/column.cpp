#include "core/column.h"

#include <cmath>
#include <cstring>

#include "core/decode/json_cell.h"

namespace streamflow {

Column::Column(BlockPtr block, std::vector<Token> tokens)
    : kinds_(tokens.size(), Kind::kPending),
      all_decoded_(false),
      block_(std::move(block)),
      tokens_(std::move(tokens)) {}

std::string_view Column::keep(std::string_view text) const {
  if (text.empty()) return {"", 0};
  if (!arena_) arena_ = std::make_unique<std::pmr::monotonic_buffer_resource>(1024);
  char* copy = static_cast<char*>(arena_->allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

inline void Column::decode_cell(size_t row) const {
  const Token token = tokens_[row];
  const char* const begin = block_->data.get() + token.begin;
  const char* const end = block_->data.get() + token.end;
  if (begin == end) {
    kinds_[row] = Kind::kMissing;
    return;
  }
  const char first = *begin;
  if (first == '"') {
    decode_text(row, begin, end);
  } else if (first > '9' || !decode_padded_number(begin, end, kinds_[row], words_[row])) {
    decode_other(row, begin, end);
  }
}

void Column::decode_text(size_t row, const char* begin, const char* end) const {
  if (texts_.empty()) texts_.resize(kinds_.size());
  std::string_view text;
  if (!plain_json_string(begin, end, text)) {
    std::string unescaped;
    unescape_json_string(begin, end, unescaped);
    text = keep(unescaped);
  }
  kinds_[row] = Kind::kString;
  texts_[row] = text;
}

void Column::decode_other(size_t row, const char* begin, const char* end) const {
  JsonCell cell;
  decode_json_scalar(begin, end, cell);
  kinds_[row] = cell.kind;
  words_[row] = cell.bits;
  if (cell.kind != Kind::kList && cell.kind != Kind::kMap) return;
  if (texts_.empty()) texts_.resize(kinds_.size());
  texts_[row] = trim_json(begin, end);
}

void Column::decode(const Selection* rows) const {
  if (all_decoded_) return;
  if (words_.empty()) words_.resize(kinds_.size());
  if (rows == nullptr) {
    for (size_t i = 0; i < kinds_.size(); ++i)
      if (kinds_[i] == Kind::kPending) decode_cell(i);
    all_decoded_ = true;
    return;
  }
  for (const uint32_t i : *rows)
    if (kinds_[i] == Kind::kPending) decode_cell(i);
}

std::string_view Column::token(size_t row) const {
  if (tokens_.empty()) return {};
  const Token token = tokens_[row];
  if (token.begin == token.end) return {};
  const char* base = block_->data.get();
  return trim_json(base + token.begin, base + token.end);
}

Value Column::value(size_t row) const {
  switch (kinds_[row]) {
    case Kind::kMissing:
    case Kind::kPending:
      return {};
    case Kind::kNull:
      return Value::null();
    case Kind::kBool:
      return Value::boolean(words_[row] != 0);
    case Kind::kInt:
      return Value::integer(static_cast<int64_t>(words_[row]));
    case Kind::kUint:
      return Value::unsigned_integer(words_[row]);
    case Kind::kDouble:
      return Value::real(real(row));
    case Kind::kTimestamp:
      return Value::timestamp(static_cast<Micros>(words_[row]));
    case Kind::kDuration:
      return Value::duration(static_cast<Micros>(words_[row]));
    case Kind::kString:
      return Value::borrowed(texts_[row]);
    case Kind::kBytes:
      return Value::borrowed_bytes(texts_[row]);
    case Kind::kError:
      return Value::error(std::string(texts_[row]));
    default:
      return parse_json(texts_[row]);
  }
}

void Column::set_real(size_t row, double d) {
  if (!std::isfinite(d)) {
    kinds_[row] = Kind::kNull;
    return;
  }
  set_word(row, Kind::kDouble, std::bit_cast<uint64_t>(d));
}

void Column::set(size_t row, const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNull:
    case Kind::kPending:
      kinds_[row] = value.is(Kind::kPending) ? Kind::kMissing : value.kind();
      return;
    case Kind::kDouble:
      set_real(row, value.as_double());
      return;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kTimestamp:
    case Kind::kDuration:
      set_word(row, value.kind(), value.bits());
      return;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kError:
    case Kind::kType:
      set_text(row, value.is(Kind::kType) ? Kind::kString : value.kind(), keep(value.text()));
      return;
    case Kind::kOptional:
      set(row, value.inner().is(Kind::kMissing) ? Value::null() : value.inner());
      return;
    case Kind::kList:
    case Kind::kMap: {
      std::string json;
      append_json(value, json);
      set_text(row, value.kind(), keep(json));
      return;
    }
  }
}

namespace {

template <class T>
std::vector<T> picked(const std::vector<T>& from, std::span<const uint32_t> rows) {
  std::vector<T> out;
  if (from.empty()) return out;
  out.reserve(rows.size());
  for (const uint32_t row : rows) out.push_back(from[row]);
  return out;
}

}  // namespace

std::shared_ptr<Column> Column::gather(const ColumnPtr& from, std::span<const uint32_t> rows) {
  auto column = std::make_shared<Column>(0);
  column->kinds_ = picked(from->kinds_, rows);
  column->words_ = picked(from->words_, rows);
  column->texts_ = picked(from->texts_, rows);
  column->tokens_ = picked(from->tokens_, rows);
  column->all_decoded_ = from->all_decoded_;
  column->block_ = from->block_;
  column->hold(from);  // texts are in its arena
  return column;
}

std::shared_ptr<Column> Column::copy_of(const ColumnPtr& from) {
  auto column = std::make_shared<Column>(0);
  column->kinds_ = from->kinds_;
  column->words_ = from->words_;
  column->texts_ = from->texts_;
  column->tokens_ = from->tokens_;
  column->all_decoded_ = from->all_decoded_;
  column->block_ = from->block_;
  column->hold(from);
  return column;
}

void Column::append_missing() {
  kinds_.push_back(Kind::kMissing);
  if (!words_.empty()) words_.push_back(0);
  if (!texts_.empty()) texts_.emplace_back();
}

void Column::copy_cell(size_t row, const Column& from, size_t from_row) {
  const Kind kind = from.kind(from_row);
  switch (kind) {
    case Kind::kMissing:
    case Kind::kNull:
    case Kind::kPending:
      kinds_[row] = kind == Kind::kPending ? Kind::kMissing : kind;
      return;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kError:
    case Kind::kList:
    case Kind::kMap:
      set_text(row, kind, keep(from.text(from_row)));
      return;
    default:
      set_word(row, kind, from.bits(from_row));
  }
}

}  // namespace streamflow
