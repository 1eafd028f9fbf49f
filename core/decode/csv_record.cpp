#include "core/decode/csv_record.h"

namespace streamflow {
namespace {

// Where the line at `p` ends: at its LF, or at `end`.
const char* line_end(const char* p, const char* end) {
  while (p != end && *p != '\n') ++p;
  return p;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// `p` behind the opening quote; moves behind the closing one.  False where there is none.
bool read_quoted(const char*& p, const char* end, CsvCell& cell) {
  const char* const begin = p;
  for (; p != end; ++p) {
    if (*p != '"') continue;
    if (p + 1 == end || p[1] != '"') {
      cell.text = between(begin, p);
      ++p;
      return true;
    }
    cell.doubled = true;
    ++p;
  }
  return false;
}

}  // namespace

CsvRead read_csv_record(std::string_view& text, char delimiter, std::vector<CsvCell>& cells) {
  cells.clear();
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto move_to = [&](const char* feed) {
    text = feed == end ? std::string_view() : between(feed + 1, end);
  };
  while (true) {
    CsvCell cell;
    if (p != end && *p == '"') {
      ++p;
      if (!read_quoted(p, end, cell)) return CsvRead::kOpenQuote;
    } else {
      const char* const begin = p;
      while (p != end && *p != delimiter && *p != '\n') ++p;
      const bool has_return = (p == end || *p == '\n') && p != begin && p[-1] == '\r';
      cell.text = between(begin, has_return ? p - 1 : p);
    }
    cells.push_back(cell);
    if (p != end && *p == delimiter) {
      ++p;
      continue;
    }
    if (p != end && *p == '\r' && (p + 1 == end || p[1] == '\n')) ++p;
    if (p != end && *p != '\n') {
      move_to(line_end(p, end));
      return CsvRead::kBad;
    }
    const bool blank = cells.size() == 1 && cells[0].text.empty() && *text.data() != '"';
    move_to(p);
    return blank ? CsvRead::kBlank : CsvRead::kRecord;
  }
}

bool is_open_to_end(std::string_view text, size_t from, char delimiter) {
  const char* p = text.data() + from;
  const char* const end = text.data() + text.size();
  CsvCell cell;
  while (read_quoted(p, end, cell)) {
    if (p == end || *p != delimiter) return false;  // the record ends, well or badly
    ++p;
    while (p != end && *p != '"') {  // cells without quotes
      while (p != end && *p != delimiter && *p != '\n') ++p;
      if (p == end || *p == '\n') return false;
      ++p;
    }
    if (p == end) return false;
    ++p;
  }
  return true;
}

void undouble(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '"') ++i;
  }
}

bool needs_csv_quotes(std::string_view text, char delimiter) {
  for (const char c : text) {
    if (c == delimiter || c == '"' || c == '\n' || c == '\r') return true;
  }
  return false;
}

void append_csv_cell(std::string_view text, char delimiter, std::string& out) {
  if (!needs_csv_quotes(text, delimiter)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace streamflow
