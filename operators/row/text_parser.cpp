#include "operators/row/text_parser.h"

#include <algorithm>
#include <map>

#include "core/decode/csv_record.h"
#include "core/decode/json_cell.h"
#include "core/text_pattern.h"
#include "core/value.h"
#include "operators/row/convert.h"

namespace streamflow {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// How a piece of text becomes a value: a JSON number is one, an empty piece null, all else a
// string; `types` decides otherwise.
class PieceTypes {
 public:
  PieceTypes(const Params& params, char decimal) : decimal_(decimal) {
    for (const auto& [name, type] : params.entries("types"))
      types_[name->text] = cast_type(type->text);
  }

  bool append(const std::string& name, std::string_view piece, std::string& json,
              std::string& reason) const {
    std::string number(piece);
    if (decimal_ != '.') std::replace(number.begin(), number.end(), decimal_, '.');
    const auto type = types_.find(name);
    if (piece.empty()) {
      json += "null";
    } else if (type != types_.end()) {
      const bool text = type->second == Type::kString;
      const Value value = convert(Value::borrowed(text ? piece : number), type->second);
      if (value.is_error()) {
        reason = name + ": " + std::string(value.text());
        return false;
      }
      append_json(value, json);
    } else if (valid_json_number(number.data(), number.data() + number.size())) {
      json += number;
    } else {
      append_json_string(piece, json);
    }
    return true;
  }

  const std::map<std::string, Type>& types() const { return types_; }

 private:
  char decimal_;
  std::map<std::string, Type> types_;
};

class JsonText final : public TextParser {
 public:
  bool parse(std::string_view text, std::string& json, std::string& reason) const override {
    const std::string_view value = trimmed(text);
    const Value read = parse_json(value);
    if (read.is_error()) {
      reason = std::string(read.text());
      return false;
    }
    json += value;
    return true;
  }
};

class NumberText final : public TextParser {
 public:
  bool parse(std::string_view text, std::string& json, std::string& reason) const override {
    const std::string_view number = trimmed(text);
    if (!valid_json_number(number.data(), number.data() + number.size())) {
      reason = "not a number";
      return false;
    }
    json += number;
    return true;
  }
};

class CsvText final : public TextParser {
 public:
  CsvText(std::vector<std::string> names, char delimiter, PieceTypes types)
      : names_(std::move(names)), delimiter_(delimiter), types_(std::move(types)) {}

  bool parse(std::string_view text, std::string& json, std::string& reason) const override {
    std::vector<CsvCell> cells;
    std::string_view rest = text;
    const CsvRead read = rest.empty() ? CsvRead::kBlank : read_csv_record(rest, delimiter_, cells);
    if (read != CsvRead::kRecord || !rest.empty()) {
      reason = read == CsvRead::kOpenQuote ? "a quote is not closed" : "not one CSV record";
      return false;
    }
    if (cells.size() != names_.size()) {
      reason =
          std::to_string(cells.size()) + " cells for " + std::to_string(names_.size()) + " names";
      return false;
    }
    json += '{';
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) json += ',';
      append_json_string(names_[i], json);
      json += ':';
      std::string whole(cells[i].text);
      if (cells[i].doubled) {
        whole.clear();
        undouble(cells[i].text, whole);
      }
      if (!types_.append(names_[i], whole, json, reason)) return false;
    }
    json += '}';
    return true;
  }
  std::vector<std::string> fields() const override { return names_; }

 private:
  std::vector<std::string> names_;
  char delimiter_;
  PieceTypes types_;
};

class RegexText final : public TextParser {
 public:
  RegexText(TextPattern pattern, PieceTypes types)
      : pattern_(std::move(pattern)), types_(std::move(types)) {}

  bool parse(std::string_view text, std::string& json, std::string& reason) const override {
    std::vector<std::string_view> pieces;
    if (!pattern_.match(text, pieces)) {
      reason = "the pattern does not match";
      return false;
    }
    json += '{';
    for (size_t i = 0; i < pieces.size(); ++i) {
      const std::string& name = pattern_.names()[i];
      if (i > 0) json += ',';
      append_json_string(name, json);
      json += ':';
      if (!types_.append(name, pieces[i], json, reason)) return false;
    }
    json += '}';
    return true;
  }
  std::vector<std::string> fields() const override { return pattern_.names(); }

 private:
  TextPattern pattern_;
  PieceTypes types_;
};

// `key=value` pairs with blanks, or the delimiter, between them; a value in double quotes may hold
// both.
class PairsText final : public TextParser {
 public:
  PairsText(char delimiter, PieceTypes types) : delimiter_(delimiter), types_(std::move(types)) {}

  bool parse(std::string_view text, std::string& json, std::string& reason) const override {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (skip(text); !text.empty(); skip(text)) {
      const size_t equals = text.find('=');
      const std::string name(trimmed(text.substr(0, equals)));
      if (equals == std::string_view::npos || name.empty() || has_gap(name)) {
        reason = "not key=value pairs";
        return false;
      }
      text.remove_prefix(equals + 1);
      std::string value;
      if (!take_value(text, value)) {
        reason = "a quote is not closed";
        return false;
      }
      const auto same = [&name](const auto& pair) { return pair.first == name; };
      const auto known = std::find_if(pairs.begin(), pairs.end(), same);
      if (known != pairs.end()) {
        known->second = std::move(value);
      } else {
        pairs.emplace_back(name, std::move(value));
      }
    }
    json += '{';
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0) json += ',';
      append_json_string(pairs[i].first, json);
      json += ':';
      if (!types_.append(pairs[i].first, pairs[i].second, json, reason)) return false;
    }
    json += '}';
    return true;
  }

 private:
  bool between(char c) const {
    return c == delimiter_ || (delimiter_ == ' ' && (c == '\t' || c == '\r' || c == '\n'));
  }
  bool has_gap(std::string_view name) const {
    return std::any_of(name.begin(), name.end(), [this](char c) { return between(c); });
  }
  void skip(std::string_view& text) const {
    while (!text.empty() && (between(text.front()) || text.front() == ' ' || text.front() == '\n' ||
                             text.front() == '\r'))
      text.remove_prefix(1);
  }
  bool take_value(std::string_view& text, std::string& value) const {
    if (text.empty() || text.front() != '"') {
      size_t end = 0;
      while (end < text.size() && !between(text[end])) ++end;
      value = delimiter_ == ' ' ? text.substr(0, end) : trimmed(text.substr(0, end));
      text.remove_prefix(end);
      return true;
    }
    for (size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '"') {
        text.remove_prefix(i + 1);
        return true;
      }
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      value += text[i];
    }
    return false;
  }

  char delimiter_;
  PieceTypes types_;
};

