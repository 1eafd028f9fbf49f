// Regular expressions that take and replace: StreamFlow's two, and cel-go's regex extension.
#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/expr/regex.h"

namespace streamflow::expr {
namespace {

constexpr size_t kMatchesMax = 100'000;

std::string text_of(re2::StringPiece found) {
  return found.data() ? std::string(found.data(), found.size()) : std::string();
}

Value first_group_or_null(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  if (!call.evaluator.spend(call[0].text().size() / 64)) return Evaluator::too_much();
  const auto text = piece(call[0].text());
  const bool grouped = (*pattern).NumberOfCapturingGroups() > 0;
  re2::StringPiece groups[2];
  if (!(*pattern).Match(text, 0, text.size(), re2::RE2::UNANCHORED, groups, grouped ? 2 : 1))
    return Value::null();
  const re2::StringPiece found = groups[grouped ? 1 : 0];
  return found.data() ? Value::string(text_of(found)) : Value::null();
}

// Calls `found` with the whole match and the first groups of each match, until it gives false.  An
// empty match beside the one before does not count.
template <class Found>
void each_match(const re2::RE2& pattern, std::string_view text, size_t groups, Found found) {
  std::vector<re2::StringPiece> parts(groups + 1);
  const auto whole = piece(text);
  size_t at = 0, end_before = std::string_view::npos;
  while (at <= text.size() && pattern.Match(whole, at, text.size(), re2::RE2::UNANCHORED,
                                            parts.data(), static_cast<int>(parts.size()))) {
    const auto begin = static_cast<size_t>(parts[0].data() - text.data());
    const size_t end = begin + parts[0].size();
    if (!(begin == end && end == end_before)) {
      if (!found(begin, end, parts)) return;
      end_before = end;
    }
    at = begin == end && begin >= at ? end + 1 : end;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
  }
}

// \1 is the first group, \0 all, \\ a backslash; the reason when it is not of that form.
std::string append_rewritten(std::string_view with, const std::vector<re2::StringPiece>& parts,
                             std::string& out) {
  for (size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '\\') {
      out += with[i];
      continue;
    }
    if (++i == with.size()) return "a \\ at its end";
    if (with[i] == '\\') {
      out += '\\';
      continue;
    }
    if (with[i] < '0' || with[i] > '9') return "after \\ belongs a digit or \\";
    const auto group = static_cast<size_t>(with[i] - '0');
    if (group >= parts.size()) return "there is no group \\" + std::string(1, with[i]);
    out += text_of(parts[group]);
  }
  return {};
}

Value replace(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  const std::string_view text = call[0].text(), with = call[2].text();
  int64_t left = call.size() > 3 ? call[3].as_int() : -1;
  if (!call.evaluator.spend(text.size() / 16)) return Evaluator::too_much();
  const auto groups = static_cast<size_t>((*pattern).NumberOfCapturingGroups());
  std::string out;
  std::string wrong = append_rewritten(with, std::vector<re2::StringPiece>(groups + 1), out);
  if (!wrong.empty()) return Value::error(call.node.name + "(): in the replacement: " + wrong);
  out.clear();
  size_t copied = 0;
  if (left != 0)
    each_match(*pattern, text, groups, [&](size_t begin, size_t end, const auto& parts) {
      out.append(text, copied, begin - copied);
      append_rewritten(with, parts, out);
      copied = end;
      return --left != 0 && out.size() <= kResultBytesMax;
    });
  out.append(text.substr(copied));
  if (out.size() > kResultBytesMax) return Value::error("the text grows too long");
  return Value::string(std::move(out));
}

Value one_group_only(const Call& call) {
  return Value::error(call.node.name + "(): the regular expression has more than one group");
}

Value extract(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  if ((*pattern).NumberOfCapturingGroups() > 1) return one_group_only(call);
  Value found = first_group_or_null(call);
  if (found.is_error()) return found;
  const bool grouped = (*pattern).NumberOfCapturingGroups() > 0;
  const bool none = found.is(Kind::kNull) || (grouped && found.text().empty());
  return Value::optional(none ? Value() : std::move(found));
}

Value extract_all(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  const auto groups = static_cast<size_t>((*pattern).NumberOfCapturingGroups());
  if (groups > 1) return one_group_only(call);
  if (!call.evaluator.spend(call[0].text().size() / 16)) return Evaluator::too_much();
  Value::List out;
  each_match(*pattern, call[0].text(), groups, [&](size_t, size_t, const auto& parts) {
    const re2::StringPiece found = parts[groups];
    if (groups == 0 || found.size() > 0) out.push_back(Value::string(text_of(found)));
    return out.size() < kMatchesMax;
  });
  return Value::list(std::move(out));
}

}  // namespace

void add_regex_functions(FunctionTable& table) {
  table.add({{"regexExtract(string, string) -> string", first_group_or_null}},
            "The first group of a regular expression (RE2), or all it matches if it has none; null "
            "where it does not match.",
            "regexExtract('dev-0042', '([0-9]+)')", "'0042'");
  table.add({{"regexReplace(string, string, string) -> string", replace}},
            "With a text in place of all matches of a regular expression; \\1 is its first group.",
            "regexReplace('a1b22', '[0-9]+', '#')", "'a#b#'");
  table.add({{"regex.extract(string, string) -> optional", extract}},
            "The one group of a regular expression, or all it matches, as an optional (cel-go's).",
            "regex.extract('item-A, item-B', 'item-([A-Z])').orValue('')", "'A'");
  table.add({{"regex.extractAll(string, string) -> list(string)", extract_all}},
            "The same for every match, as a list (cel-go's).",
            "regex.extractAll('item-A, item-B', 'item-([A-Z])')", "['A', 'B']");
  table.add({{"regex.replace(string, string, string) -> string", replace},
             {"regex.replace(string, string, string, int) -> string", replace}},
            "As regexReplace; at most so many times where a number is given (cel-go's).",
            "regex.replace('banana', 'a', 'x', 2)", "'bxnxna'");
}

}  // namespace streamflow::expr
