// What compile_aggregate and compile_row share: calls are cut out of an unchecked tree and become
// programs of their own; names "$0", "$1"… stay in their places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/expr/ast.h"

namespace streamflow::expr {

// Puts the name of a result where a call was.
void replace_by_result(NodePtr& call, size_t index);
// "$3"
bool is_result_name(std::string_view name);

// The variables of the macros around a node of an unchecked tree.  A call that is cut out is
// evaluated beside the macro, so it must not use them.
class MacroVariables {
 public:
  // Calls `visit` for each child, with the variables that are in scope there.
  template <class Visit>
  void walk(Node& node, Visit visit) {
    for (size_t i = 0; i < node.children.size(); ++i) {
      const size_t before = names_.size();
      enter(node, i);
      visit(node.children[i]);
      names_.resize(before);
    }
  }
  // The first name in a tree that is one of them, or null.
  const Node* used_in(const Node& node) const;

 private:
  void enter(const Node& node, size_t child);
  std::vector<std::string> names_;
};

}  // namespace streamflow::expr
