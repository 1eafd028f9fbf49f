#include "daemon/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <unordered_map>

#include "core/expr/utf8.h"
#include "core/option_value.h"
#include "daemon/yaml_lines.h"
#include "daemon/yaml_scalar.h"
#include "daemon/yaml_trouble.h"

namespace streamflow {
namespace {

constexpr uint32_t kBomBytes = 3;
constexpr size_t kProblemsMax = 100;  // then the rest of the file is not read

struct Stop {};  // thrown by a handler out of yaml-cpp when going on makes no sense

using yaml::is_blank;

// A collection that is being read.
struct Frame {
  SpecValue node;
  bool flow = false;
  bool has_key = false;
  bool cut =
      false;  // an entry was reported as a piece of an expression: its rest follows as entries
  SpecValue key;
  std::unordered_map<std::string, uint32_t> seen;  // keys and where they stand
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceFilePtr& file, uint32_t base, Diagnostics& diagnostics)
      : file_(file), text_(file->text), base_(base), diagnostics_(diagnostics) {}

  bool has_document() const { return documents_ > 0; }
  SpecValue take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const uint32_t at = offset(mark);
    const bool marked = text_.substr(at, 3) == "---";
    report(marked ? "E0011" : "E0020", {at, marked ? at + 3 : line_end(at)},
           marked ? "a second document begins here" : "this line does not belong to the list above",
           marked ? "a file holds one pipeline" : "a list ends where its indentation ends");
    throw Stop();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const uint32_t at = offset(mark);
    refuse_anchor(at, anchor);
    SpecValue value;
    value.span = missing_place(at);
    find_lone_hash(value.span);
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      const bool ends =
          at + word.size() >= text_.size() ||
          std::string_view(" \t\r\n,]}:").find(text_[at + word.size()]) != std::string_view::npos;
      if (text_.substr(at, word.size()) != word || !ends) continue;
      value.text = word;
      value.span = {file_, at, static_cast<uint32_t>(at + word.size())};
      break;
    }
    place(std::move(value));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    const uint32_t at = offset(mark);
    quote("E0005", {at, value_end(at)},
          "YAML reads '*' as an alias, which pipeline files do not use",
          "quote a text that begins with '*'");
    place(SpecValue());
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const uint32_t at = offset(mark);
    const bool properties = refuse_tag(at, tag) || refuse_anchor(at, anchor);
    SpecValue value = SpecValue::scalar(text);
    value.span = {file_, at, at};
    if (text.size() > kYamlScalarMax) {
      report("E0010", {at, std::min(line_end(at), at + 20)},
             "this text has " + std::to_string(text.size()) + " bytes",
             "at most " + std::to_string(kYamlScalarMax) + " are taken");
      throw Stop();
    }
    if (properties) {
      value.span.end = value_end(at);
    } else {
      locate(value);
      if (!value.quoted) find_cut(value);
    }
    place(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(SpecValue::Type::kList, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(SpecValue::Type::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Range {
    uint32_t begin, end;
  };

  uint32_t offset(const YAML::Mark& mark) const {
    const auto at = static_cast<size_t>(std::max(mark.pos, 0)) + base_;
    return static_cast<uint32_t>(std::min(at, text_.size()));
  }
  uint32_t line_end(uint32_t at) const {
    size_t end = std::min(text_.find('\n', at), text_.size());
    while (end > at && (text_[end - 1] == '\r' || is_blank(text_[end - 1]))) --end;
    return static_cast<uint32_t>(end);
  }
  // Where a value that could not be read ends: its line, or its place among brackets.
  uint32_t value_end(uint32_t at) const {
    const bool flow = !frames_.empty() && frames_.back().flow;
    const uint32_t end = line_end(at);
    if (!flow) return end;
    return std::min(end, static_cast<uint32_t>(yaml::expression_end(text_, at)));
  }

  void report(std::string code, Range range, std::string message, std::string label = {},
              std::string help = {}) {
    diagnostics_.error(std::move(code), {file_, range.begin, range.end}, std::move(message),
                       std::move(label), std::move(help));
    if (++problems_ >= kProblemsMax) throw Stop();
  }
  void quote(std::string code, Range range, std::string message, std::string label) {
    const std::string line =
        corrected_line({file_, range.begin, range.end},
                       quoted(text_.substr(range.begin, range.end - range.begin)));
    report(std::move(code), range, std::move(message), std::move(label),
           line.empty() ? line : "write: " + line);
  }

  bool refuse_tag(uint32_t at, const std::string& tag) {
    if (tag.empty() || tag == "?" || (tag == "!" && text_[at] != '!')) return false;
    quote("E0007", {at, value_end(at)}, "YAML reads '!' as a tag, which pipeline files do not use",
          "quote this expression");
    return true;
  }
  bool refuse_anchor(uint32_t at, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return false;
    quote("E0005", {at, value_end(at)},
          "YAML reads '&' as an anchor, which pipeline files do not use",
          "quote a text that begins with '&'");
    return true;
  }

  void locate(SpecValue& value) {
    const uint32_t at = value.span.begin;
    const char first = at < text_.size() ? text_[at] : '\0';
    value.quoted = first == '\'' || first == '"' || first == '|' || first == '>';
    ScalarPlace found = place_scalar(text_, at, value.text);
    if (!found.closed) report("E0016", {at, at + 1}, "this quote is not closed", "closed nowhere");
    value.span.end = found.end;
    if (!found.direct) {
      value.offsets = std::make_shared<const std::vector<uint32_t>>(std::move(found.offsets));
    }
  }

  // `{a: clamp(x, 0, 1)}` and `name == 'a #1'`: YAML ends the value at the comma and at the `#`.
  void find_cut(const SpecValue& value) {
    const char opener = yaml::open_piece(value.text);
    if (opener == '\0') return;
    uint32_t end = value.span.end;
    uint32_t next = end;
    while (next < text_.size() && is_blank(text_[next])) ++next;
    const char stop = next < text_.size() ? text_[next] : '\0';
    const bool flow = !frames_.empty() && frames_.back().flow;
    if (flow && (stop == ',' || stop == '{' || stop == '[' || stop == '}' || stop == ']')) {
      end = static_cast<uint32_t>(yaml::expression_end(text_, value.span.begin));
      frames_.back().cut = true;
      quote("E0013", {value.span.begin, std::max(end, value.span.end)},
            std::string("YAML ends this value at '") + stop + "'", "quote this expression");
    } else if (!flow && stop == '#' && next > end) {
      const char closer = yaml::closer_of(opener);
      const std::string_view comment = text_.substr(next, line_end(next) - next);
      if (comment.find(closer) == std::string_view::npos) return;
      quote("E0013", {value.span.begin, line_end(next)}, "YAML reads a comment from ' #' on",
            "quote this expression");
    }
  }

  // `topics: #`: the filter for everything, taken for an empty comment.
  void find_lone_hash(const Span& key) {
    if (frames_.empty() || !frames_.back().has_key) return;
    size_t at = key.end;
    while (at < text_.size() && (is_blank(text_[at]) || text_[at] == ':')) ++at;
    if (at >= text_.size() || text_[at] != '#') return;
    const auto hash = static_cast<uint32_t>(at);
    if (line_end(hash) != hash + 1) return;
    quote("E0013", {hash, hash + 1}, "YAML reads a comment from '#' on", "quote this text");
  }

  // The place of a value that is not there: its key, or the dash of its item.
  Span missing_place(uint32_t at) const {
    if (frames_.empty()) return {file_, at, at};
    const Frame& frame = frames_.back();
    if (frame.has_key) return frame.key.span;
    const size_t dash = at == 0 ? std::string_view::npos : text_.rfind('-', at - 1);
    if (frame.node.is_list() && !frame.flow && dash != std::string_view::npos) {
      return {file_, static_cast<uint32_t>(dash), static_cast<uint32_t>(dash + 1)};
    }
    return {file_, at, at};
  }

  void open(SpecValue::Type type, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    const uint32_t at = offset(mark);
    if (frames_.size() >= kYamlDepthMax) {
      report("E0008", {at, at + 1},
             "more than " + std::to_string(kYamlDepthMax) + " lists and maps inside one another");
      throw Stop();
    }
    refuse_tag(at, tag);
    refuse_anchor(at, anchor);
    Frame frame;
    frame.node.type = type;
    frame.node.span = {file_, at, at};
    frame.flow = style == YAML::EmitterStyle::Flow;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    SpecValue& node = frame.node;
    uint32_t end = node.span.begin;
    for (const SpecValue& item : node.items) end = std::max(end, item.span.end);
    for (const auto& [key, value] : node.entries) {
      end = std::max({end, key.span.end, value.span.end});
    }
    const char first = node.span.begin < text_.size() ? text_[node.span.begin] : '\0';
    if (frame.flow && (first == '[' || first == '{')) {
      end = std::max(end, node.span.begin + 1);
      const char closer = first == '[' ? ']' : '}';
      while (end < text_.size() && text_[end] != closer) {
        const bool comment = text_[end] == '#' && is_blank(text_[end - 1]);
        end = comment ? line_end(end) : end + 1;
      }
      end = std::min(end + 1, static_cast<uint32_t>(text_.size()));
    }
    node.span.end = end;
    place(std::move(node));
  }

  void place(SpecValue value) {
    if (++values_ > kYamlValuesMax) {
      report("E0009", {value.span.begin, value.span.begin + 1},
             "more than " + std::to_string(kYamlValuesMax) + " values in one file");
      throw Stop();
    }
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (Frame& frame = frames_.back(); frame.node.is_list()) {
      frame.node.items.push_back(std::move(value));
    } else if (!frame.has_key) {
      place_key(frame, std::move(value));
    } else {
      place_entry(frame, std::move(value));
    }
  }

  void place_key(Frame& frame, SpecValue key) {
    frame.has_key = true;
    if (key.is_null() && !key.text.empty()) key.type = SpecValue::Type::kScalar;
    if (!key.is_scalar()) {
      odd_key(frame, key);
    } else if (key.text == "<<" && !key.quoted) {
      report("E0006", {key.span.begin, key.span.end}, "pipeline files have no merge keys",
             "write the options out");
    } else if (const auto [first, fresh] = frame.seen.emplace(key.text, key.span.begin); !fresh) {
      const LineColumn place = line_column(*file_, first->second);
      if (!frame.cut) {
        report("E0004", {key.span.begin, key.span.end},
               "'" + key.text + "' stands twice in one map",
               "first on line " + std::to_string(place.line) + ", column " +
                   std::to_string(place.column));
      }
    }
    frame.key = std::move(key);
  }

  void odd_key(Frame& frame, const SpecValue& key) {
    if (frame.cut) return;
    if (frame.flow && !key.is_null() && frame.node.entries.empty()) {  // `{{device}}`
      frame.cut = true;
      quote_braces(frame.node.span.begin);
      return;
    }
    report("E0015", {key.span.begin, std::max(key.span.begin + 1, key.span.end)},
           "a key is a plain text",
           key.is_null() ? "nothing stands before ':'" : "quote text with brackets");
  }

  void quote_braces(uint32_t begin) {
    size_t end = std::min(yaml::flow_end(text_, begin), text_.size());
    const bool more = end < text_.size() && !yaml::is_space(text_[end]) &&
                      std::string_view(",]}").find(text_[end]) == std::string_view::npos;
    const bool inside = frames_.size() > 1 && frames_[frames_.size() - 2].flow;
    if (more) end = inside ? yaml::expression_end(text_, begin) : line_end(begin);
    quote("E0013", {begin, static_cast<uint32_t>(std::max<size_t>(end, begin + 1))},
          "YAML reads braces as a map, and this one has no values", "quote a text with braces");
  }

  void place_entry(Frame& frame, SpecValue value) {
    frame.has_key = false;
    const bool missing = value.is_null() && value.text.empty();
    if (frame.flow && missing && !frame.cut) {
      uint32_t next = frame.key.span.end;
      while (next < text_.size() && is_blank(text_[next])) ++next;
      if (next < text_.size() && (text_[next] == ',' || text_[next] == '}')) null_sibling(frame);
    }
    frame.node.entries.emplace_back(std::move(frame.key), std::move(value));
    frame.key = SpecValue();
  }

  // `{device}` and `{a: 1, b}`: a key without a value.
  void null_sibling(Frame& frame) {
    const uint32_t begin = frame.node.span.begin;
    if (frame.node.entries.empty() && begin < text_.size() && text_[begin] == '{') {
      frame.cut = true;
      const Frame* const outer = frames_.size() > 1 ? &frames_[frames_.size() - 2] : nullptr;
      const bool is_key =
          outer != nullptr && outer->flow && outer->node.is_map() && !outer->has_key;
      if (!is_key) quote_braces(begin);  // else the outer one is reported
      return;
    }
    report("E0013", {frame.key.span.begin, frame.key.span.end},
           "'" + frame.key.text + "' has no value", "quote the expression that holds this comma");
  }

  const SourceFilePtr& file_;
  std::string_view text_;
  uint32_t base_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  SpecValue root_;
  size_t values_ = 0;
  size_t problems_ = 0;
  int documents_ = 0;
};

// Size and characters, before anything reads the text.
bool readable(const SourceFilePtr& file, Diagnostics& diagnostics) {
  const std::string_view text = file->text;
  if (text.size() > kYamlBytesMax) {
    diagnostics.error("E0009", {file, 0, 0},
                      "the file has more than " + std::to_string(kYamlBytesMax) + " bytes");
    return false;
  }
  for (size_t at = 0; at < text.size();) {
    const expr::CodePoint c = expr::decode_utf8(text, at);
    const bool control =
        (c.value < 0x20 && c.value != '\t' && c.value != '\n' && c.value != '\r') ||
        c.value == 0x7F;
    if (!c.valid || control) {
      const auto begin = static_cast<uint32_t>(at);
      diagnostics.error("E0014", {file, begin, begin + 1},
                        c.valid ? "a control character" : "these bytes are not UTF-8",
                        c.valid ? "" : "save the file as UTF-8");
      return false;
    }
    at += c.length;
  }
  return true;
}

}  // namespace

std::optional<SpecValue> parse_yaml(const SourceFilePtr& file, Diagnostics& diagnostics) {
  const size_t before = diagnostics.errors();
  if (!readable(file, diagnostics)) return {};
  const uint32_t base = file->text.starts_with("\xEF\xBB\xBF") ? kBomBytes : 0;
  TreeBuilder builder(file, base, diagnostics);
  try {
    std::istringstream stream(file->text.substr(base));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& problem) {
    // What was already found is usually the cause.
    if (diagnostics.errors() == before) {
      const auto at = static_cast<uint32_t>(std::max(problem.mark.pos, 0)) + base;
      explain_syntax(file, at, problem.msg, diagnostics);
    }
  }
  if (diagnostics.errors() == before && !builder.has_document()) {
    diagnostics.error("E0022", {file, 0, 0}, "the file is empty",
                      "a pipeline has 'from:' and 'steps:'");
  }
  if (diagnostics.errors() != before) return {};
  return builder.take_root();
}

}  // namespace streamflow
