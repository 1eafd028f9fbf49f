#include "core/expr/eval.h"
#include "core/expr/program.h"

#include <set>

#include "core/expr/equality.h"
#include "core/expr/functions.h"
#include "core/expr/instant.h"
#include "core/expr/numbers.h"
#include "core/expr/utf8.h"
#include "core/map_equality.h"

namespace streamflow::expr {
namespace {

Value no_such_key(std::string_view key) {
  return Value::error("no such key: '" + std::string(clipped(key, 100)) + "'");
}

std::string snippet(const Tree& tree, const Node& node) {
  constexpr size_t kShown = 60;
  std::string text = tree.text.substr(node.begin, node.end - node.begin);
  if (text.size() <= kShown) return text;
  size_t end = kShown;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Value add_lists(const Value& a, const Value& b) {
  constexpr size_t kItemsMax = kResultBytesMax / sizeof(Value);
  if (a.items().size() + b.items().size() > kItemsMax)
    return Value::error("the list grows too long");
  Value::List items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return Value::list(std::move(items));
}

std::optional<Value> add_texts(const Value& a, const Value& b) {
  if (a.text().size() + b.text().size() > kResultBytesMax)
    return Value::error("the text grows too long");
  std::string text;
  text.reserve(a.text().size() + b.text().size());
  text.append(a.text()).append(b.text());
  return a.is(Kind::kString) ? Value::string(std::move(text)) : Value::bytes(std::move(text));
}

// + and - of what is no number; nothing where they are not defined.
std::optional<Value> combine(Op op, const Value& a, const Value& b) {
  const bool time_a = a.is(Kind::kTimestamp), time_b = b.is(Kind::kTimestamp);
  const bool span_a = a.is(Kind::kDuration), span_b = b.is(Kind::kDuration);
  if (op == Op::kAdd) {
    if (a.kind() == b.kind() && (a.is(Kind::kString) || a.is(Kind::kBytes))) return add_texts(a, b);
    if (a.is(Kind::kList) && b.is(Kind::kList)) return add_lists(a, b);
    if (span_a && span_b) return duration_from(nanos_of(a) + nanos_of(b));
    if ((time_a && span_b) || (span_a && time_b)) return timestamp_from(nanos_of(a) + nanos_of(b));
  }
  if (op == Op::kSubtract) {
    if ((time_a && time_b) || (span_a && span_b)) return duration_from(nanos_of(a) - nanos_of(b));
    if (time_a && span_b) return timestamp_from(nanos_of(a) - nanos_of(b));
  }
  return {};
}

Value arithmetic(const Tree& tree, const Node& node, const Value& a, const Value& b) {
  if (is_number(a.kind()) && is_number(b.kind())) {
    Number result;
    const char* error = nullptr;
    if (node.number)
      result = calculate(node.op, a.kind(), a.bits(), b.kind(), b.bits());
    else if (a.kind() != b.kind() || (a.is(Kind::kDouble) && node.op == Op::kRemainder))
      return Value::error(operand_error(tree, node, a.kind(), b.kind()));
    else
      result = calculate_pure(node.op, a.kind(), a.bits(), b.bits(), error);
    if (result.kind == Kind::kDouble) return Value::real(std::bit_cast<double>(result.bits));
    if (result.kind == Kind::kInt) return Value::integer(static_cast<int64_t>(result.bits));
    if (result.kind == Kind::kUint) return Value::unsigned_integer(result.bits);
    return Value::error(error ? error : overflow_error(tree, node));
  }
  if (std::optional<Value> other = combine(node.op, a, b)) return std::move(*other);
  return Value::error(operand_error(tree, node, a.kind(), b.kind()));
}

Value ordering(const Tree& tree, const Node& node, const Value& a, const Value& b) {
  const int order = compare(node.number, a, b);
  if (order == kUnordered) {
    if (is_number(a.kind()) && is_number(b.kind())) return Value::boolean(false);  // NaN
    return Value::error(operand_error(tree, node, a.kind(), b.kind()));
  }
  switch (node.op) {
    case Op::kLess:
      return Value::boolean(order < 0);
    case Op::kLessEqual:
      return Value::boolean(order <= 0);
    case Op::kGreater:
      return Value::boolean(order > 0);
    default:
      return Value::boolean(order >= 0);
  }
}

Value membership(const Tree& tree, const Node& node, const Value& a, const Value& b) {
  if (b.is(Kind::kList)) {
    for (const Value& item : b.items())
      if (equal(node.number, a, item)) return Value::boolean(true);
    return Value::boolean(false);
  }
  if (b.is(Kind::kMap)) return Value::boolean(!member(b, a).is(Kind::kMissing));
  return Value::error(operand_error(tree, node, Kind::kBool, b.kind()));
}

bool is_key(const Value& key) {
  return key.is(Kind::kString) || key.is(Kind::kBool) || key.is(Kind::kInt) || key.is(Kind::kUint);
}

}  // namespace

std::string path_name(const Node& node) {
  if (node.kind == NodeKind::kName)
    return node.resolved == Resolved::kMetaField ? "meta." + node.name : node.name;
  if (node.kind != NodeKind::kSelect) return {};
  const std::string before = path_name(*node.children[0]);
  return before.empty() ? before : before + "." + node.name;
}

std::string condition_error(const Node& operand, Kind kind) {
  const std::string name = path_name(operand);
  const std::string subject = name.empty() ? "a condition" : name;
  if (kind == Kind::kMissing || kind == Kind::kNull)
    return subject + " is " + std::string(kind_name(kind)) + ", not true or false";
  return subject + " is neither true nor false but " + with_article(kind);
}

std::string overflow_error(const Tree& tree, const Node& node) {
  return "integer overflow in '" + snippet(tree, node) + "'";
}

std::string operand_error(const Tree& tree, const Node& node, Kind a, Kind b) {
  const Kind kinds[2] = {a, b};
  for (size_t i = 0; i < 2 && i < node.children.size(); ++i) {
    if (kinds[i] > Kind::kNull) continue;
    const std::string name = path_name(*node.children[i]);
    if (name.empty()) return "null in '" + snippet(tree, node) + "'";
    return name + " is " + std::string(kind_name(kinds[i]));
  }
  std::string kinds_text(kind_name(a));
  if (node.kind == NodeKind::kUnary) {
    kinds_text = std::string(op_text(node.op)) + kinds_text;
  } else if (node.op == Op::kIn) {
    kinds_text = "'in' " + with_article(b);
    if (b == Kind::kString) kinds_text += " (write text.contains(part))";
  } else {
    ((kinds_text += ' ') += op_text(node.op)) += ' ';
    kinds_text += kind_name(b);
  }
  return kinds_text + " is not possible in '" + snippet(tree, node) + "'";
}

Value apply(const Tree& tree, const Node& node, const Value& a, const Value& b) {
  if (node.op == Op::kEqual) return Value::boolean(equal(node.number, a, b));
  if (node.op == Op::kNotEqual) return Value::boolean(!equal(node.number, a, b));
  if (is_ordering(node.op)) return ordering(tree, node, a, b);
  if (node.op == Op::kIn) return membership(tree, node, a, b);
  return arithmetic(tree, node, a, b);
}

Value Evaluator::evaluate(const Node& node) {
  if (!spend(1)) return too_much();
  if (node.shared == 0) return evaluate_itself(node);
  std::optional<Value>& known = known_[node.shared - 1];
  if (!known) known = evaluate_itself(node);
  return *known;
}

Value Evaluator::evaluate_itself(const Node& node) {
  switch (node.kind) {
    case NodeKind::kLiteral:
      return node.value;
    case NodeKind::kName:
      return name(node);
    case NodeKind::kSelect:
      return select(node);
    case NodeKind::kIndex:
      return index(node);
    case NodeKind::kCall:
      return node.macro == Macro::kNone ? call(node) : macro(node);
    case NodeKind::kUnary:
      return unary(node);
    case NodeKind::kBinary:
      return binary(node);
    case NodeKind::kAnd:
      return all_of(node);
    case NodeKind::kOr:
      return any_of(node);
    case NodeKind::kConditional:
      return conditional(node);
    case NodeKind::kList:
      return list(node);
    case NodeKind::kMap:
      return map(node);
  }
  return Value::error("unknown node");
}

// What was made may hold little memory and yet be without end to write: [[x, x], [x, x]]…
Value Evaluator::bounded(Value value) {
  const bool container = value.is(Kind::kList) || value.is(Kind::kMap) || value.is(Kind::kOptional);
  if (!container) return value;
  const Value& held = value.is(Kind::kOptional) ? value.inner() : value;
  if (held.weight() > kWeightMax) return Value::error("the list or map grows too large");
  return value;
}

Value Evaluator::name(const Node& node) {
  switch (node.resolved) {
    case Resolved::kField:
      return field(row_.fields[node.slot]);
    case Resolved::kMetaField:
      return field(row_.meta[node.slot]);
    case Resolved::kLocal:
      return locals_[node.slot];
    case Resolved::kRecord:
      return record_value(*row_.batch, row_.row, tree_.results);
    case Resolved::kTime:
      if (!row_.batch || !row_.batch->time) return Value::error("there is no event time here");
      return Value::timestamp((*row_.batch->time)[row_.row]);
    case Resolved::kNow:
      if (!row_.batch || !row_.batch->arrival) return Value::error("there is no arrival time here");
      return Value::timestamp((*row_.batch->arrival)[row_.row]);
    case Resolved::kNone:
      break;
  }
  return Value::error("unknown name '" + node.name + "'");
}

// Without reading the rest of the nested cell.
std::optional<Value> Evaluator::nested(const Node& node) const {
  const Column* column = row_.fields[nested_field(node).slot];
  if (!column) return Value();
  const Kind kind = column->kind(row_.row);
  if (kind <= Kind::kNull) return Value();
  if (kind != Kind::kMap) return {};
  const auto json = nested_text(node, column->text(row_.row));
  if (!json) return {};
  return json->empty() ? Value() : json_value(*json);
}

Value Evaluator::select(const Node& node) {
  if (node.nested)
    if (std::optional<Value> found = nested(node)) return std::move(*found);
  Value operand = evaluate(*node.children[0]);
  if (operand.is_error()) return operand;
  const bool chained = operand.is(Kind::kOptional);
  if (chained) {
    if (operand.inner().is(Kind::kMissing)) return operand;
    operand = Value(operand.inner());
  }
  Value found;
  if (operand.is(Kind::kMap)) {
    if (!spend(operand.entries().size() / 8)) return too_much();
    found = member(operand, Value::borrowed(node.name));
    if (found.is(Kind::kMissing) && !node.data && !chained && !node.optional)
      return no_such_key(node.name);
  } else if (!(operand.is_absent() && (node.data || node.optional))) {
    const std::string subject = path_name(*node.children[0]);
    if (operand.is_absent() && !subject.empty())
      return Value::error(subject + " is " + std::string(kind_name(operand.kind())));
    return Value::error(with_article(operand.kind()) + " has no field '" + node.name + "'");
  }
  return chained || node.optional ? Value::optional(std::move(found)) : found;
}

Value Evaluator::index(const Node& node) {
  Value container = evaluate(*node.children[0]);
  if (container.is_error()) return container;
  const Value key = evaluate(*node.children[1]);
  if (key.is_error()) return key;
  const bool chained = container.is(Kind::kOptional);
  if (chained) {
    if (container.inner().is(Kind::kMissing)) return container;
    container = Value(container.inner());
  }
  const bool soft = chained || node.optional;
  if (container.is_absent()) {
    if (node.data && !soft) return Value();
    if (node.data || node.optional) return Value::optional(Value());
  }
  if (container.is(Kind::kMap) && !spend(container.entries().size() / 8)) return too_much();
  Value found = member(container, key);
  if (soft) {
    const bool outside = container.is(Kind::kList) && is_number(key.kind()) && found.is_error();
    return found.is_error() && !outside ? found
                                        : Value::optional(outside ? Value() : std::move(found));
  }
  if (found.is(Kind::kMissing) && !node.data) {
    std::string text = literal(key);
    return Value::error("no such key: " + std::string(clipped(text, 100)));
  }
  return found;
}

// `a.or(b)`, `a.orValue(b)`: b is not looked at where a has a value.
static bool is_settled(const Node& node, const Value& first) {
  return node.receiver && node.children.size() == 2 && first.is(Kind::kOptional) &&
         !first.inner().is(Kind::kMissing) && (node.name == "or" || node.name == "orValue");
}

Value Evaluator::call(const Node& node) {
  constexpr size_t kFew = 4;
  Value few[kFew];
  std::vector<Value> many;
  const size_t count = node.children.size();
  if (count > kFew) many.resize(count);
  Value* arguments = count > kFew ? many.data() : few;
  for (size_t i = 0; i < count; ++i) {
    arguments[i] = evaluate(*node.children[i]);
    if (arguments[i].is_error()) return std::move(arguments[i]);
    if (i == 0 && is_settled(node, arguments[0]))
      return node.name == "or" ? std::move(arguments[0]) : arguments[0].inner();
  }
  return dispatch(node, {arguments, count});
}

namespace {

bool matches(const Overload& overload, std::span<const Value> arguments, bool number) {
  const size_t fixed = overload.parameters.size();
  if (overload.variadic ? arguments.size() < fixed : arguments.size() != fixed) return false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const size_t parameter = std::min(i, fixed - 1);
    if (overload.takes_null[parameter] && arguments[i].is_absent()) continue;
    if (!accepts(overload.parameters[parameter], arguments[i], number)) return false;
  }
  return true;
}

// Makes whole doubles ints, ints doubles… as the overload wants them.
void convert(const Overload& overload, std::span<Value> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    Value& value = arguments[i];
    if (!is_number(value.kind())) continue;
    const Type wanted = overload.parameters[std::min(i, overload.parameters.size() - 1)];
    if (wanted == Type::kDouble)
      value = Value::real(value.to_double());
    else if (wanted == Type::kInt && !value.is(Kind::kInt))
      value = Value::integer(value.is(Kind::kDouble) ? static_cast<int64_t>(value.as_double())
                                                     : value.as_int());
    else if (wanted == Type::kUint && !value.is(Kind::kUint))
      value = Value::unsigned_integer(
          value.is(Kind::kDouble) ? static_cast<uint64_t>(value.as_double()) : value.as_uint());
  }
}

}  // namespace

