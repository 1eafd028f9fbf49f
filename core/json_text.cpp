#include "core/json_text.h"

namespace streamflow {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Behind the string that starts at the quote `p`.
const char* skip_string(const char* p, const char* end) {
  for (++p; p != end && *p != '"'; ++p) {
    if (*p == '\\' && ++p == end) return end;
  }
  return p == end ? end : p + 1;
}

}  // namespace

void minify_json(std::string_view json, std::string& out) {
  const char* p = json.data();
  const char* const end = p + json.size();
  while (p != end) {
    const char* const run = p;
    while (p != end && !is_blank(*p)) p = *p == '"' ? skip_string(p, end) : p + 1;
    out.append(run, static_cast<size_t>(p - run));
    while (p != end && is_blank(*p)) ++p;
  }
}

}  // namespace streamflow
