#include "core/expr/ast.h"

#include "core/expr/program.h"
#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

enum Binding { kTernary, kOrLevel, kAndLevel, kRelation, kSum, kProduct, kPrefix, kMember };

Binding binding(const Node& node) {
  switch (node.kind) {
    case NodeKind::kConditional:
      return kTernary;
    case NodeKind::kOr:
      return kOrLevel;
    case NodeKind::kAnd:
      return kAndLevel;
    case NodeKind::kUnary:
      return kPrefix;
    case NodeKind::kBinary:
      if (node.op == Op::kAdd || node.op == Op::kSubtract) return kSum;
      return is_arithmetic(node.op) ? kProduct : kRelation;
    case NodeKind::kLiteral:
      // A negative number is a prefix before its digits.
      if (node.value.is(Kind::kInt) && node.value.as_int() < 0) return kPrefix;
      return kMember;
    default:
      return kMember;
  }
}

class Printer {
 public:
  void print(const Node& node, Binding least) {
    const bool parentheses = binding(node) < least;
    if (parentheses) out += '(';
    bare(node);
    if (parentheses) out += ')';
  }

  std::string out;

 private:
  void bare(const Node& node) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        out += literal(node.value);
        return;
      case NodeKind::kName:
        if (node.rooted) out += '.';
        out += node.name;
        return;
      case NodeKind::kSelect:
        print(*node.children[0], kMember);
        out += node.optional ? ".?" : ".";
        selector(node.name);
        return;
      case NodeKind::kIndex:
        print(*node.children[0], kMember);
        out += node.optional ? "[?" : "[";
        print(*node.children[1], kTernary);
        out += ']';
        return;
      case NodeKind::kCall:
        call(node);
        return;
      case NodeKind::kUnary:
        unary(node);
        return;
      case NodeKind::kBinary:
        print(*node.children[0], binding(node));
        ((out += ' ') += op_text(node.op)) += ' ';
        print(*node.children[1], static_cast<Binding>(binding(node) + 1));
        return;
      case NodeKind::kAnd:
        chain(node, " && ", kRelation);
        return;
      case NodeKind::kOr:
        chain(node, " || ", kAndLevel);
        return;
      case NodeKind::kConditional:
        print(*node.children[0], kOrLevel);
        out += " ? ";
        print(*node.children[1], kOrLevel);
        out += " : ";
        print(*node.children[2], kTernary);
        return;
      case NodeKind::kList:
        list(node);
        return;
      case NodeKind::kMap:
        map(node);
        return;
    }
  }

  void unary(const Node& node) {
    out += op_text(node.op);
    const Node& operand = *node.children[0];
    // `-1` would be read as a literal, `--x` is fine.
    const bool number = node.op == Op::kNegate && operand.is_literal() &&
                        (operand.value.is(Kind::kInt) || operand.value.is(Kind::kDouble));
    if (number) out += '(';
    print(operand, number ? kTernary : kPrefix);
    if (number) out += ')';
  }

  void selector(const std::string& name) {
    const bool plain = is_name(name) && !is_keyword(name);
    out += plain ? name : "`" + name + "`";
  }

  void arguments(const Node& node, size_t first) {
    out += '(';
    for (size_t i = first; i < node.children.size(); ++i) {
      if (i > first) out += ", ";
      print(*node.children[i], kTernary);
    }
    out += ')';
  }

  void call(const Node& node) {
    if (node.receiver) {
      print(*node.children[0], kMember);
      out += '.';
    } else if (node.rooted) {
      out += '.';
    }
    out += node.name;
    arguments(node, node.receiver ? 1 : 0);
  }

  void chain(const Node& node, std::string_view sign, Binding least) {
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out += sign;
      print(*node.children[i], least);
    }
  }

  void list(const Node& node) {
    out += '[';
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out += ", ";
      if (!node.marked.empty() && node.marked[i]) out += '?';
      print(*node.children[i], kTernary);
    }
    out += ']';
  }

  void map(const Node& node) {
    out += '{';
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      if (i > 0) out += ", ";
      if (!node.marked.empty() && node.marked[i / 2]) out += '?';
      print(*node.children[i], kTernary);
      out += ": ";
      print(*node.children[i + 1], kTernary);
    }
    out += '}';
  }
};

}  // namespace

bool is_keyword(std::string_view name) {
  return name == "true" || name == "false" || name == "null" || name == "in";
}

std::string_view op_text(Op op) {
  switch (op) {
    case Op::kNone:
      return "";
    case Op::kNot:
      return "!";
    case Op::kNegate:
      return "-";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kRemainder:
      return "%";
    case Op::kEqual:
      return "==";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kIn:
      return "in";
  }
  return "";
}

NodePtr make_literal(Value value, uint32_t begin, uint32_t end) {
  auto node = std::make_unique<Node>();
  node->value = std::move(value);
  node->begin = begin;
  node->end = end;
  return node;
}

NodePtr clone(const Node& node) {
  auto copy = std::make_unique<Node>();
  copy->kind = node.kind;
  copy->op = node.op;
  copy->receiver = node.receiver;
  copy->optional = node.optional;
  copy->rooted = node.rooted;
  copy->begin = node.begin;
  copy->end = node.end;
  copy->name_begin = node.name_begin;
  copy->name_end = node.name_end;
  copy->depth = node.depth;
  copy->name = node.name;
  copy->value = node.value;
  copy->marked = node.marked;
  copy->children.reserve(node.children.size());
  for (const NodePtr& child : node.children) copy->children.push_back(clone(*child));
  return copy;
}

std::string print(const Node& node) {
  Printer printer;
  printer.print(node, kTernary);
  return std::move(printer.out);
}

}  // namespace streamflow::expr
