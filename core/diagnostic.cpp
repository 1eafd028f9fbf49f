#include "core/diagnostic.h"

#include <algorithm>
#include <tuple>

#include "core/display.h"
#include "core/expr/utf8.h"

namespace streamflow {
namespace {

constexpr int kLineColumnsMax = 120;  // longer lines are shown as a window around the caret
constexpr int kTabColumns = 4;
constexpr size_t kCorrectedBytesMax = 400;  // of a line, for corrected_line

// The parts of a rendering that have a colour, as ANSI escapes.
struct Palette {
  bool on;
  std::string_view severity(Severity s) const {
    return pick(s == Severity::kError ? "\x1b[1;31m" : "\x1b[1;33m");
  }
  std::string_view bold() const { return pick("\x1b[1m"); }
  std::string_view gutter() const { return pick("\x1b[1;34m"); }
  std::string_view off() const { return pick("\x1b[0m"); }
  std::string_view pick(std::string_view escape) const { return on ? escape : std::string_view(); }
};

// One code point of the source line as shown.
struct Cell {
  std::string shown;
  int columns;
  uint32_t offset;  // in the file
};

struct Line {
  uint32_t begin, end;  // without its line break
};

Line line_at(const std::string& text, uint32_t offset) {
  size_t at = std::min<size_t>(offset, text.size());
  // The end of a file that ends in a line break belongs to its last line.
  if (at == text.size() && at > 0 && text[at - 1] == '\n') --at;
  const size_t before = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  size_t end = text.find('\n', at);
  if (end == std::string::npos) end = text.size();
  if (end > begin && text[end - 1] == '\r') --end;
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

std::vector<Cell> cells_of(const std::string& text, Line line) {
  std::vector<Cell> cells;
  const std::string_view bytes = std::string_view(text).substr(0, line.end);
  for (uint32_t at = line.begin; at < line.end;) {
    const expr::CodePoint c = expr::decode_utf8(bytes, at);
    if (c.value == '\t') {
      cells.push_back({std::string(kTabColumns, ' '), kTabColumns, at});
    } else if (!(c.value == 0xFEFF && at == 0)) {
      std::string shown;
      append_printable(bytes.substr(at, c.length), shown);
      cells.push_back({std::move(shown), c.valid ? columns_of(c.value) : 1, at});
    }
    at += c.length;
  }
  return cells;
}

int width(const std::vector<Cell>& cells, size_t first, size_t last) {
  int columns = 0;
  for (size_t i = first; i < last; ++i) columns += cells[i].columns;
  return columns;
}

// Cells [first, last) to show so that [from, to) is in sight.
std::pair<size_t, size_t> window(const std::vector<Cell>& cells, size_t from, size_t to) {
  if (width(cells, 0, cells.size()) <= kLineColumnsMax) return {0, cells.size()};
  const int marked = std::min(width(cells, from, to), kLineColumnsMax / 2);
  const int before = (kLineColumnsMax - marked) / 2;
  size_t first = from;
  for (int used = 0; first > 0 && used + cells[first - 1].columns <= before; --first) {
    used += cells[first - 1].columns;
  }
  size_t last = first;
  int used = 0;
  for (; last < cells.size() && used + cells[last].columns <= kLineColumnsMax; ++last) {
    used += cells[last].columns;
  }
  // At the end of the line there is more room before.
  for (; last == cells.size() && first > 0 && used + cells[first - 1].columns <= kLineColumnsMax;) {
    used += cells[--first].columns;
  }
  return {first, last};
}

struct Marked {
  std::string source, carets;
};

// The part of a line that can be in the window: long lines are not laid out whole.
Line near(const std::string& text, Line line, uint32_t begin) {
  constexpr uint32_t kReach = 4U * kLineColumnsMax;  // bytes; a code point has at most four
  Line part = line;
  if (begin - line.begin > kReach) part.begin = begin - kReach;
  if (line.end - begin > kReach) part.end = begin + kReach;
  const auto inside = [&](uint32_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (part.begin > line.begin && inside(part.begin)) --part.begin;
  while (part.end < line.end && inside(part.end)) ++part.end;
  return part;
}

Marked mark(const std::string& text, Line line, uint32_t begin, uint32_t end) {
  const Line part = near(text, line, begin);
  const std::vector<Cell> cells = cells_of(text, part);
  const auto index = [&](uint32_t offset) {
    const auto at = std::find_if(cells.begin(), cells.end(),
                                 [&](const Cell& cell) { return cell.offset >= offset; });
    return static_cast<size_t>(at - cells.begin());
  };
  const size_t from = index(begin);
  const size_t to = std::max(from, index(std::min(end, line.end)));
  const auto [first, last] = window(cells, from, to);
  Marked out;
  const bool cut = first > 0 || part.begin > line.begin;
  if (cut) out.source += "…";
  for (size_t i = first; i < last; ++i) out.source += cells[i].shown;
  if (last < cells.size() || part.end < line.end) out.source += "…";
  const size_t marked_to = std::clamp(to, from, std::max(from, last));
  out.carets.append(static_cast<size_t>((cut ? 1 : 0) + width(cells, first, from)), ' ');
  out.carets.append(static_cast<size_t>(std::max(1, width(cells, from, marked_to))), '^');
  return out;
}

void append_excerpt(const Diagnostic& d, const Palette& palette, std::string& out, size_t& gutter) {
  const SourceFile& file = *d.span.file;
  const Line line = line_at(file.text, d.span.begin);
  const uint32_t begin = std::clamp(d.span.begin, line.begin, line.end);
  const LineColumn place = line_column(file, begin);
  const std::string number = std::to_string(place.line);
  gutter = number.size() + 2;
  const Marked marked = mark(file.text, line, begin, d.span.end);
  out.append(palette.gutter()).append(gutter - 1, ' ').append("--> ").append(palette.off());
  append_printable(file.name, out);
  out += ":" + number + ":" + std::to_string(place.column) + "\n";
  const auto bar = [&](std::string_view left) {
    out.append(palette.gutter()).append(left).append("|").append(palette.off());
  };
  bar(std::string(gutter, ' '));
  out += "\n";
  bar(" " + number + " ");
  if (!marked.source.empty()) out += " " + marked.source;
  out += "\n";
  bar(std::string(gutter, ' '));
  out.append(" ").append(palette.severity(d.severity)).append(marked.carets);
  if (!d.label.empty()) {
    out += " ";
    append_printable(d.label, out);
  }
  out.append(palette.off()).append("\n");
}

void append_help(const std::string& help, size_t gutter, const Palette& palette, std::string& out) {
  bool first = true;
  for (size_t at = 0; at <= help.size();) {
    const size_t end = std::min(help.find('\n', at), help.size());
    out.append(gutter, ' ');
    if (first) {
      out.append(palette.gutter()).append("= ").append(palette.off());
      out.append(palette.bold()).append("help: ").append(palette.off());
    } else {
      out += "        ";
    }
    append_printable(std::string_view(help).substr(at, end - at), out);
    out += "\n";
    first = false;
    at = end + 1;
  }
}

bool same(const Diagnostic& a, const Diagnostic& b) {
  return a.span.begin == b.span.begin && a.span.end == b.span.end && a.span.file == b.span.file &&
         a.code == b.code && a.message == b.message;
}

}  // namespace

LineColumn line_column(const SourceFile& file, uint32_t offset) {
  const std::string_view text = file.text;
  const size_t stop = std::min<size_t>(offset, text.size());
  LineColumn place;
  for (size_t at = 0; at < stop;) {
    const expr::CodePoint c = expr::decode_utf8(text, at);
    if (at + c.length > stop) break;
    if (c.value == '\n') {
      ++place.line;
      place.column = 1;
    } else if (!(c.value == 0xFEFF && at == 0)) {
      ++place.column;
    }
    at += c.length;
  }
  return place;
}

std::string_view source_text(const Span& span) {
  if (!span.file) return {};
  const std::string_view text = span.file->text;
  const size_t begin = std::min<size_t>(span.begin, text.size());
  return text.substr(begin, std::max<size_t>(span.end, begin) - begin);
}

std::string corrected_line(const Span& span, std::string_view replacement) {
  if (!span.file) return {};
  const std::string_view text = span.file->text;
  const Line line = line_at(span.file->text, span.begin);
  if (span.begin < line.begin || span.end > line.end || span.end < span.begin) return {};
  if (line.end - line.begin > kCorrectedBytesMax) return {};
  std::string out(text.substr(line.begin, span.begin - line.begin));
  out.erase(0, std::min(out.find_first_not_of(" \t"), out.size()));
  out += replacement;
  out += text.substr(span.end, line.end - span.end);
  return out;
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (std::any_of(all_.begin(), all_.end(),
                  [&](const Diagnostic& other) { return same(other, diagnostic); })) {
    return;
  }
  if (diagnostic.severity == Severity::kError) ++errors_;
  if (all_.size() < kKeptMax) {
    all_.push_back(std::move(diagnostic));
  } else {
    ++beyond_;
  }
}

void Diagnostics::add(const Diagnostics& others) {
  for (const Diagnostic& diagnostic : others.all_) add(diagnostic);
  beyond_ += others.beyond_;
  const auto kept = static_cast<size_t>(
      std::count_if(others.all_.begin(), others.all_.end(),
                    [](const Diagnostic& d) { return d.severity == Severity::kError; }));
  errors_ += others.errors_ - kept;
}

void Diagnostics::error(std::string code, Span span, std::string message, std::string label,
                        std::string help) {
  add({Severity::kError, std::move(code), std::move(message), std::move(span), std::move(label),
       std::move(help)});
}

void Diagnostics::warning(std::string code, Span span, std::string message, std::string label,
                          std::string help) {
  add({Severity::kWarning, std::move(code), std::move(message), std::move(span), std::move(label),
       std::move(help)});
}

std::string Diagnostics::render(bool colour) const {
  std::vector<const Diagnostic*> shown;
  for (const Diagnostic& diagnostic : all_) shown.push_back(&diagnostic);
  if (shown.size() > kShownMax) {
    std::stable_partition(shown.begin(), shown.end(),
                          [](const Diagnostic* d) { return d->severity == Severity::kError; });
    shown.resize(kShownMax);
  }
  const auto place = [](const Diagnostic* d) {
    const std::string_view name = d->span.file ? std::string_view(d->span.file->name) : "";
    return std::tuple(name, d->span.begin, d->span.end);
  };
  std::stable_sort(shown.begin(), shown.end(),
                   [&](const Diagnostic* a, const Diagnostic* b) { return place(a) < place(b); });
  std::string out;
  for (const Diagnostic* diagnostic : shown) {
    if (!out.empty()) out += "\n";
    out += streamflow::render(*diagnostic, colour);
  }
  const size_t more = all_.size() - shown.size() + beyond_;
  if (more > 0)
    out += "\n" + std::to_string(more) + (more == 1 ? " more problem\n" : " more problems\n");
  return out;
}

std::string render(const Diagnostic& diagnostic, bool colour) {
  const Palette palette{colour};
  std::string out;
  out.append(palette.severity(diagnostic.severity));
  out += diagnostic.severity == Severity::kError ? "error" : "warning";
  if (!diagnostic.code.empty()) out += "[" + diagnostic.code + "]";
  out.append(palette.off()).append(palette.bold()).append(": ");
  append_printable(diagnostic.message, out);
  out.append(palette.off());
  size_t gutter = 2;
  if (diagnostic.span.file) {
    out += "\n";
    append_excerpt(diagnostic, palette, out, gutter);
  } else {
    if (!diagnostic.label.empty()) {
      out += " (";
      append_printable(diagnostic.label, out);
      out += ")";
    }
    out += "\n";
  }
  if (!diagnostic.help.empty()) append_help(diagnostic.help, gutter, palette, out);
  return out;
}

}  // namespace streamflow
