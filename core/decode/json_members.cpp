#include "core/decode/json.h"
#include "core/decode/json_cell.h"
#include "core/json_text.h"

namespace streamflow {
namespace {

const char* skip_blanks(const char* p) {
  while (is_json_blank(*p)) ++p;
  return p;
}

const char* skip_value(const char* p) {
  if (*p == '"') return skip_json_string(p);
  if (*p != '{' && *p != '[') {
    while (*p != ',' && *p != '}' && *p != ']' && !is_json_blank(*p)) ++p;
    return p;
  }
  int depth = 0;
  do {
    if (*p == '"') {
      p = skip_json_string(p);
      continue;
    }
    if (*p == '{' || *p == '[') ++depth;
    if (*p == '}' || *p == ']') --depth;
    ++p;
  } while (depth != 0);
  return p;
}

}  // namespace

bool JsonMembers::next() {
  const char* p = skip_blanks(at_);
  if (*p == ',') p = skip_blanks(p + 1);
  if (*p == '}') return false;
  const char* end = skip_json_string(p);
  key = {p + 1, static_cast<size_t>(end - p - 2)};
  p = skip_blanks(skip_blanks(end) + 1);
  at_ = skip_value(p);
  value = {p, static_cast<size_t>(at_ - p)};
  return true;
}

bool json_key_is(std::string_view written_key, std::string_view name) {
  if (written_key == name) return true;
  if (written_key.find('\\') == std::string_view::npos) return false;
  const std::string quoted = '"' + std::string(written_key) + '"';
  std::string unescaped;
  unescape_json_string(quoted.data(), quoted.data() + quoted.size(), unescaped);
  return unescaped == name;
}

ColumnPtr read_member(const std::shared_ptr<const Origin>& origin, std::string_view name) {
  std::vector<Token> tokens(origin->rows.size());
  const char* base = origin->block->data.get();
  for (size_t row = 0; row < tokens.size(); ++row) {
    JsonMembers members(origin->text(row));
    while (members.next()) {
      if (!json_key_is(members.key, name)) continue;
      const auto begin = static_cast<uint32_t>(members.value.data() - base);
      tokens[row] = {begin, begin + static_cast<uint32_t>(members.value.size())};
    }
  }
  return std::make_shared<Column>(origin->block, std::move(tokens));
}

}  // namespace streamflow
