#include "core/expr/cut.h"

#include <algorithm>

#include "core/expr/check.h"

namespace streamflow::expr {

void replace_by_result(NodePtr& call, size_t index) {
  auto name = std::make_unique<Node>();
  name->kind = NodeKind::kName;
  name->name = "$" + std::to_string(index);
  name->begin = name->name_begin = call->begin;
  name->end = name->name_end = call->end;
  call = std::move(name);
}

bool is_result_name(std::string_view name) {
  return name.size() > 1 && name[0] == '$' &&
         name.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// The variables stand after the range, before the bodies: x.map(v, …), cel.bind(v, value, body).
void MacroVariables::enter(const Node& node, size_t child) {
  const MacroShape shape = macro_shape(node);
  if (child < shape.bodies) return;
  for (size_t i = 1; i <= shape.variables; ++i)
    if (node.children[i]->kind == NodeKind::kName) names_.push_back(node.children[i]->name);
}

const Node* MacroVariables::used_in(const Node& node) const {
  if (node.kind == NodeKind::kName &&
      std::find(names_.begin(), names_.end(), node.name) != names_.end())
    return &node;
  for (const NodePtr& child : node.children)
    if (const Node* found = used_in(*child)) return found;
  return nullptr;
}

}  // namespace streamflow::expr
