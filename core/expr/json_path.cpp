#include "core/expr/json_path.h"

#include <cstring>

namespace streamflow::expr {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool done() {
    blanks();
    return at_ == text_.size();
  }

  // The text between quotes; false where it has escapes or does not end.
  bool plain_string(std::string_view& out) {
    if (!take('"')) return false;
    const void* end = std::memchr(text_.data() + at_, '"', text_.size() - at_);
    if (!end) return false;
    const auto size = static_cast<size_t>(static_cast<const char*>(end) - text_.data()) - at_;
    out = text_.substr(at_, size);
    at_ += size + 1;
    return out.find('\\') == std::string_view::npos;
  }

  // Passes over one value.
  bool value(std::string_view& out) {
    blanks();
    const size_t begin = at_;
    size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) return false;
        if (depth == 0) break;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) break;
    }
    out = text_.substr(begin, at_ - begin);
    return depth == 0 && !out.empty();
  }

 private:
  void blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string_view> find_member(std::string_view object, std::string_view name) {
  Scanner scanner(object);
  std::string_view found;
  if (!scanner.take('{')) return {};
  if (scanner.take('}')) return scanner.done() ? std::optional(found) : std::nullopt;
  do {
    std::string_view key, value;
    if (!scanner.plain_string(key) || !scanner.take(':') || !scanner.value(value)) return {};
    if (key == name) found = value;
  } while (scanner.take(','));
  if (!scanner.take('}') || !scanner.done()) return {};
  return found;
}

}  // namespace streamflow::expr
