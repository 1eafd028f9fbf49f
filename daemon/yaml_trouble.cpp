#include "daemon/yaml_trouble.h"

#include <algorithm>
#include <optional>

#include "core/option_value.h"
#include "daemon/yaml_lines.h"

namespace streamflow {
namespace {

using yaml::LineParts;
using yaml::Outline;
using yaml::Range;

bool breaks_flow(std::string_view piece) {
  const char first = piece.empty() ? '\0' : piece.front();
  if (first == '"' || first == '\'') return yaml::quoted_end(piece, 0) < piece.size();
  return piece.find_first_of("[]{}") != std::string_view::npos ||
         piece.find(": ") != std::string_view::npos ||
         piece.find(" ? ") != std::string_view::npos ||
         (!piece.empty() && std::string_view("!&*%@`|>").find(first) != std::string_view::npos);
}

// The first entry of a flow collection that YAML cannot take as one value.
std::optional<Range> flow_trouble(std::string_view text, size_t begin, int depth = 0) {
  const size_t end = yaml::flow_end(text, begin);
  if (end == std::string_view::npos || depth > 8) return {};
  const bool map = text[begin] == '{';
  for (size_t at = begin + 1; at + 1 < end;) {
    while (at + 1 < end && (yaml::is_space(text[at]) || text[at] == ',')) ++at;
    size_t value = at;
    if (map) {
      const size_t entry_end = yaml::expression_end(text, at);
      const size_t colon = text.substr(at, entry_end - at).find(": ");
      if (colon == std::string_view::npos) {
        at = entry_end + 1;
        continue;
      }
      value = at + colon + 2;
      while (value + 1 < end && yaml::is_space(text[value])) ++value;
    }
    const size_t stop = std::max(yaml::expression_end(text, value), value + 1);
    const bool nested = text[value] == '{' || text[value] == '[';
    if (nested && yaml::flow_end(text, value) == stop) {
      if (const auto inner = flow_trouble(text, value, depth + 1)) return inner;
    } else if (breaks_flow(text.substr(value, stop - value))) {
      return Range{value, stop};
    }
    at = stop;
  }
  return {};
}

class Explainer {
 public:
  Explainer(const SourceFilePtr& file, size_t offset, const std::string& message,
            Diagnostics& diagnostics)
      : file_(file),
        text_(file->text),
        offset_(offset),
        message_(message),
        diagnostics_(diagnostics),
        line_(yaml::parts_of(text_, offset)) {}

  void run() {
    if (tab() || escape() || open_quote() || in_flow() || open_bracket() || value() ||
        after_word() || indentation()) {
      return;
    }
    diagnostics_.error("E0002", span({offset_, offset_ + 1}), "this is not YAML: " + message_);
  }

 private:
  Span span(Range range) const {
    return {file_, static_cast<uint32_t>(range.begin),
            static_cast<uint32_t>(std::min(range.end, text_.size()))};
  }

  bool report(std::string code, Range range, std::string message, std::string label,
              std::string corrected = {}) {
    if (!corrected.empty()) corrected.insert(0, "write: ");
    diagnostics_.error(std::move(code), span(range), std::move(message), std::move(label),
                       std::move(corrected));
    return true;
  }

  bool quote(std::string code, Range range, std::string message, const char* label) {
    const std::string_view piece = text_.substr(range.begin, range.end - range.begin);
    return report(std::move(code), range, std::move(message), label,
                  corrected_line(span(range), quoted(piece)));
  }

  bool tab() {
    const size_t at = text_.substr(0, line_.content).find('\t', line_.line.begin);
    if (at == std::string_view::npos) return false;
    return report("E0003", {at, at + 1}, "a tab in the indentation",
                  "YAML indents with blanks only");
  }

