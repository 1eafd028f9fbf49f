#include "operators/aggregate/stored_cell.h"

namespace streamflow {
namespace {

bool has_text(Kind kind) {
  return kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kList || kind == Kind::kMap;
}

int family(Kind kind) {
  if (is_number(kind)) return 1;
  switch (kind) {
    case Kind::kBool:
      return 0;
    case Kind::kTimestamp:
      return 2;
    case Kind::kDuration:
      return 3;
    case Kind::kString:
      return 4;
    default:
      return 5;
  }
}

template <class T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

}  // namespace

StoredCell& StoredCell::operator=(const StoredCell& other) {
  if (this == &other) return *this;
  kind_ = other.kind_;
  word_ = other.word_;
  if (!has_text(kind_)) return *this;
  if (text_) {
    *text_ = other.text();
  } else {
    text_ = std::make_unique<std::string>(other.text());
  }
  return *this;
}

void StoredCell::set(const Column& column, uint32_t row) {
  kind_ = column.kind(row);
  if (kind_ <= Kind::kNull) return;
  if (!has_text(kind_)) {
    word_ = column.bits(row);
  } else if (text_) {
    *text_ = column.text(row);
  } else {
    text_ = std::make_unique<std::string>(column.text(row));
  }
}

void StoredCell::write(Column& out, uint32_t row) const {
  if (kind_ <= Kind::kNull) {
    out.set_null(row);
  } else if (has_text(kind_)) {
    out.set_text(row, kind_, out.keep(text()));
  } else if (kind_ == Kind::kDouble) {
    out.set_real(row, std::bit_cast<double>(word_));
  } else {
    out.set_word(row, kind_, word_);
  }
}

int StoredCell::compare(Kind kind, uint64_t bits, std::string_view text_of) const {
  if (const int order = three_way(family(kind_), family(kind)); order != 0) return order;
  if (is_number(kind_)) {
    const int order = compare_numbers(kind_, word_, kind, bits);
    return order != 0 ? order : three_way(kind_, kind);
  }
  if (has_text(kind_)) return three_way(text(), text_of);
  return three_way(static_cast<int64_t>(word_), static_cast<int64_t>(bits));
}

int StoredCell::compare(const StoredCell& other) const {
  return compare(other.kind_, other.word_, other.text());
}

int StoredCell::compare(const Column& column, uint32_t row) const {
  const Kind kind = column.kind(row);
  return has_text(kind) ? compare(kind, 0, column.text(row)) : compare(kind, column.bits(row), {});
}

void StoredCell::save(std::string& out) const {
  out.push_back(static_cast<char>(kind_));
  if (kind_ <= Kind::kNull) return;
  if (has_text(kind_)) {
    save_text(text(), out);
  } else {
    save_word(word_, out);
  }
}

void StoredCell::load(StateReader& in) {
  const unsigned char kind = in.byte();
  if (kind > static_cast<unsigned char>(Kind::kMap)) {
    in.fail();
    return;
  }
  kind_ = static_cast<Kind>(kind);
  if (kind_ <= Kind::kNull) return;
  if (has_text(kind_)) {
    text_ = std::make_unique<std::string>(in.text());
  } else {
    word_ = in.word();
  }
}

}  // namespace streamflow
