#include "core/expr/search.h"

#include <string.h>  // memmem

#include <cstdint>
#include <vector>

namespace streamflow::expr {
namespace {

constexpr size_t kNone = std::string_view::npos;

// Knuth, Morris and Pratt, SIAM J. Comput. 6 (1977), from the end to the beginning: `border[i]` is
// how much of the last i + 1 characters of the part is kept when the next does not fit.
size_t search_backwards(std::string_view text, std::string_view part) {
  const size_t size = part.size();
  const auto from_end = [](std::string_view of, size_t i) { return of[of.size() - 1 - i]; };
  std::vector<uint32_t> border(size, 0);
  for (size_t i = 1, kept = 0; i < size; ++i) {
    while (kept > 0 && from_end(part, i) != from_end(part, kept)) kept = border[kept - 1];
    if (from_end(part, i) == from_end(part, kept)) ++kept;
    border[i] = static_cast<uint32_t>(kept);
  }
  for (size_t i = 0, kept = 0; i < text.size(); ++i) {
    while (kept > 0 && from_end(text, i) != from_end(part, kept)) kept = border[kept - 1];
    if (from_end(text, i) == from_end(part, kept)) ++kept;
    if (kept == size) return text.size() - 1 - i;
  }
  return kNone;
}

}  // namespace

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size() || part.empty()) return from > text.size() ? kNone : from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : kNone;
}

size_t find_text_last(std::string_view text, std::string_view part, size_t from) {
  constexpr size_t kShort = 32;  // the product is small enough, and nothing is prepared
  if (part.size() <= kShort) return text.rfind(part, from);
  if (from < text.size() && text.size() - from > part.size())
    text = text.substr(0, from + part.size());
  return search_backwards(text, part);
}

}  // namespace streamflow::expr
