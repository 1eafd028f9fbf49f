// Problems in what the user wrote, with their places, collected and shown all at once in a good
// compiler's style.  Codes are stable: docs/errors.md has a section for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace streamflow {

struct SourceFile {
  std::string name;  // as the user gave it
  std::string text;
};
using SourceFilePtr = std::shared_ptr<const SourceFile>;

// Bytes [begin, end) of a file.  No file: a pipeline that was built in code.
struct Span {
  SourceFilePtr file;
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct LineColumn {
  uint32_t line = 1;    // from 1
  uint32_t column = 1;  // from 1, in code points
};
LineColumn line_column(const SourceFile& file, uint32_t offset);

enum class Severity : unsigned char { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;     // "E0102"
  std::string message;  // "unknown option 'topcs' for source 'mqtt'"
  Span span;
  std::string label;    // beside the caret: "did you mean 'topics'?"
  std::string help;     // "streamflowd list source mqtt"
};

class Diagnostics {
 public:
  static constexpr size_t kShownMax = 50;    // by render(), errors before warnings; more are counted
  static constexpr size_t kKeptMax = 1000;   // in all(); more are counted

  void add(Diagnostic diagnostic);
  void error(std::string code, Span span, std::string message, std::string label = {},
             std::string help = {});
  void warning(std::string code, Span span, std::string message, std::string label = {},
               std::string help = {});
  size_t errors() const { return errors_; }
  bool ok() const { return errors_ == 0; }
  const std::vector<Diagnostic>& all() const { return all_; }
  void add(const Diagnostics& others);
  // In order of file and place; duplicates once.  `colour`: ANSI colours.
  std::string render(bool colour = false) const;

 private:
  std::vector<Diagnostic> all_;
  size_t errors_ = 0;
  size_t beyond_ = 0;  // not kept
};

std::string render(const Diagnostic& diagnostic, bool colour = false);

// The bytes of the file at `span`; empty without a file.
std::string_view source_text(const Span& span);
// The line that `span` begins in, without indentation, with `replacement` in the span's place: how it
// should have been written.  Empty without a file, where the span goes over several lines, and for very long
// lines.
std::string corrected_line(const Span& span, std::string_view replacement);

// The candidate nearest to `word` (Damerau-Levenshtein distance at most a third of its length, at
// least 1; case ignored first), or empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace streamflow
