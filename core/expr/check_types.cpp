// Types of operators.
#include <algorithm>

#include "core/expr/checker.h"

namespace streamflow::expr {
namespace {

std::string type_text(const Node& node) { return std::string(type_name(node.type)); }
std::string op_name(const Node& node) { return std::string(op_text(node.op)); }

// Types whose values can be told smaller and greater.
bool is_ordered(Type t) {
  return is_numeric(t) || t == Type::kString || t == Type::kBytes || t == Type::kBool ||
         t == Type::kTimestamp || t == Type::kDuration;
}

bool comparable(Type a, Type b) {
  return a == b || is_open(a) || is_open(b) || (is_numeric(a) && is_numeric(b));
}

// How to make the operands of a comparison alike.
std::string conversion_hint(const Node& a, const Node& b) {
  const auto pair = [&](Type x, Type y) {
    return (a.type == x && b.type == y) || (a.type == y && b.type == x);
  };
  const Node& text = a.type == Type::kString ? a : b;
  if (pair(Type::kTimestamp, Type::kString))
    return text.is_literal() ? "write timestamp('…')" : "write timestamp(text)";
  for (const Type number : {Type::kInt, Type::kNumber, Type::kDouble})
    if (pair(Type::kTimestamp, number)) return "write timestamp(seconds)";
  if (pair(Type::kDuration, Type::kString))
    return text.is_literal() ? "write duration('…')" : "write duration(text)";
  if (text.type == Type::kString && (is_numeric(a.type) || is_numeric(b.type)))
    return text.is_literal() ? "write the number without quotes" : "write double(text)";
  if (pair(Type::kDuration, Type::kInt) || pair(Type::kDuration, Type::kNumber) ||
      pair(Type::kDuration, Type::kDouble))
    return "write duration('60s'), or .getSeconds()";
  return {};
}

// The numbers of two pure types: the same, or nothing.
Type pure_arithmetic(Op op, Type a, Type b) {
  if (a != b && a != Type::kNumber && b != Type::kNumber) return Type::kError;
  const Type type = a == Type::kNumber ? b : a;
  if (op == Op::kRemainder && type == Type::kDouble) return Type::kError;
  return type;
}

Type number_arithmetic(Op op, Type a, Type b) {
  if (op == Op::kDivide || a == Type::kDouble || b == Type::kDouble) return Type::kDouble;
  if (op == Op::kRemainder) return Type::kNumber;  // x % 0 is NaN
  return a == Type::kInt && b == Type::kInt ? Type::kInt : Type::kNumber;
}

Type other_sum(Op op, Type a, Type b) {
  const auto both = [&](Type t) { return a == t && b == t; };
  const bool add = op == Op::kAdd;
  if (add && (both(Type::kString) || both(Type::kBytes) || both(Type::kList))) return a;
  if (both(Type::kDuration)) return a;
  if (!add && both(Type::kTimestamp)) return Type::kDuration;
  if (a == Type::kTimestamp && b == Type::kDuration) return a;
  if (add && a == Type::kDuration && b == Type::kTimestamp) return b;
  return Type::kError;
}

// One side is known only when it runs.
Type open_arithmetic(Op op, Type known, bool known_is_left, bool number) {
  if (is_open(known))
    return op == Op::kAdd || op == Op::kSubtract || !number ? Type::kDyn : Type::kNumber;
  if (is_numeric(known))
    return op == Op::kDivide && number ? Type::kDouble : number ? Type::kNumber : known;
  if (op == Op::kAdd) {
    if (known == Type::kString || known == Type::kBytes || known == Type::kList) return known;
    if (known == Type::kTimestamp) return known;
    if (known == Type::kDuration) return Type::kDyn;
  }
  if (op == Op::kSubtract) {
    if (known == Type::kTimestamp) return known_is_left ? Type::kDyn : Type::kDuration;
    if (known == Type::kDuration) return known_is_left ? Type::kDuration : Type::kDyn;
  }
  return Type::kError;
}

}  // namespace

Type Checker::arithmetic_type(const Node& node) const {
  const Type a = node.children[0]->type, b = node.children[1]->type;
  if (a == Type::kError || b == Type::kError) return Type::kDyn;
  if (a == Type::kNull || b == Type::kNull) return Type::kError;
  if (is_open(a)) return open_arithmetic(node.op, b, false, node.number);
  if (is_open(b)) return open_arithmetic(node.op, a, true, node.number);
  if (is_numeric(a) && is_numeric(b))
    return node.number ? number_arithmetic(node.op, a, b) : pure_arithmetic(node.op, a, b);
  if (node.op == Op::kAdd || node.op == Op::kSubtract) return other_sum(node.op, a, b);
  return Type::kError;
}

void Checker::arithmetic(Node& node) {
  const Node& a = *node.children[0];
  const Node& b = *node.children[1];
  node.type = arithmetic_type(node);
  if (node.type == Type::kList) node.element = join(a.element, b.element);
  if (node.type != Type::kError) return;
  std::string label;
  if (is_numeric(a.type) && is_numeric(b.type))
    label = node.op == Op::kRemainder && a.type == b.type
                ? "% is for whole numbers"
                : "make both alike: 1.0, double(x), int(x)";
  else if (a.type == Type::kNull || b.type == Type::kNull)
    label = "null has no value to compute with";
  else if (node.op == Op::kAdd && (a.type == Type::kString || b.type == Type::kString))
    label = "write string(" + std::string(a.type == Type::kString ? "right" : "left") + " side)";
  error("E0304", node.name_begin, node.name_end,
        type_text(a) + " " + op_name(node) + " " + type_text(b) + " is not possible",
        std::move(label));
}

void Checker::comparison(Node& node) {
  const Node& a = *node.children[0];
  const Node& b = *node.children[1];
  node.type = Type::kBool;
  if (a.type == Type::kError || b.type == Type::kError) return;
  const bool equality = node.op == Op::kEqual || node.op == Op::kNotEqual;
  if (a.type == Type::kNull || b.type == Type::kNull) {
    if (!equality)
      error("E0305", node.name_begin, node.name_end, "null is neither smaller nor greater",
            "write == null or != null");
    return;
  }
  if (!comparable(a.type, b.type)) {
    const std::string verb = equality ? " never equals " : " cannot be compared with ";
    error("E0305", node.name_begin, node.name_end,
          with_article(a.type) + verb + with_article(b.type), conversion_hint(a, b));
    return;
  }
  if (equality) return;
  for (const Node* side : {&a, &b})
    if (!is_open(side->type) && !is_ordered(side->type)) {
      error("E0305", node.name_begin, node.name_end,
            with_article(side->type) + " is neither smaller nor greater");
      return;
    }
}

void Checker::membership(Node& node) {
  const Node& a = *node.children[0];
  const Node& b = *node.children[1];
  node.type = Type::kBool;
  if (a.type == Type::kError || is_open(b.type)) return;
  if (b.type != Type::kList && b.type != Type::kMap) {
    std::string label;
    if (b.type == Type::kString) label = "write text.contains(part)";
    error("E0304", node.name_begin, node.name_end,
          "'in' looks into lists and maps, not " + with_article(b.type), std::move(label));
    return;
  }
  const Type held = b.type == Type::kList ? b.element : b.key;
  const bool empty = b.is_literal() &&
                     (b.type == Type::kList ? b.value.items().empty() : b.value.entries().empty());
  if (empty || a.type == Type::kNull || held == Type::kNull || comparable(a.type, held)) return;
  Node item;
  item.type = held;
  error("E0305", node.name_begin, node.name_end,
        with_article(a.type) + " is never in " + with_article(b.type) + " of " +
            std::string(type_name(held)),
        conversion_hint(a, item));
}

void Checker::binary(NodePtr& node) {
  NodePtr& left = node->children[0];
  NodePtr& right = node->children[1];
  const bool equality = node->op == Op::kEqual || node->op == Op::kNotEqual;
  // `type(x) == int`: beside a type, int is the type and no field.
  const auto is_type_call = [](const Node& side) {
    return side.kind == NodeKind::kCall && !side.receiver && side.name == "type";
  };
  const bool types = (equality || node->op == Op::kIn) &&
                     (is_type_call(*left) || (equality && is_type_call(*right)));
  check(left, types);
  check(right, types);
  node->number = left->number || right->number;
  if (is_arithmetic(node->op))
    arithmetic(*node);
  else if (node->op == Op::kIn)
    membership(*node);
  else
    comparison(*node);
  // A set compares numbers exactly, as `number` does and CEL's own do not (equality.h).
  if (node->op == Op::kIn && node->number && right->is_literal() && right->value.is(Kind::kList))
    node->members = make_constant_set(right->value);
}

void Checker::unary(Node& node) {
  const Node& operand = *node.children[0];
  node.number = operand.number;
  if (node.op == Op::kNot) {
    condition(operand, "the operand of !");
    node.type = Type::kBool;
    return;
  }
  node.type = operand.type;
  if (operand.type == Type::kUint && node.number) node.type = Type::kNumber;
  const bool possible =
      (is_numeric(operand.type) && (operand.type != Type::kUint || node.number)) ||
      (operand.type == Type::kDuration && node.number) || is_open(operand.type);
  if (possible) return;
  error("E0304", node.name_begin, node.name_end, "-" + type_text(operand) + " is not possible",
        operand.type == Type::kUint       ? "write -int(x)"
        : operand.type == Type::kDuration ? "write duration('-1h')"
                                          : "");
  node.type = Type::kError;
}

// Where true or false belongs.
void Checker::condition(const Node& node, std::string_view where) {
  if (node.type == Type::kBool || is_open(node.type)) return;
  std::string label;
  if (node.type == Type::kString || is_numeric(node.type)) label = "compare it with something";
  if (node.type == Type::kNull) label = "write x == null";
  error("E0306", node.begin, node.end,
        std::string(where) + " must be true or false, not " + with_article(node.type),
        std::move(label));
}

void Checker::conditional(Node& node) {
  check_children(node);
  condition(*node.children[0], "what stands before ?");
  const Node& yes = *node.children[1];
  const Node& no = *node.children[2];
  node.number = node.children[0]->number || yes.number || no.number;
  node.data =
      (yes.data || yes.is_literal()) && (no.data || no.is_literal()) && (yes.data || no.data);
  if (yes.type == Type::kNull || no.type == Type::kNull)
    node.type = yes.type == Type::kNull ? no.type : yes.type;
  else if (is_numeric(yes.type) && is_numeric(no.type) && yes.type != no.type)
    node.type = node.number ? Type::kNumber : Type::kDyn;
  else
    node.type = join(yes.type, no.type);
  node.element = join(yes.element, no.element);
  node.key = join(yes.key, no.key);
}

}  // namespace streamflow::expr
