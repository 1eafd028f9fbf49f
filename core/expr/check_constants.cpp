// Constants: parts without names are evaluated once, at load.
#include <algorithm>

#include "core/expr/checker.h"

namespace streamflow::expr {

void Checker::become_literal(NodePtr& node, Value value) {
  const StaticType type = type_of(value);
  node->kind = NodeKind::kLiteral;
  node->value = std::move(value);
  node->children.clear();
  node->marked.clear();
  node->type = type.type;
  node->element = type.element;
  node->key = type.key;
  node->constant = true;
  node->number = node->data = false;
  node->macro = Macro::kNone;
  node->variables = 0;
}

// One operand that is written out decides, whatever the others are and do.
bool Checker::decided(const Node& node) const {
  if (!scope_.optimise || failed_) return false;
  return std::any_of(node.children.begin(), node.children.end(), [&node](const NodePtr& child) {
    return child->is_literal() && child->value.is(Kind::kBool) &&
           child->value.as_bool() == (node.kind == NodeKind::kOr);
  });
}

// Replaces a part without names by its value.  What fails is left: the error may be absorbed.
void Checker::fold(NodePtr& node) {
  if (!scope_.optimise || failed_ || node->is_literal() || node->type == Type::kError) return;
  if (node->kind == NodeKind::kName) return;
  bool constant = node->constant;
  if (node->kind != NodeKind::kSelect && node->kind != NodeKind::kIndex &&
      node->kind != NodeKind::kList && node->kind != NodeKind::kMap) {
    constant = std::all_of(node->children.begin(), node->children.end(),
                           [](const NodePtr& child) { return child->constant; });
  }
  node->constant = constant;
  const bool closed =
      variables_.empty() || std::all_of(node->children.begin(), node->children.end(),
                                        [](const NodePtr& child) { return child->is_literal(); });
  if (!constant || !closed) return;
  Evaluator evaluator(tree_);
  Value value = evaluator.run(*node, {});
  if (value.is_error()) {
    node->constant = false;
    if (node->kind != NodeKind::kSelect)  // it has its own
      warning("E0322", node->begin, node->end, "this always fails: " + std::string(value.text()));
    return;
  }
  const StaticType known{node->type, node->element, node->key};
  become_literal(node, settled(std::move(value)));
  // What was hidden by dyn() stays hidden.
  node->type = known.type;
  node->element = known.element;
  node->key = known.key;
}

}  // namespace streamflow::expr
