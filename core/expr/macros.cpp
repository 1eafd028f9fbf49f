// Macros: their variables are slots of `locals_`, their bodies are evaluated once for each element.
#include <algorithm>

#include "core/expr/eval.h"
#include "core/expr/program.h"

namespace streamflow::expr {

Value Evaluator::macro(const Node& node) {
  switch (node.macro) {
    case Macro::kHas:
      return has(node);
    case Macro::kAll:
      return quantified(node, false);
    case Macro::kExists:
      return quantified(node, true);
    case Macro::kExistsOne:
      return exists_one(node);
    case Macro::kMap:
    case Macro::kFilter:
    case Macro::kTransformList:
      return transform_list(node);
    case Macro::kTransformMap:
    case Macro::kTransformMapEntry:
      return transform_map(node);
    case Macro::kSortBy:
      return sort_by(node);
    case Macro::kBind:
      return bind(node);
    case Macro::kOptMap:
    case Macro::kOptFlatMap:
      return optional_map(node);
    case Macro::kNone:
      break;
  }
  return Value::error("unknown macro");
}

// The argument is a field, or a selection whose operand is looked into.
Value Evaluator::has(const Node& node) {
  const Node& what = *node.children[0];
  if (what.kind == NodeKind::kName) {
    const Value value = name(what);
    return value.is_error() ? value : Value::boolean(!value.is(Kind::kMissing));
  }
  Value operand = evaluate(*what.children[0]);
  if (operand.is_error()) return operand;
  if (operand.is(Kind::kOptional)) operand = Value(operand.inner());
  if (operand.is_absent() && (what.data || operand.is(Kind::kMissing)))
    return Value::boolean(false);
  if (!operand.is(Kind::kMap))
    return Value::error("has() looks into maps, not into " + with_article(operand.kind()));
  const Value key =
      what.kind == NodeKind::kSelect ? Value::borrowed(what.name) : evaluate(*what.children[1]);
  if (key.is_error()) return key;
  if (!spend(operand.entries().size() / 8)) return too_much();
  return Value::boolean(!member(operand, key).is(Kind::kMissing));
}

template <class Step>
Value Evaluator::each(const Node& node, Step step) {
  const Value range = evaluate(*node.children[0]);
  if (range.is_error()) return range;
  const bool two = node.variables == 2;
  if (range.is(Kind::kList)) {
    int64_t index = 0;
    for (const Value& item : range.items()) {
      locals_[node.slot] = two ? Value::integer(index++) : item;
      if (two) locals_[node.slot + 1] = item;
      if (!spend(1)) return too_much();
      if (!step()) break;
    }
    return Value();
  }
  if (range.is(Kind::kMap)) {
    for (const auto& [key, value] : range.entries()) {
      locals_[node.slot] = key;
      if (two) locals_[node.slot + 1] = value;
      if (!spend(1)) return too_much();
      if (!step()) break;
    }
    return Value();
  }
  const std::string name = path_name(*node.children[0]);
  if (range.is_absent() && !name.empty())
    return Value::error(name + " is " + std::string(kind_name(range.kind())));
  return Value::error(node.name + "() goes through lists and maps, not " +
                      with_article(range.kind()));
}

Value Evaluator::condition(const Node& node) {
  Value value = evaluate(node);
  if (value.is_error() || value.is(Kind::kBool)) return value;
  return Value::error(condition_error(node, value.kind()));
}

// all: the first false decides; exists: the first true.  Errors count only if nothing decides.
Value Evaluator::quantified(const Node& node, bool decides) {
  Value failed;
  bool decided = false;
  const Value error = each(node, [&] {
    Value value = condition(*node.children[1]);
    if (value.is_error())
      failed = std::move(value);
    else
      decided = value.as_bool() == decides;
    return !decided;
  });
  if (error.is_error()) return error;
  if (decided) return Value::boolean(decides);
  return failed.is_error() ? failed : Value::boolean(!decides);
}

Value Evaluator::exists_one(const Node& node) {
  Value failed;
  size_t found = 0;
  const Value error = each(node, [&] {
    failed = condition(*node.children[1]);
    if (!failed.is_error() && failed.as_bool()) ++found;
    return !failed.is_error();
  });
  if (error.is_error()) return error;
  return failed.is_error() ? failed : Value::boolean(found == 1);
}

// map(x, e), map(x, p, e), filter(x, p), transformList(i, v, e), transformList(i, v, p, e)
Value Evaluator::transform_list(const Node& node) {
  const bool keeps = node.macro == Macro::kFilter;
  const Node* test = keeps || node.children.size() > 2 ? node.children[1].get() : nullptr;
  const Node& result = *node.children.back();
  Value failed;
  Value::List items;
  const Value error = each(node, [&] {
    if (test) {
      failed = condition(*test);
      if (failed.is_error()) return false;
      if (!failed.as_bool()) return true;
    }
    failed = keeps ? locals_[node.slot] : evaluate(result);
    if (failed.is_error()) return false;
    items.push_back(settled(std::move(failed)));
    failed = Value();
    return true;
  });
  if (error.is_error()) return error;
  return failed.is_error() ? failed : bounded(Value::list(std::move(items)));
}

Value Evaluator::add_entries(const Node& node, const Value& key, Value::Map& entries) {
  Value value = evaluate(*node.children.back());
  if (value.is_error()) return value;
  if (node.macro == Macro::kTransformMap) {
    entries.emplace_back(key, settled(std::move(value)));
    return Value();
  }
  if (!value.is(Kind::kMap)) return Value::error("transformMapEntry() needs a map for each entry");
  for (const auto& [new_key, new_value] : value.entries()) {
    if (!spend(1 + entries.size() / 8)) return too_much();
    for (const auto& [known, old] : entries)
      if (equal(known, new_key)) return Value::error("duplicate key in a map: " + literal(new_key));
    entries.emplace_back(new_key, new_value);
  }
  return Value();
}

Value Evaluator::transform_map(const Node& node) {
  const Node* test = node.children.size() > 2 ? node.children[1].get() : nullptr;
  Value failed;
  Value::Map entries;
  const Value error = each(node, [&] {
    const Value key = locals_[node.slot];
    if (test) {
      failed = condition(*test);
      if (failed.is_error()) return false;
      if (!failed.as_bool()) return true;
    }
    failed = add_entries(node, key, entries);
    return !failed.is_error();
  });
  if (error.is_error()) return error;
  return failed.is_error() ? failed : bounded(Value::map(std::move(entries)));
}

Value Evaluator::sort_by(const Node& node) {
  std::vector<std::pair<Value, Value>> keyed;
  Value failed;
  const Value error = each(node, [&] {
    const Value item = locals_[node.slot];
    Value key = evaluate(*node.children[1]);
    if (key.is_error() || compare(key, key) == kUnordered) {
      failed = key.is_error() ? std::move(key)
                              : Value::error("sortBy() cannot order " + with_article(key.kind()));
      return false;
    }
    if (!keyed.empty() && compare(keyed[0].first, key) == kUnordered) {
      failed = Value::error("sortBy() cannot order values of different types");
      return false;
    }
    keyed.emplace_back(std::move(key), item);
    return true;
  });
  if (error.is_error()) return error;
  if (failed.is_error()) return failed;
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return compare(a.first, b.first) < 0; });
  Value::List items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return Value::list(std::move(items));
}

// An error is the variable's value: it counts where the variable is used, which may be nowhere.
Value Evaluator::bind(const Node& node) {
  locals_[node.slot] = evaluate(*node.children[0]);
  return evaluate(*node.children[1]);
}

Value Evaluator::optional_map(const Node& node) {
  Value target = evaluate(*node.children[0]);
  if (target.is_error()) return target;
  if (!target.is(Kind::kOptional))
    return Value::error(node.name + "() belongs to optionals, not to " +
                        with_article(target.kind()));
  if (target.inner().is(Kind::kMissing)) return target;
  locals_[node.slot] = target.inner();
  Value value = evaluate(*node.children[1]);
  if (value.is_error()) return value;
  if (node.macro == Macro::kOptMap) return bounded(Value::optional(settled(std::move(value))));
  if (!value.is(Kind::kOptional)) return Value::error("optFlatMap() needs an optional");
  return value;
}

}  // namespace streamflow::expr