  bool escape() {
    if (message_.find("escape character") == std::string::npos &&
        message_.find("hex number") == std::string::npos &&
        message_.find("invalid unicode") == std::string::npos) {
      return false;
    }
    size_t at = text_.rfind('\\', offset_);
    if (at == std::string_view::npos) at = offset_;
    const Outline outline = yaml::outline_of(text_, at);
    std::string corrected;
    const size_t open = line_.value.begin;
    if (open < line_.value.end && text_[open] == '"' &&
        yaml::quoted_end(text_, open) == line_.value.end) {
      const std::string_view inner = text_.substr(open + 1, line_.value.end - open - 2);
      corrected = corrected_line(span(line_.value), quoted(inner));
    }
    return report("E0019", {at, std::min(at + 2, text_.size())},
                  "double quotes have no escape '" + std::string(text_.substr(at, 2)) + "'",
                  "single quotes keep a backslash as it is", corrected);
  }

  bool open_quote() {
    for (const Range& quoted : yaml::outline_of(text_, text_.size()).quoted) {
      if (quoted.begin > offset_) break;
      const bool lines = text_.substr(quoted.begin, quoted.end - quoted.begin).find('\n') !=
                         std::string_view::npos;
      if (quoted.end != std::string_view::npos && (!lines || !junk_after(quoted.end))) continue;
      return report("E0016", {quoted.begin, quoted.begin + 1}, "this quote is not closed",
                    "closed nowhere on its line");
    }
    return false;
  }

  bool junk_after(size_t at) const {
    while (at < text_.size() && yaml::is_blank(text_[at])) ++at;
    return at < text_.size() &&
           std::string_view("\r\n,]}:#").find(text_[at]) == std::string_view::npos;
  }

  bool in_flow() {
    const Outline outline = yaml::outline_of(text_, offset_);
    size_t begin = outline.open.empty() ? line_.value.begin : outline.open.front();
    if (begin >= text_.size() || (text_[begin] != '{' && text_[begin] != '[')) return false;
    if (yaml::flow_end(text_, begin) == std::string_view::npos) return false;
    const auto piece = flow_trouble(text_, begin);
    return piece && quote("E0013", *piece, "YAML does not take this as one value inside brackets",
                          "quote this expression");
  }

  bool open_bracket() {
    const Outline outline = yaml::outline_of(text_, text_.size());
    if (outline.open.empty() || outline.open.back() > offset_) {
      if (message_ != "illegal flow end") return false;
      return report("E0017", {offset_, offset_ + 1}, "this bracket closes nothing",
                    "quote a text that holds brackets");
    }
    const size_t at = outline.open.back();
    if (hash_inside(at)) return true;
    return report("E0017", {at, at + 1}, "this bracket is not closed",
                  std::string("no '") + yaml::closer_of(text_[at]) + "' follows");
  }

  // `[a/b, #]`: the comment swallows the bracket.
  bool hash_inside(size_t opener) {
    const size_t line_end = yaml::parts_of(text_, opener).line.end;
    size_t hash = opener + 1;
    while (hash < line_end &&
           !(text_[hash] == '#' &&
             std::string_view(" [{,").find(text_[hash - 1]) != std::string_view::npos)) {
      ++hash;
    }
    if (text_.substr(hash, line_end - hash).find(yaml::closer_of(text_[opener])) ==
        std::string_view::npos) {
      return false;
    }
    size_t end = hash + 1;
    while (std::string_view(" ,]}").find(text_[end]) == std::string_view::npos) ++end;
    return quote("E0013", {hash, end}, "YAML reads a comment from '#' on", "quote this text");
  }