Value Evaluator::dispatch(const Node& node, std::span<Value> arguments) {
  if (!node.function) return Value::error("unknown function '" + node.name + "'");
  for (const Value& argument : arguments)
    if (!spend_on(argument)) return too_much();
  for (const Overload& overload : node.function->overloads)
    if (matches(overload, arguments, false)) return bounded(overload.run({arguments, node, *this}));
  for (const Overload& overload : node.function->overloads)
    if (node.number && matches(overload, arguments, true)) {
      convert(overload, arguments);
      return bounded(overload.run({arguments, node, *this}));
    }
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].is_absent()) {
      const std::string name = path_name(*node.children[i]);
      if (!name.empty())
        return Value::error(name + " is " + std::string(kind_name(arguments[i].kind())));
    }
  std::string kinds;
  for (const Value& argument : arguments) {
    if (!kinds.empty()) kinds += ", ";
    kinds += kind_name(argument.kind());
  }
  return Value::error(node.function->name + " does not take (" + kinds + ")");
}

Value Evaluator::unary(const Node& node) {
  Value operand = evaluate(*node.children[0]);
  if (operand.is_error()) return operand;
  if (node.op == Op::kNot) {
    if (operand.is(Kind::kBool)) return Value::boolean(!operand.as_bool());
    return Value::error(condition_error(*node.children[0], operand.kind()));
  }
  if (operand.is(Kind::kDuration) && node.number) return duration_from(-nanos_of(operand));
  const bool possible = is_number(operand.kind()) && (node.number || !operand.is(Kind::kUint));
  if (!possible) return Value::error(operand_error(tree_, node, operand.kind(), Kind::kBool));
  const Number result = negate(operand.kind(), operand.bits());
  if (result.kind == Kind::kError) return Value::error(overflow_error(tree_, node));
  if (result.kind == Kind::kDouble) return Value::real(std::bit_cast<double>(result.bits));
  return Value::integer(static_cast<int64_t>(result.bits));
}

