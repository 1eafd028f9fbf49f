// A rough reading of YAML text, for texts that yaml-cpp refuses or reads otherwise than they were
// meant: lines with their keys and values, quotes, flow brackets, and expressions of the language
// inside them. All take byte offsets; npos means "nowhere".
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace streamflow::yaml {

// Longer expressions inside brackets are not followed to their end.
inline constexpr size_t kExpressionBytesMax = 4096;

struct Range {
  size_t begin = 0, end = 0;
};

bool is_blank(char c);
bool is_space(char c);  // blanks and line breaks
bool is_word(char c);   // letters, digits, `_`, anything beyond ASCII
// `)` of `(` and so on; of a quote itself.
char closer_of(char opener);

// One line: its indentation, and what stands behind `- ` and `key: `.
struct LineParts {
  Range line;          // without its line break
  size_t content = 0;  // first character that is no blank
  size_t item = 0;     // the same behind `- `s
  Range key;           // empty: none
  Range value;         // without trailing blanks and comment
};
LineParts parts_of(std::string_view text, size_t offset);
// The last line before this one that is neither empty nor a comment.
std::optional<LineParts> line_before(std::string_view text, const LineParts& line);

// Quotes and flow brackets of the first `upto` bytes.
struct Outline {
  std::vector<Range> quoted;  // end is npos where unclosed
  std::vector<size_t> open;   // flow brackets open at the end, or at the first wrong closer
};
Outline outline_of(std::string_view text, size_t upto);

// After the closing quote of the scalar that begins at `begin`; npos when nothing closes it.
size_t quoted_end(std::string_view text, size_t begin);
// After the closing bracket of the flow collection that begins at `begin`; npos: unbalanced.
size_t flow_end(std::string_view text, size_t begin);
// The end of the expression that begins at `begin` inside a flow collection: the first `,` `]` `}`
// that no bracket or quote of it encloses; trailing blanks not counted.
size_t expression_end(std::string_view text, size_t begin);
// The bracket or quote that a piece of an expression opens and does not close; 0: none.  An
// apostrophe after a letter opens nothing (`L'heure`).
char open_piece(std::string_view piece);

}  // namespace streamflow::yaml
