// Records of comma-separated text (RFC 4180): quoted cells may hold delimiters, line breaks and
// doubled quotes; lines end in LF or CRLF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamflow {

struct CsvCell {
  std::string_view text;  // inside of the quotes
  bool doubled = false;   // has doubled quotes: see `undouble`
};

enum class CsvRead : unsigned char {
  kRecord,
  kBlank,      // an empty line
  kOpenQuote,  // the text ends inside a quoted cell
  kBad,        // something follows a closing quote
};

// Reads the record at the start of `text` (not empty) into `cells` and moves `text` behind its line
// break.  kBad moves behind the line that has the mistake; kOpenQuote leaves `text` as it is.
CsvRead read_csv_record(std::string_view& text, char delimiter, std::vector<CsvCell>& cells);

// Whether a record of which `from` is inside a quoted cell goes on to the end of `text` or beyond.
bool is_open_to_end(std::string_view text, size_t from, char delimiter);

// Appends the cell's text with doubled quotes as one.
void undouble(std::string_view text, std::string& out);

// Whether a cell must be quoted when written.
bool needs_csv_quotes(std::string_view text, char delimiter);
void append_csv_cell(std::string_view text, char delimiter, std::string& out);

}  // namespace streamflow
