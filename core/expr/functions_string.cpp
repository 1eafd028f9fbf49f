// CEL's strings extension (cel-go's version 4), by code points.
#include <algorithm>

#include "core/expr/eval.h"
#include "core/expr/format.h"
#include "core/expr/functions.h"
#include "core/expr/search.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

Value integer(size_t i) { return Value::integer(static_cast<int64_t>(i)); }

Value outside(const Value& index) {
  return Value::error("index " + literal(index) + " is outside the text");
}

// The byte offset of a code point's index, at most one past the last; nothing when outside.
std::optional<size_t> offset(const Call& call, size_t argument) {
  const std::string_view text = call[0].text();
  const int64_t index = call[argument].as_int();
  if (index < 0 || static_cast<uint64_t>(index) > text.size()) return {};
  const size_t at = offset_of_code_point(text, static_cast<size_t>(index));
  if (at == text.size() && static_cast<size_t>(index) != count_code_points(text)) return {};
  return at;
}

Value made(const Call& call, std::string text) {
  if (text.size() > kResultBytesMax) return Value::error("the text grows too long");
  if (!call.evaluator.spend(text.size() / 64)) return Evaluator::too_much();
  return Value::string(std::move(text));
}

Value char_at(const Call& call) {
  const auto at = offset(call, 1);
  if (!at) return outside(call[1]);
  const std::string_view text = call[0].text();
  if (*at == text.size()) return Value::string("");
  return Value::string(std::string(text.substr(*at, decode_utf8(text, *at).length)));
}

Value index_of(const Call& call) {
  const std::string_view text = call[0].text();
  size_t from = 0;
  if (call.size() > 2) {
    const auto at = offset(call, 2);
    if (!at) return outside(call[2]);
    from = *at;
  }
  if (!call.evaluator.spend(text.size() / 64)) return Evaluator::too_much();
  const size_t found = find_text(text, call[1].text(), from);
  if (found == std::string_view::npos) return Value::integer(-1);
  return integer(count_code_points(text.substr(0, found)));
}

Value last_index_of(const Call& call) {
  const std::string_view text = call[0].text();
  size_t from = std::string_view::npos;
  if (call.size() > 2) {
    const auto at = offset(call, 2);
    if (!at) return outside(call[2]);
    from = *at;
  }
  if (!call.evaluator.spend(text.size() / 64)) return Evaluator::too_much();
  const size_t found = find_text_last(text, call[1].text(), from);
  if (found == std::string_view::npos) return Value::integer(-1);
  return integer(count_code_points(text.substr(0, found)));
}

Value join(const Call& call) {
  const std::string_view between = call.size() > 1 ? call[1].text() : std::string_view();
  std::string out;
  bool first = true;
  for (const Value& item : call[0].items()) {
    if (!item.is(Kind::kString))
      return Value::error("join() needs strings, not " + with_article(item.kind()));
    if (!first) out += between;
    first = false;
    out += item.text();
    if (out.size() > kResultBytesMax) break;
  }
  return made(call, std::move(out));
}

template <char first, char last>
Value change_case(const Call& call) {
  std::string out(call[0].text());
  for (char& c : out)
    if (c >= first && c <= last) c = static_cast<char>(c ^ 0x20);
  return made(call, std::move(out));
}

Value replace(const Call& call) {
  const std::string_view text = call[0].text(), from = call[1].text(), to = call[2].text();
  int64_t left = call.size() > 3 ? call[3].as_int() : -1;
  std::string out;
  size_t at = 0;
  while (left != 0 && out.size() <= kResultBytesMax) {
    const size_t found = find_text(text, from, at);
    if (found == std::string_view::npos) break;
    out.append(text, at, found - at).append(to);
    at = found + from.size();
    if (from.empty()) {  // between all characters
      if (at >= text.size()) {
        at = std::string_view::npos;
        break;
      }
      const size_t step = decode_utf8(text, at).length;
      out.append(text, at, step);
      at += step;
    }
    if (left > 0) --left;
  }
  if (at != std::string_view::npos) out.append(text.substr(at));
  return made(call, std::move(out));
}

Value split(const Call& call) {
  const std::string_view text = call[0].text(), by = call[1].text();
  const int64_t limit = call.size() > 2 ? call[2].as_int() : -1;
  Value::List out;
  if (limit == 0) return Value::list({});
  size_t at = 0;
  while (limit < 0 || static_cast<int64_t>(out.size()) + 1 < limit) {
    if (!call.evaluator.spend(1)) return Evaluator::too_much();
    size_t end = find_text(text, by, at);
    if (by.empty()) end = at < text.size() ? at + decode_utf8(text, at).length : at;
    if (end == std::string_view::npos || (by.empty() && end >= text.size())) break;
    out.push_back(Value::string(std::string(text.substr(at, end - at))));
    at = end + by.size();
  }
  if (!(by.empty() && text.empty())) out.push_back(Value::string(std::string(text.substr(at))));
  return Value::list(std::move(out));
}

