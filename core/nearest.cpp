// Suggestions: optimal string alignment (Damerau-Levenshtein without edits inside a swapped pair;
// F. Damerau, "A technique for computer detection and correction of spelling errors", 1964).
#include <algorithm>

#include "core/diagnostic.h"
#include "core/expr/utf8.h"

namespace streamflow {
namespace {

constexpr size_t kWordMax = 100;  // code points; longer words get no suggestion

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    const expr::CodePoint c = expr::decode_utf8(text, at);
    const bool upper = c.value >= 'A' && c.value <= 'Z';
    out.push_back(static_cast<char32_t>(upper ? c.value + ('a' - 'A') : c.value));
    at += c.length;
  }
  return out;
}

size_t distance(const std::u32string& a, const std::u32string& b) {
  std::vector<size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::u32string wanted = code_points(word);
  if (wanted.empty() || wanted.size() > kWordMax) return {};
  size_t best = std::max<size_t>(1, wanted.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const std::u32string other = code_points(candidate);
    if (other.size() > wanted.size() + best || wanted.size() > other.size() + best) continue;
    const size_t apart = distance(wanted, other);
    // A word of one letter is no misspelling of another one.
    if (apart >= best || apart >= std::max(wanted.size(), other.size())) continue;
    best = apart;
    found = candidate;
  }
  return found;
}

}  // namespace streamflow
