// From a parsed tree to a program: what compile() and compile_aggregate() share.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/expr/ast.h"
#include "core/expr/program.h"

namespace streamflow::expr {

// Checks the tree and makes kernels.  `text` is the whole expression that the tree's places are in.
std::unique_ptr<Program> compile_tree(std::string_view text, NodePtr root, const Scope& scope,
                                      std::vector<Problem>& problems);

}  // namespace streamflow::expr
