#include "core/json_text.h"

namespace streamflow {
void minify_json(std::string_view json, std::string& out) {
  const char* p = json.data();
  const char* const end = p + json.size();
  while (p != end) {
    const char* const run = p;
    while (p != end && !is_json_blank(*p)) p = *p == '"' ? skip_json_string(p) : p + 1;
    out.append(run, static_cast<size_t>(p - run));
    while (p != end && is_json_blank(*p)) ++p;
  }
}

}  // namespace streamflow
