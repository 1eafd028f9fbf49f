// YAML 1.2.2, chapters 7.3 (flow scalars, line folding 6.5) and 8.1 (block scalars).
#include "daemon/yaml_scalar.h"

#include <algorithm>
#include <string>

#include "core/expr/utf8.h"

namespace streamflow {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

class Walk {
 public:
  Walk(std::string_view file, size_t at, std::string_view value)
      : file_(file), at_(at), value_(value) {
    offsets_.reserve(value.size() + 1);
  }

  bool plain() {
    while (!done()) {
      if (fold()) continue;
      if (at_ >= file_.size() || file_[at_] != value_[offsets_.size()]) return false;
      take(at_++);
    }
    return true;
  }

  bool single_quoted() {
    ++at_;
    while (at_ < file_.size()) {
      if (fold()) continue;
      if (file_[at_] == '\'') {
        if (at_ + 1 >= file_.size() || file_[at_ + 1] != '\'') return close();
        if (!put("'", at_)) return false;
        at_ += 2;
      } else if (!put(file_.substr(at_, 1), at_)) {
        return false;
      } else {
        ++at_;
      }
    }
    return false;
  }

  bool double_quoted() {
    ++at_;
    while (at_ < file_.size()) {
      if (fold()) continue;
      if (file_[at_] == '"') return close();
      if (file_[at_] == '\\') {
        if (!escape()) return false;
      } else if (!put(file_.substr(at_, 1), at_)) {
        return false;
      } else {
        ++at_;
      }
    }
    return false;
  }

  bool block() {
    const bool folded = file_[at_] == '>';
    at_ = file_.find('\n', at_);
    if (at_ == std::string_view::npos) return done();
    ++at_;
    const size_t indent = block_indent();
    size_t content_end = at_;
    while (!done()) {
      if (at_ >= file_.size()) return false;
      skip_indent(indent);
      while (at_ < file_.size() && !at_break() && !done()) {
        if (!put(file_.substr(at_, 1), at_)) return false;
        content_end = ++at_;
      }
      if (done()) break;
      if (!line_breaks(folded)) return false;
    }
    at_ = content_end;
    return true;
  }

  size_t at() const { return at_; }
  bool closed() const { return closed_at_ != 0; }
  std::vector<uint32_t> take_offsets() {
    offsets_.push_back(static_cast<uint32_t>(closed_at_ != 0 ? closed_at_ : at_));
    return std::move(offsets_);
  }

 private:
  bool done() const { return offsets_.size() >= value_.size(); }
  void take(size_t offset) { offsets_.push_back(static_cast<uint32_t>(offset)); }

  // The value goes on with `bytes`, written at `offset`.
  bool put(std::string_view bytes, size_t offset) {
    if (value_.substr(offsets_.size(), bytes.size()) != bytes) return false;
    offsets_.insert(offsets_.end(), bytes.size(), static_cast<uint32_t>(offset));
    return true;
  }

  bool close() {
    closed_at_ = at_++;
    return done();
  }

  bool break_at(size_t i) const {
    return i < file_.size() &&
           (file_[i] == '\n' || (file_[i] == '\r' && i + 1 < file_.size() && file_[i + 1] == '\n'));
  }
  bool at_break() const { return break_at(at_); }

  // Blanks, line breaks and indentation: one break is a blank, n are n - 1 breaks.
  bool fold() {
    size_t next = at_;
    while (next < file_.size() && is_blank(file_[next])) ++next;
    if (!break_at(next)) return false;
    size_t breaks = 0;
    while (break_at(next)) {
      ++breaks;
      next = file_.find('\n', next) + 1;
      while (next < file_.size() && is_blank(file_[next])) ++next;
    }
    if (!put(breaks == 1 ? std::string(" ") : std::string(breaks - 1, '\n'), at_)) return false;
    at_ = next;
    return true;
  }

  bool escape() {
    const size_t begin = at_++;
    if (at_break()) {  // an escaped line break joins without a blank
      at_ = file_.find('\n', at_) + 1;
      while (at_ < file_.size() && is_blank(file_[at_])) ++at_;
      return true;
    }
    if (at_ >= file_.size()) return false;
    const char kind = file_[at_++];
    constexpr std::string_view kKinds = "0abt\tnvfre \"'\\/N_LP";
    constexpr uint32_t kMeant[] = {0,   7,   8,    9,    9,   10,   11,   12,     13,    27,
                                   ' ', '"', '\'', '\\', '/', 0x85, 0xA0, 0x2028, 0x2029};
    uint32_t meant = 0;
    if (const size_t known = kKinds.find(kind); known != std::string_view::npos) {
      meant = kMeant[known];
    } else {
      const size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
      if (digits == 0 || at_ + digits > file_.size()) return false;
      meant =
          static_cast<uint32_t>(std::stoul(std::string(file_.substr(at_, digits)), nullptr, 16));
      at_ += digits;
    }
    std::string bytes;
    expr::append_utf8(meant, bytes);
    return put(bytes, begin);
  }

  // Blanks before the first line with text, less those that belong to the value.
  size_t block_indent() const {
    size_t line = at_;
    size_t blanks = 0;
    while (line < file_.size()) {
      blanks = 0;
      while (line + blanks < file_.size() && file_[line + blanks] == ' ') ++blanks;
      if (!break_at(line + blanks)) break;
      line = file_.find('\n', line) + 1;
    }
    const size_t text = value_.find_first_not_of('\n');
    size_t own = 0;
    while (text != std::string_view::npos && text + own < value_.size() &&
           value_[text + own] == ' ') {
      ++own;
    }
    return blanks - std::min(own, blanks);
  }

  void skip_indent(size_t indent) {
    for (size_t i = 0; i < indent && at_ < file_.size() && file_[at_] == ' '; ++i) ++at_;
  }

  // At the end of a line of a block scalar: the value has a break for it, or for a folded line a
  // blank, or (before text, after a break already taken) nothing.
  bool line_breaks(bool folded) {
    const char next = value_[offsets_.size()];
    if (next == '\n') {
      take(at_);
    } else if (folded && next == ' ') {
      take(at_);
    } else if (!folded) {
      return false;
    }
    at_ = std::min(file_.find('\n', at_), file_.size());
    if (at_ < file_.size()) ++at_;
    return true;
  }

  std::string_view file_;
  size_t at_;
  std::string_view value_;
  std::vector<uint32_t> offsets_;
  size_t closed_at_ = 0;
};

}  // namespace

ScalarPlace place_scalar(std::string_view file, uint32_t begin, std::string_view value) {
  ScalarPlace place;
  const char first = begin < file.size() ? file[begin] : '\0';
  const bool indicator = first == '\'' || first == '"' || first == '|' || first == '>';
  if (!indicator && file.substr(begin, value.size()) == value) {
    place.end = begin + static_cast<uint32_t>(value.size());
    place.direct = true;
    return place;
  }
  Walk walk(file, begin, value);
  bool exact = false;
  if (first == '\'') {
    exact = walk.single_quoted();
  } else if (first == '"') {
    exact = walk.double_quoted();
  } else if (first == '|' || first == '>') {
    exact = walk.block();
  } else {
    exact = walk.plain();
  }
  if (exact) {
    place.end = static_cast<uint32_t>(walk.at());
    place.offsets = walk.take_offsets();
    return place;
  }
  place.closed = walk.closed() || (first != '\'' && first != '"');
  place.end = static_cast<uint32_t>(std::min(file.find('\n', begin), file.size()));
  place.offsets.assign(value.size(), begin);
  place.offsets.push_back(place.end);
  return place;
}

}  // namespace streamflow