Value substring(const Call& call) {
  const auto begin = offset(call, 1);
  if (!begin) return outside(call[1]);
  const std::string_view text = call[0].text();
  if (call.size() == 2) return Value::string(std::string(text.substr(*begin)));
  const auto end = offset(call, 2);
  if (!end) return outside(call[2]);
  if (*end < *begin) return Value::error("substring() ends before it begins");
  return Value::string(std::string(text.substr(*begin, *end - *begin)));
}

bool is_space(uint32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

Value trim(const Call& call) {
  const std::string_view text = call[0].text();
  size_t begin = 0, end = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!is_space(c.value)) {
      if (!inside) begin = at;
      inside = true;
      end = at + c.length;
    }
    at += c.length;
  }
  return Value::string(std::string(text.substr(begin, end - begin)));
}

Value reverse(const Call& call) {
  const std::string_view text = call[0].text();
  std::string out;
  out.reserve(text.size());
  for (size_t end = text.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    out.append(text, begin, end - begin);
    end = begin;
  }
  return made(call, std::move(out));
}

Value quote(const Call& call) {
  static constexpr std::string_view kFrom = "\a\b\f\n\r\t\v\\\"", kTo = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char c : call[0].text()) {
    const size_t known = kFrom.find(c);
    if (known == std::string_view::npos)
      out += c;
    else
      (out += '\\') += kTo[known];
  }
  out += '"';
  return made(call, std::move(out));
}

Value format(const Call& call) {
  Value out = format_text(call[0].text(), call[1].items(), call.node.number);
  return out.is_error() ? out : made(call, std::string(out.text()));
}

}  // namespace

void add_string_functions(FunctionTable& table) {
  table.add({{"string.charAt(int) -> string", char_at}}, "The character at an index, from 0.",
            "'hello'.charAt(4)", "'o'");
  table.add({{"string.indexOf(string) -> int", index_of},
             {"string.indexOf(string, int) -> int", index_of}},
            "Where another text begins first, from an index on; -1 if nowhere.",
            "'hello mellow'.indexOf('ello', 2)", "7");
  table.add({{"string.lastIndexOf(string) -> int", last_index_of},
             {"string.lastIndexOf(string, int) -> int", last_index_of}},
            "Where another text begins last, at most at an index; -1 if nowhere.",
            "'hello mellow'.lastIndexOf('ello')", "7");
  table.add({{"list.join() -> string", join}, {"list.join(string) -> string", join}},
            "The strings of a list in a row, with a text between them.", "['a', 'b'].join('-')",
            "'a-b'");
  table.add({{"string.lowerAscii() -> string", change_case<'A', 'Z'>}},
            "With small letters, of A to Z only.", "'TacoCat'.lowerAscii()", "'tacocat'");
  table.add({{"string.upperAscii() -> string", change_case<'a', 'z'>}},
            "With capital letters, of a to z only.", "'TacoCat'.upperAscii()", "'TACOCAT'");
  table.add({{"string.replace(string, string) -> string", replace},
             {"string.replace(string, string, int) -> string", replace}},
            "With one text in place of another, everywhere or only so many times.",
            "'hello hello'.replace('he', 'we', 1)", "'wello hello'");
  table.add({{"string.split(string) -> list(string)", split},
             {"string.split(string, int) -> list(string)", split}},
            "The parts between separators, at most so many.", "'a/b/c'.split('/')",
            "['a', 'b', 'c']");
  table.add({{"string.substring(int) -> string", substring},
             {"string.substring(int, int) -> string", substring}},
            "From an index to before another, or to the end.", "'tacocat'.substring(0, 4)",
            "'taco'");
  table.add({{"string.trim() -> string", trim}}, "Without white space at the ends.",
            "'  trim '.trim()", "'trim'");
  table.add({{"string.reverse() -> string", reverse}}, "Its characters backwards.",
            "'gums'.reverse()", "'smug'");
  table.add({{"strings.quote(string) -> string", quote}},
            "In double quotes, with escapes, safe to print.", "strings.quote('a\"b')",
            "'\"a\\\\\"b\"'");
  table.add({{"string.format(list) -> string", format}},
            "With values in place of %s (any), %d, %f, %e, %x, %X, %o, %b; %.2f sets decimals.",
            "'%s: %.1f'.format(['t', 21.55])", "'t: 21.6'");
}

}  // namespace streamflow::expr
