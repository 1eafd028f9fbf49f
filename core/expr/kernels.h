// What the kernels share (logic.cpp, compare.cpp, vectors.cpp, columns.cpp).
#pragma once

#include <memory>
#include <vector>

#include "core/expr/columns.h"

namespace streamflow::expr {

// One row by the scalar evaluator, as a condition.
bool scalar_passes(Run& run, const Node& node, uint32_t row, std::vector<RowError>& errors);
// Of rows that failed one operand of &&, keeps those for which another is not false.
void retest(Run& run, const Test& test, std::vector<RowError>& failed);

// Null where no kernel fits (compare.cpp).
std::unique_ptr<Test> make_comparison(const Tree& tree, const Node& node);  // == != < <= > >=
std::unique_ptr<Test> make_membership(const Tree& tree, const Node& node);  // in
std::unique_ptr<Test> make_call_test(const Tree& tree, const Node& node);  // startsWith, matches…

Value cell_value(const Cells& cells, uint32_t row);
void set_cell(Run& run, Scratch& out, uint32_t row, const Value& value);

}  // namespace streamflow::expr
