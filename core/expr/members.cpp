// What is inside something: list elements, map entries, record fields, constant sets.
#include <algorithm>
#include <unordered_set>

#include "core/expr/bytes.h"
#include "core/expr/eval.h"
#include "core/expr/json_path.h"
#include "core/expr/program.h"

namespace streamflow::expr {
namespace {

bool whole_number(const Value& value, int64_t& out) {
  if (value.is(Kind::kDouble)) {
    const double d = value.as_double();
    if (!(d >= -9e15 && d <= 9e15)) return false;
    out = static_cast<int64_t>(d);
    return static_cast<double>(out) == d;
  }
  out = value.as_int();
  return value.is(Kind::kInt) || (value.is(Kind::kUint) && out >= 0);
}

Value element(const Value::List& items, const Value& key) {
  int64_t index = 0;
  if (!is_number(key.kind()) || !whole_number(key, index))
    return Value::error("a list is indexed by a whole number, not " + with_article(key.kind()));
  if (index < 0 || static_cast<uint64_t>(index) >= items.size())
    return Value::error("index " + std::to_string(index) + " is outside a list of " +
                        std::to_string(items.size()));
  return items[static_cast<size_t>(index)];
}

}  // namespace

Value member(const Value& container, const Value& key) {
  if (container.is(Kind::kList)) return element(container.items(), key);
  if (!container.is(Kind::kMap))
    return Value::error(with_article(container.kind()) + " has no elements");
  for (const auto& [known, value] : container.entries())
    if (equal(known, key)) return value;
  return Value();
}

const Node& nested_field(const Node& node) {
  return node.kind == NodeKind::kName ? node : nested_field(*node.children[0]);
}

std::optional<std::string_view> nested_text(const Node& node, std::string_view json) {
  if (node.kind == NodeKind::kName) return json;
  const auto outer = nested_text(*node.children[0], json);
  if (!outer || outer->empty()) return outer;
  return find_member(*outer, node.name);
}

Value json_value(std::string_view json) {
  const bool text = json.size() >= 2 && json.front() == '"' && json.back() == '"';
  if (text && json.find('\\') == std::string_view::npos)
    return Value::borrowed(json.substr(1, json.size() - 2));
  return parse_json(json);
}

static bool is_result(std::string_view name, size_t results) {
  if (results == 0 || !name.starts_with('$')) return false;
  for (size_t i = 0; i < results; ++i)
    if (name.substr(1) == std::to_string(i)) return true;
  return false;
}

Value record_value(const Batch& batch, uint32_t row, size_t results) {
  Value::Map entries;
  if (batch.origin) {
    const Value parsed = parse_json(batch.origin->text(row));
    if (parsed.is_error()) return parsed;
    if (parsed.is(Kind::kMap)) entries = parsed.entries();
  }
  if (batch.dropped)
    for (const std::string& name : *batch.dropped)
      std::erase_if(entries, [&name](const auto& entry) { return entry.first.text() == name; });
  for (const NamedColumn& column : batch.columns) {
    if ((batch.origin && column.original) || is_result(column.name, results)) continue;
    const Value value = column.column->value(row);
    const auto known = std::find_if(entries.begin(), entries.end(), [&column](const auto& entry) {
      return entry.first.text() == column.name;
    });
    if (value.is(Kind::kMissing)) {
      if (known != entries.end()) entries.erase(known);
    } else if (known != entries.end()) {
      known->second = value;
    } else {
      entries.emplace_back(Value::string(column.name), value);
    }
  }
  return Value::map(std::move(entries));
}

struct ConstantSet {
  std::vector<Value> numbers;
  std::unordered_set<std::string_view> strings;
  std::vector<std::string_view> few;  // the strings, where looking at each is faster than a hash
  bool null = false, yes = false, no = false;
  Value list;  // owns what `strings` points to
};

std::shared_ptr<const ConstantSet> make_constant_set(const Value& list) {
  auto set = std::make_shared<ConstantSet>();
  set->list = list;
  for (const Value& item : list.items()) {
    if (is_number(item.kind()))
      set->numbers.push_back(item);
    else if (item.is(Kind::kString))
      set->strings.insert(item.text());
    else if (item.is_absent())
      set->null = true;
    else if (item.is(Kind::kBool))
      (item.as_bool() ? set->yes : set->no) = true;
    else
      return nullptr;
  }
  constexpr size_t kFew = 8;
  if (set->strings.size() <= kFew) set->few.assign(set->strings.begin(), set->strings.end());
  // NaN equals nothing; the rest sorts.
  std::erase_if(set->numbers, [](const Value& n) { return compare(n, n) != 0; });
  std::sort(set->numbers.begin(), set->numbers.end(),
            [](const Value& a, const Value& b) { return compare(a, b) < 0; });
  return set;
}

bool contains(const ConstantSet& set, Kind kind, uint64_t bits, std::string_view text) {
  if (kind == Kind::kString) {
    if (set.few.empty()) return set.strings.count(text) > 0;
    for (const std::string_view known : set.few)
      if (known.size() == text.size() && same_bytes(known.data(), text.data(), text.size()))
        return true;
    return false;
  }
  if (kind <= Kind::kNull) return set.null;
  if (is_number(kind)) {
    const auto first =
        std::partition_point(set.numbers.begin(), set.numbers.end(), [kind, bits](const Value& n) {
          return compare_numbers(n.kind(), n.bits(), kind, bits) == -1;
        });
    return first != set.numbers.end() &&
           compare_numbers(first->kind(), first->bits(), kind, bits) == 0;
  }
  return kind == Kind::kBool && (bits != 0 ? set.yes : set.no);
}

}  // namespace streamflow::expr
