// Tree -> checked tree: names, types, functions, macros, constants.  Problems get codes:
//   E0300 grammar                          E0310 a literal
//   E0301 unknown name                     E0311 too long or nested too deeply
//   E0302 unknown function                 E0312 a reserved word
//   E0303 wrong arguments of a function    E0313 a word or sign of another language
//   E0304 an operator on wrong types       E0314 a regular expression
//   E0305 a comparison that cannot hold    E0315 a macro or has() with a wrong argument
//   E0306 neither true nor false where     E0316 an element or field of what has none
//         a condition belongs              E0317 a wrong row function
//   E0307 an aggregate or row function     E0320 (warning) a condition that never changes
//         in the wrong place               E0321 (warning) time, meta or record hide a field
//   E0308 a field outside an aggregate     E0322 (warning) a constant part that always fails
//   E0309 a wrong aggregate
#pragma once

#include <vector>

#include "core/expr/eval.h"
#include "core/expr/program.h"

namespace streamflow::expr {

// Resolves and types tree.root in place; false when something is wrong.
bool check(Tree& tree, const Scope& scope, std::vector<Problem>& problems);

// Names that are aggregates (aggregate.cpp): for messages.
bool is_aggregate(std::string_view name);
std::vector<FunctionInfo> aggregate_infos();
std::vector<FunctionInfo> macro_infos();
// Names that are row functions (rows.cpp).
bool is_row_function(std::string_view name);
std::vector<FunctionInfo> row_function_infos();

// Of an unchecked call: how many variables a macro takes, from the second child on, and which child
// is the first that sees them.  No macro: none does.
struct MacroShape {
  size_t variables = 0;
  size_t bodies = SIZE_MAX;
};
MacroShape macro_shape(const Node& node);

}  // namespace streamflow::expr
