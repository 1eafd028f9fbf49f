#include "daemon/yaml_lines.h"

#include <algorithm>

namespace streamflow::yaml {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_space(char c) { return is_blank(c) || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
char closer_of(char opener) {
  return opener == '(' ? ')' : opener == '[' ? ']' : opener == '{' ? '}' : opener;
}

namespace {

// Whether a quote at `at` starts a text of an expression, not an apostrophe inside a word.
bool opens_quote(std::string_view text, size_t at) {
  return (text[at] == '\'' || text[at] == '"') && (at == 0 || !is_word(text[at - 1]));
}

size_t comment_start(std::string_view text, Range range) {
  char quote = 0;
  for (size_t at = range.begin; at < range.end; ++at) {
    if (quote != 0) {
      if (text[at] == quote) quote = 0;
    } else if (opens_quote(text, at)) {
      quote = text[at];
    } else if (text[at] == '#' && at > range.begin && is_blank(text[at - 1])) {
      return at;
    }
  }
  return range.end;
}

}  // namespace

size_t quoted_end(std::string_view text, size_t begin) {
  const char quote = text[begin];
  for (size_t at = begin + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '\'' && at + 1 < text.size() && text[at + 1] == '\'') {
        ++at;
      } else {
        return at + 1;
      }
    }
  }
  return std::string_view::npos;
}

LineParts parts_of(std::string_view text, size_t offset) {
  LineParts parts;
  offset = std::min(offset, text.size());
  const size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  parts.line.begin = before == std::string_view::npos ? 0 : before + 1;
  parts.line.end = std::min(text.find('\n', offset), text.size());
  if (parts.line.end > parts.line.begin && text[parts.line.end - 1] == '\r') --parts.line.end;
  const auto skip = [&](size_t at) {
    while (at < parts.line.end && is_blank(text[at])) ++at;
    return at;
  };
  parts.content = parts.item = skip(parts.line.begin);
  while (parts.item + 1 < parts.line.end && text[parts.item] == '-' &&
         is_blank(text[parts.item + 1])) {
    parts.item = skip(parts.item + 1);
  }
  size_t value = parts.item;
  const char first = value < parts.line.end ? text[value] : '\0';
  const bool flow = first == '{' || first == '[';
  const size_t from = first == '"' || first == '\'' ? quoted_end(text, value) : value;
  for (size_t at = from; !flow && at < parts.line.end; ++at) {
    if (text[at] == ':' && (at + 1 == parts.line.end || is_blank(text[at + 1]))) {
      parts.key = {parts.item, at};
      value = skip(at + 1);
      break;
    }
  }
  parts.value = {value, comment_start(text, {value, parts.line.end})};
  while (parts.value.end > parts.value.begin && is_blank(text[parts.value.end - 1])) {
    --parts.value.end;
  }
  return parts;
}

std::optional<LineParts> line_before(std::string_view text, const LineParts& line) {
  for (size_t at = line.line.begin; at > 0;) {
    const LineParts before = parts_of(text, at - 1);
    if (before.content < before.line.end && text[before.content] != '#') return before;
    at = before.line.begin;
  }
  return {};
}

Outline outline_of(std::string_view text, size_t upto) {
  Outline outline;
  bool value_start = true;
  size_t block_indent = std::string_view::npos;  // inside a block scalar: of the line that began it
  size_t line_begin = 0;
  for (size_t at = 0; at < upto; ++at) {
    const char c = text[at];
    if (at == line_begin) {
      const LineParts parts = parts_of(text, at);
      const bool blank = parts.content == parts.line.end;
      const size_t indent = parts.content - at;
      if (block_indent != std::string_view::npos && !blank && indent <= block_indent) {
        block_indent = std::string_view::npos;
      }
      if (block_indent != std::string_view::npos || blank) {
        at = std::min(text.find('\n', at), text.size());
        line_begin = at + 1;
        continue;
      }
      const char first = parts.value.begin < parts.value.end ? text[parts.value.begin] : '\0';
      const bool block = outline.open.empty() && (first == '|' || first == '>');
      if (block && parts.value.end - parts.value.begin <= 3) block_indent = indent;
    }
    if (c == '\n') {
      line_begin = at + 1;
      value_start = true;
    } else if (c == '#' && (at == 0 || value_start || is_space(text[at - 1]))) {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (value_start && (c == '"' || c == '\'')) {
      const size_t end = quoted_end(text, at);
      outline.quoted.push_back({at, end});
      if (end == std::string_view::npos) return outline;
      at = end - 1;
      value_start = false;
    } else if ((c == '[' || c == '{') && (value_start || !outline.open.empty())) {
      outline.open.push_back(at);
      value_start = true;
    } else if ((c == ']' || c == '}') && !outline.open.empty()) {
      if (closer_of(text[outline.open.back()]) != c) return outline;
      outline.open.pop_back();
      value_start = false;
    } else if (!is_blank(c)) {
      const bool blank_next = at + 1 >= text.size() || is_space(text[at + 1]);
      value_start =
          ((c == ':' || c == '-' || c == '?') && blank_next) || (c == ',' && !outline.open.empty());
    }
  }
  return outline;
}

size_t flow_end(std::string_view text, size_t begin) {
  std::vector<char> open;
  for (size_t at = begin; at < text.size(); ++at) {
    const char c = text[at];
    if (opens_quote(text, at)) {
      const size_t end = quoted_end(text, at);
      if (end == std::string_view::npos) return end;
      at = end - 1;
    } else if (c == '[' || c == '{' || c == '(') {
      open.push_back(closer_of(c));
    } else if (c == ']' || c == '}' || c == ')') {
      if (open.empty() || open.back() != c) return std::string_view::npos;
      open.pop_back();
      if (open.empty()) return at + 1;
    }
  }
  return std::string_view::npos;
}

char open_piece(std::string_view piece) {
  std::vector<char> open;
  for (size_t at = 0; at < piece.size(); ++at) {
    const char c = piece[at];
    if (opens_quote(piece, at)) {
      size_t end = at + 1;
      while (end < piece.size() && piece[end] != c) end += piece[end] == '\\' ? 2 : 1;
      if (end >= piece.size()) return c;
      at = end;
    } else if (c == '(' || c == '[' || c == '{') {
      open.push_back(c);
    } else if (!open.empty() && c == closer_of(open.back())) {
      open.pop_back();
    }
  }
  return open.empty() ? '\0' : open.back();
}

size_t expression_end(std::string_view text, size_t begin) {
  std::vector<char> open;
  text = text.substr(0, std::min(text.size(), begin + kExpressionBytesMax));
  size_t at = begin;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (opens_quote(text, at)) {
      const size_t end = quoted_end(text, at);
      if (end == std::string_view::npos) break;
      at = end - 1;
    } else if (c == '(' || c == '[' || c == '{') {
      open.push_back(closer_of(c));
    } else if (!open.empty() && c == open.back()) {
      open.pop_back();
    } else if (open.empty() && (c == ',' || c == ']' || c == '}')) {
      break;
    }
  }
  at = std::min(at, text.size());
  while (at > begin && is_space(text[at - 1])) --at;
  return at;
}

}  // namespace streamflow::yaml