  // The value on the line where it went wrong.
  bool value() {
    const Range range = line_.value;
    if (range.begin >= range.end) return false;
    const std::string_view whole = text_.substr(range.begin, range.end - range.begin);
    const char first = whole.front();
    if (first == '"' || first == '\'') return junk(range, whole);
    if (first == '[' || first == '{') {
      return yaml::flow_end(text_, range.begin) < range.end &&
             quote("E0013", range, "text after the bracket that closes this value",
                   "quote this expression");
    }
    if (first == '|' || first == '>') {
      return message_.find("block scalar") != std::string::npos &&
             quote("E0013", range,
                   std::string("'") + first + "' at the start begins a block of text",
                   "quote this expression");
    }
    if (std::string_view("!&*").find(first) != std::string_view::npos) {
      return quote(first == '!' ? "E0007" : "E0005", range,
                   std::string("YAML reads '") + first + "' as " +
                       (first == '!'   ? "a tag"
                        : first == '&' ? "an anchor"
                                       : "an alias") +
                       ", which pipeline files do not use",
                   "quote this expression");
    }
    if (std::string_view("@`%").find(first) != std::string_view::npos) {
      return quote("E0021", range,
                   std::string("YAML reserves '") + first + "' at the start of a text",
                   "quote this text");
    }
    if (line_.key.end > line_.key.begin && whole.find(": ") != std::string_view::npos) {
      return quote("E0012", range, "a ':' and a blank inside an unquoted text start a new entry",
                   "quote this text");
    }
    return false;
  }

  bool junk(Range range, std::string_view whole) {
    const size_t close = yaml::quoted_end(whole, 0);
    if (close >= whole.size()) return false;
    const bool same_at_end = whole.size() > 2 && whole.back() == whole.front();
    const bool word = yaml::is_word(whole[close]);  // 'L'heure'
    const std::string_view inner = whole.substr(1, whole.size() - 2);
    std::string corrected =
        corrected_line(span(range), quoted(same_at_end && word ? inner : whole));
    return report("E0018", {range.begin + close, range.end}, "text after the closing quote",
                  word ? "a quote inside the text ends it" : "quote the whole value",
                  std::move(corrected));
  }

  // `steps` without its colon, or `name:test` without the blank, on the line before.
  bool after_word() {
    const auto before = yaml::line_before(text_, line_);
    if (!before || before->key.end > before->key.begin || before->item >= before->line.end) {
      return false;
    }
    size_t at = before->item;
    while (at < before->line.end && (yaml::is_word(text_[at]) || text_[at] == '-')) ++at;
    const Range word{before->item, at};
    if (at == before->item) return false;
    const std::string name(text_.substr(word.begin, word.end - word.begin));
    if (at == before->value.end) {
      return report("E0023", word, "no ':' after '" + name + "'", "write '" + name + ":'");
    }
    if (text_[at] != ':') return false;
    return report("E0023", {at, at + 1}, "no blank after ':'", "write '" + name + ": '",
                  corrected_line(span({at, at + 1}), ": "));
  }

  bool indentation() {
    const auto before = yaml::line_before(text_, line_);
    if (!before) return false;
    const size_t own = line_.content - line_.line.begin;
    const size_t above = before->content - before->line.begin;
    const Range place{line_.content, std::max(line_.content + 1, line_.line.end)};
    const std::string key(text_.substr(before->key.begin, before->key.end - before->key.begin));
    const bool has_value = before->value.begin < before->value.end && !key.empty();
    if (own > above && has_value) {
      return report("E0020", place, "this line is indented under '" + key + "', which has a value",
                    "the same indentation as '" + key + "'?");
    }
    if (line_.item > line_.content && own <= above) {
      return report("E0020", place, "a list item does not belong here",
                    "indent it under the key of its list");
    }
    return report("E0020", place, "this line does not fit the lines above",
                  "indent it as the lines it belongs to");
  }

  const SourceFilePtr& file_;
  std::string_view text_;
  size_t offset_;
  const std::string& message_;
  Diagnostics& diagnostics_;
  LineParts line_;
};

}  // namespace

void explain_syntax(const SourceFilePtr& file, uint32_t offset, const std::string& message,
                    Diagnostics& diagnostics) {
  Explainer(file, std::min<size_t>(offset, file->text.size()), message, diagnostics).run();
}

}  // namespace streamflow
