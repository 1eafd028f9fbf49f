// Tokens -> tree: CEL's grammar.  Reports what users of Python and SQL write (and, or, not, =, <>,
// is, None, True…) with the CEL for it, and goes on as if that had been written.
#pragma once

#include <string_view>
#include <vector>

#include "core/expr/ast.h"
#include "core/expr/program.h"

namespace streamflow::expr {

inline constexpr uint32_t kNestingMax =
    200;  // parentheses, brackets, calls, ternaries inside one another
inline constexpr uint32_t kTreeDepthMax = 600;  // also a + b + c …
inline constexpr size_t kNodesMax = 200'000;

// Null when there are problems that are no warnings.
NodePtr parse(std::string_view text, std::vector<Problem>& problems);

}  // namespace streamflow::expr
