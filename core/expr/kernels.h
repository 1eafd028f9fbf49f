// What the kernels share (logic.cpp, compare.cpp, compare_text.cpp,
// vectors.cpp, choice.cpp, columns.cpp).
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "core/expr/columns.h"

namespace streamflow::expr {

// Whether ascending rows are all those from the first to the last: then loops need no list.
inline bool is_range(Rows rows) {
  return !rows.empty() && rows.back() - rows.front() + 1 == rows.size();
}
// Whether the cells of a range are doubles: then loops need no kinds.
inline bool all_doubles(const Cells& cells, Rows range) {
  static_assert(sizeof(Kind) == 1);
  constexpr size_t kWord = sizeof(uint64_t);
  constexpr uint64_t kDoubles = 0x0101'0101'0101'0101 * static_cast<uint64_t>(Kind::kDouble);
  const Kind* kinds = cells.kinds + range.front();
  uint64_t different = 0;
  size_t i = 0;
  for (; i + kWord <= range.size(); i += kWord) {
    uint64_t eight;
    std::memcpy(&eight, kinds + i, kWord);
    different |= eight ^ kDoubles;
  }
  for (; i < range.size(); ++i) different |= kinds[i] != Kind::kDouble ? 1 : 0;
  return different == 0;
}

// operand_error, made once for a run of rows with the same kinds.
class OperandErrors {
 public:
  std::string_view of(Run& run, const Tree& tree, const Node& node, Kind a, Kind b) {
    if (text_.empty() || a != a_ || b != b_) {
      text_ = run.keep(operand_error(tree, node, a, b));
      a_ = a;
      b_ = b;
    }
    return text_;
  }

 private:
  Kind a_ = Kind::kPending, b_ = Kind::kPending;
  std::string_view text_;
};

// One row by the scalar evaluator, as a condition.
bool scalar_passes(Run& run, const Node& node, uint32_t row, std::vector<RowError>& errors);
// Of rows that failed one operand of &&, keeps those for which another is not false.
void retest(Run& run, const Test& test, std::vector<RowError>& failed);

// Null where no kernel fits (compare.cpp).
std::unique_ptr<Test> make_comparison(const Tree& tree, const Node& node);  // == != < <= > >=
// compare_text.cpp
enum class TextTest : uint8_t { kEqual, kNotEqual, kStartsWith, kEndsWith, kContains };
std::unique_ptr<Test> make_text_test(TextTest test, const Node& node,
                                     std::unique_ptr<Vector> operand, std::string_view with);
std::unique_ptr<Test> make_membership(const Tree& tree, const Node& node);  // in
std::unique_ptr<Test> make_call_test(const Tree& tree, const Node& node);  // startsWith, matches…

// choice.cpp
std::unique_ptr<Vector> make_choice(const Tree& tree, const Node& node);  // ?:
std::unique_ptr<Vector> share(uint32_t index, std::unique_ptr<Vector> vector);

Value cell_value(const Cells& cells, uint32_t row);
void set_cell(Run& run, Scratch& out, uint32_t row, const Value& value);

}  // namespace streamflow::expr