Value Evaluator::binary(const Node& node) {
  Value a = evaluate(*node.children[0]);
  if (a.is_error()) return a;
  if (node.members && !a.is(Kind::kList) && !a.is(Kind::kMap))
    return Value::boolean(contains(*node.members, a.kind(), a.bits(), a.text()));
  Value b = evaluate(*node.children[1]);
  if (b.is_error()) return b;
  if (!is_number(a.kind()) && (!spend_on(a) || !spend_on(b))) return too_much();
  if (is_number(a.kind()) && b.is(Kind::kList) && !spend(b.items().size() / 8)) return too_much();
  return bounded(apply(tree_, node, a, b));
}

Value Evaluator::all_of(const Node& node) {
  Value failed;
  for (const NodePtr& child : node.children) {
    Value value = evaluate(*child);
    if (value.is(Kind::kBool)) {
      if (!value.as_bool()) return value;
    } else if (!failed.is_error()) {
      failed =
          value.is_error() ? std::move(value) : Value::error(condition_error(*child, value.kind()));
    }
  }
  return failed.is_error() ? failed : Value::boolean(true);
}

Value Evaluator::any_of(const Node& node) {
  Value failed;
  for (const NodePtr& child : node.children) {
    Value value = evaluate(*child);
    if (value.is(Kind::kBool)) {
      if (value.as_bool()) return value;
    } else if (!failed.is_error()) {
      failed =
          value.is_error() ? std::move(value) : Value::error(condition_error(*child, value.kind()));
    }
  }
  return failed.is_error() ? failed : Value::boolean(false);
}

