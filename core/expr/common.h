// Subexpressions that stand in an expression more than once.
#pragma once

#include "core/expr/eval.h"

namespace streamflow::expr {

// Numbers (Node::shared) the parts of a checked tree that are written more than once and cost
// something: they are evaluated once a row.  Linear in the tree.
void find_common(Tree& tree);

}  // namespace streamflow::expr
