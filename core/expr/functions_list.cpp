// CEL's lists, sets and encoders extensions (cel-go's lists version 2).
#include <algorithm>

#include "core/base64.h"
#include "core/expr/equality.h"
#include "core/expr/eval.h"
#include "core/expr/functions.h"

namespace streamflow::expr {
namespace {

constexpr size_t kItemsMax = kResultBytesMax / sizeof(Value);

bool holds(const Call& call, const Value::List& items, const Value& wanted) {
  return std::any_of(items.begin(), items.end(),
                     [number = call.node.number, &wanted](const Value& item) {
                       return equal(number, item, wanted);
                     });
}

// Comparing each with each is spent before it is done.
bool afford(const Call& call, size_t a, size_t b) {
  return call.evaluator.spend(a > 0 && b > kStepsMax / a ? kStepsMax + 1 : a * b / 8);
}

bool flatten_into(const Value& list, int64_t depth, Value::List& out) {
  for (const Value& item : list.items()) {
    if (out.size() > kItemsMax) return false;
    if (item.is(Kind::kList) && depth > 0) {
      if (!flatten_into(item, depth - 1, out)) return false;
    } else {
      out.push_back(item);
    }
  }
  return true;
}

Value flatten(const Call& call) {
  const int64_t depth = call.size() > 1 ? call[1].as_int() : 1;
  if (depth < 0) return Value::error("flatten() cannot go to a negative depth");
  Value::List out;
  if (!flatten_into(call[0], depth, out)) return Value::error("the list grows too long");
  if (!call.evaluator.spend(out.size())) return Evaluator::too_much();
  return Value::list(std::move(out));
}

Value slice(const Call& call) {
  const auto& items = call[0].items();
  const int64_t from = call[1].as_int(), to = call[2].as_int();
  if (from < 0 || to < from || static_cast<uint64_t>(to) > items.size())
    return Value::error("slice(" + std::to_string(from) + ", " + std::to_string(to) +
                        ") is outside a list of " + std::to_string(items.size()));
  return Value::list({items.begin() + from, items.begin() + to});
}

Value sort(const Call& call) {
  Value::List items = call[0].items();
  for (const Value& item : items) {
    if (is_number(item.kind()) && compare(item, item) == kUnordered)
      return Value::error("sort() cannot order NaN");
    if (compare(item, items[0]) == kUnordered)
      return Value::error("sort() cannot order " + with_article(items[0].kind()) + " and " +
                          with_article(item.kind()));
  }
  if (!call.evaluator.spend(items.size())) return Evaluator::too_much();
  std::stable_sort(items.begin(), items.end(),
                   [](const Value& a, const Value& b) { return compare(a, b) < 0; });
  return Value::list(std::move(items));
}

Value distinct(const Call& call) {
  Value::List out;
  for (const Value& item : call[0].items()) {
    if (!call.evaluator.spend(1 + out.size() / 8)) return Evaluator::too_much();
    if (!holds(call, out, item)) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value reverse(const Call& call) {
  return Value::list({call[0].items().rbegin(), call[0].items().rend()});
}

Value range(const Call& call) {
  const int64_t count = call[0].as_int();
  if (count < 0) return Value::error("range() cannot have a negative size");
  if (static_cast<uint64_t>(count) > kItemsMax ||
      !call.evaluator.spend(static_cast<size_t>(count) / 4))
    return Value::error("the list grows too long");
  Value::List out;
  out.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) out.push_back(Value::integer(i));
  return Value::list(std::move(out));
}

Value first(const Call& call) {
  const auto& items = call[0].items();
  return Value::optional(items.empty() ? Value() : items.front());
}

Value last(const Call& call) {
  const auto& items = call[0].items();
  return Value::optional(items.empty() ? Value() : items.back());
}

bool contains_all(const Call& call, const Value& set, const Value& wanted) {
  return std::all_of(wanted.items().begin(), wanted.items().end(),
                     [&call, &set](const Value& item) { return holds(call, set.items(), item); });
}

Value set_contains(const Call& call) {
  if (!afford(call, call[0].items().size(), call[1].items().size())) return Evaluator::too_much();
  return Value::boolean(contains_all(call, call[0], call[1]));
}

Value set_equivalent(const Call& call) {
  if (!afford(call, call[0].items().size(), call[1].items().size())) return Evaluator::too_much();
  return Value::boolean(contains_all(call, call[0], call[1]) &&
                        contains_all(call, call[1], call[0]));
}

Value set_intersects(const Call& call) {
  if (!afford(call, call[0].items().size(), call[1].items().size())) return Evaluator::too_much();
  const auto& a = call[0].items();
  return Value::boolean(std::any_of(a.begin(), a.end(), [&call](const Value& item) {
    return holds(call, call[1].items(), item);
  }));
}

Value encode_base64(const Call& call) {
  std::string out;
  append_base64(call[0].text(), out);
  return Value::string(std::move(out));
}

Value decode(const Call& call) {  // line breaks do not count
  std::string text(call[0].text());
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  std::optional<std::string> bytes = decode_base64(text);
  return bytes ? Value::bytes(std::move(*bytes)) : Value::error("this text is not base64");
}

}  // namespace

void add_list_functions(FunctionTable& table) {
  table.add({{"list.flatten() -> list", flatten}, {"list.flatten(int) -> list", flatten}},
            "With the elements of inner lists in place of those, one level or as many as given.",
            "[1, [2, [3]]].flatten()", "[1, 2, [3]]");
  table.add({{"list.slice(int, int) -> list", slice}}, "From an index to before another.",
            "[1, 2, 3, 4].slice(1, 3)", "[2, 3]");
  table.add({{"list.sort() -> list", sort}}, "In ascending order; numbers of all types together.",
            "[3, 1.5, 2u].sort()", "[1.5, 2u, 3]");
  table.add({{"list.distinct() -> list", distinct}}, "Without repeated elements.",
            "[1, 2, 1, 3].distinct()", "[1, 2, 3]");
  table.add({{"list.reverse() -> list", reverse}}, "Backwards.", "[1, 2, 3].reverse()",
            "[3, 2, 1]");
  table.add({{"list.first() -> optional", first}}, "The first element, if there is one.",
            "[1, 2].first().value()", "1");
  table.add({{"list.last() -> optional", last}}, "The last element, if there is one.",
            "[].last().orValue(0)", "0");
  table.add({{"lists.range(int) -> list(int)", range}}, "The numbers from 0 to before another.",
            "lists.range(3)", "[0, 1, 2]");
  table.add({{"sets.contains(list, list) -> bool", set_contains}},
            "Whether all elements of the second are in the first.", "sets.contains([1, 2], [2])",
            "true");
  table.add({{"sets.equivalent(list, list) -> bool", set_equivalent}},
            "Whether both have the same elements, whatever order and number.",
            "sets.equivalent([1, 2, 2], [2, 1])", "true");
  table.add({{"sets.intersects(list, list) -> bool", set_intersects}},
            "Whether they have an element in common.", "sets.intersects([1, 2], [3])", "false");
  table.add({{"base64.encode(bytes) -> string", encode_base64}}, "Bytes as base64 text.",
            "base64.encode(b'hello')", "'aGVsbG8='");
  table.add({{"base64.decode(string) -> bytes", decode}}, "The bytes of base64 text.",
            "base64.decode('aGVsbG8')", "b'hello'");
}

}  // namespace streamflow::expr
