// size, and the questions that strings answer.
#include <re2/re2.h>

#include "core/expr/eval.h"
#include "core/expr/functions.h"
#include "core/expr/regex.h"
#include "core/expr/search.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

Value size_of(const Call& call) {
  const Value& value = call[0];
  switch (value.kind()) {
    case Kind::kString:
      return Value::integer(static_cast<int64_t>(count_code_points(value.text())));
    case Kind::kBytes:
      return Value::integer(static_cast<int64_t>(value.text().size()));
    case Kind::kList:
      return Value::integer(static_cast<int64_t>(value.items().size()));
    default:
      return Value::integer(static_cast<int64_t>(value.entries().size()));
  }
}

Value starts_with(const Call& call) {
  return Value::boolean(call[0].text().starts_with(call[1].text()));
}
Value ends_with(const Call& call) {
  return Value::boolean(call[0].text().ends_with(call[1].text()));
}
Value contains(const Call& call) {
  if (!call.evaluator.spend(call[0].text().size() / 256)) return Evaluator::too_much();
  return Value::boolean(find_text(call[0].text(), call[1].text()) != std::string_view::npos);
}

Value matches(const Call& call) {
  const Pattern pattern(call, 1);
  if (!pattern.ok()) return pattern.error();
  if (!call.evaluator.spend(call[0].text().size() / 64)) return Evaluator::too_much();
  return Value::boolean(re2::RE2::PartialMatch(piece(call[0].text()), *pattern));
}

}  // namespace

void add_core_functions(FunctionTable& table) {
  const char* help = "The number of code points, bytes, elements or entries.";
  table.add({{"size(string) -> int", size_of},
             {"size(bytes) -> int", size_of},
             {"size(list) -> int", size_of},
             {"size(map) -> int", size_of}},
            help, "size('héllo')", "5");
  table.add({{"string.size() -> int", size_of},
             {"bytes.size() -> int", size_of},
             {"list.size() -> int", size_of},
             {"map.size() -> int", size_of}},
            help, "[1, 2, 3].size()", "3");
  table.add({{"string.startsWith(string) -> bool", starts_with}},
            "Whether the text starts with another.", "'dev-0042'.startsWith('dev-')", "true");
  table.add({{"string.endsWith(string) -> bool", ends_with}}, "Whether the text ends with another.",
            "'a/b/state'.endsWith('/state')", "true");
  table.add({{"string.contains(string) -> bool", contains}},
            "Whether another text is somewhere in it.", "'overheated'.contains('heat')", "true");
  const char* matching =
      "Whether a regular expression (RE2 syntax) matches somewhere in the text; ^ and $ tie it to "
      "the ends.";
  table.add({{"string.matches(string) -> bool", matches}}, matching,
            "'dev-0042'.matches('^dev-[0-9]+$')", "true");
  table.add({{"matches(string, string) -> bool", matches}}, matching, "matches('abc', 'b')",
            "true");
}

}  // namespace streamflow::expr