Value Evaluator::conditional(const Node& node) {
  Value condition = evaluate(*node.children[0]);
  if (condition.is_error()) return condition;
  if (!condition.is(Kind::kBool))
    return Value::error(condition_error(*node.children[0], condition.kind()));
  return evaluate(*node.children[condition.as_bool() ? 1 : 2]);
}

Value Evaluator::list(const Node& node) {
  Value::List items;
  items.reserve(node.children.size());
  for (size_t i = 0; i < node.children.size(); ++i) {
    Value item = evaluate(*node.children[i]);
    if (item.is_error()) return item;
    if (!node.marked.empty() && node.marked[i]) {
      if (!item.is(Kind::kOptional))
        return Value::error("a list element after ? must be an optional");
      if (item.inner().is(Kind::kMissing)) continue;
      item = Value(item.inner());
    }
    items.push_back(settled(std::move(item)));
  }
  return bounded(Value::list(std::move(items)));
}

Value Evaluator::map(const Node& node) {
  Value::Map entries;
  std::set<Value, KeyLess> keys;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Value key = evaluate(*node.children[i]);
    if (key.is_error()) return key;
    Value value = evaluate(*node.children[i + 1]);
    if (value.is_error()) return value;
    if (!is_key(key)) return Value::error("a map's key cannot be " + with_article(key.kind()));
    if (!node.marked.empty() && node.marked[i / 2]) {
      if (!value.is(Kind::kOptional))
        return Value::error("a map entry after ? must be an optional");
      if (value.inner().is(Kind::kMissing)) continue;
      value = Value(value.inner());
    }
    if (!keys.insert(key).second) return Value::error("duplicate key in a map: " + literal(key));
    entries.emplace_back(std::move(key), settled(std::move(value)));
  }
  return bounded(Value::map(std::move(entries)));
}

}  // namespace streamflow::expr