// The option's one character, or the default of the format.
std::optional<char> read_delimiter(BuildContext& context, char otherwise) {
  if (!context.params.has("delimiter")) return otherwise;
  const std::string text = context.params.text("delimiter");
  if (text == "\\t") return '\t';
  if (text.size() == 1 && text != "\"" && text != "=" && text != "\n") return text[0];
  context.diagnostics.error("E0439", context.params.span("delimiter"),
                            "a delimiter is one character, and no quote");
  return std::nullopt;
}

std::unique_ptr<TextParser> read_regex(BuildContext& context, PieceTypes types) {
  const SpecValue* written = context.params.value("pattern");
  if (written == nullptr) {
    context.diagnostics.error("E0439", context.params.verb_span, "'format: regex' needs a pattern",
                              "add `pattern: '(?P<name>…)'`");
    return nullptr;
  }
  auto pattern = TextPattern::compile(written->text);
  if (!pattern) {
    context.diagnostics.error("E0439", written->span,
                              "bad regular expression: " + pattern.error().message);
    return nullptr;
  }
  if (pattern->names().empty()) {
    context.diagnostics.error("E0439", written->span, "the pattern has no named groups",
                              "name what to take: (?P<name>…)");
    return nullptr;
  }
  return std::make_unique<RegexText>(std::move(*pattern), std::move(types));
}

std::unique_ptr<TextParser> read_csv(BuildContext& context, PieceTypes types, char decimal) {
  std::vector<std::string> names = context.params.texts("header");
  if (names.empty()) {
    context.diagnostics.error("E0439", context.params.verb_span,
                              "'format: csv' needs the names of its cells",
                              "add `header: [name, name]`");
    return nullptr;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) ==
        names.begin() + static_cast<std::ptrdiff_t>(i))
      continue;
    context.diagnostics.error("E0405", context.params.span("header"),
                              "'" + names[i] + "' is given twice");
    return nullptr;
  }
  const auto delimiter = read_delimiter(context, decimal == ',' ? ';' : ',');
  if (!delimiter) return nullptr;
  return std::make_unique<CsvText>(std::move(names), *delimiter, std::move(types));
}

bool check_options(BuildContext& context, const std::string& format) {
  struct Use {
    const char* option;
    std::vector<std::string> formats;
  };
  const Use uses[] = {{"pattern", {"regex"}},
                      {"header", {"csv"}},
                      {"delimiter", {"csv", "kv"}},
                      {"decimal", {"csv", "kv", "regex"}},
                      {"types", {"csv", "kv", "regex"}}};
  bool good = true;
  for (const Use& use : uses) {
    if (!context.params.has(use.option)) continue;
    if (std::find(use.formats.begin(), use.formats.end(), format) != use.formats.end()) continue;
    std::string where;
    for (const std::string& other : use.formats)
      where += (where.empty() ? "`format: " : ", `") + other + "`";
    context.diagnostics.error("E0433", context.params.span(use.option),
                              "'format: " + format + "' has no use for '" + use.option + "'",
                              "it goes with " + where);
    good = false;
  }
  return good;
}

}  // namespace

std::unique_ptr<TextParser> read_text_parser(BuildContext& context) {
  const Params& params = context.params;
  const std::string format = params.choice("format");
  if (!check_options(context, format)) return nullptr;
  const char decimal = params.choice("decimal") == "," ? ',' : '.';
  PieceTypes types(params, decimal);
  if (format == "json") return std::make_unique<JsonText>();
  if (format == "number") return std::make_unique<NumberText>();
  if (format == "regex") return read_regex(context, std::move(types));
  if (format == "csv") return read_csv(context, std::move(types), decimal);
  const auto delimiter = read_delimiter(context, ' ');
  if (!delimiter) return nullptr;
  return std::make_unique<PairsText>(*delimiter, std::move(types));
}

std::vector<OptionDescriptor> text_parser_options() {
  using enum OptionType;
  return {
      {.name = "format",
       .type = kChoice,
       .help = "what the text is: kv is key=value pairs",
       .fallback = "json",
       .choices = {"json", "csv", "regex", "kv", "number"}},
      {.name = "pattern", .type = kText, .help = "regex (RE2): its named groups are the fields"},
      {.name = "header", .type = kTexts, .help = "csv: the names of its cells"},
      {.name = "delimiter",
       .type = kText,
       .help = "between cells of csv (a comma) or pairs of kv (blanks)"},
      {.name = "decimal",
       .type = kChoice,
       .help = "decimal point of numbers",
       .fallback = ".",
       .choices = {".", ","}},
      {.name = "types",
       .type = kTypes,
       .help = "types of fields; without it JSON numbers are numbers, all else text",
       .choices = {"int", "uint", "double", "number", "string", "bool"}}};
}

}  // namespace streamflow
