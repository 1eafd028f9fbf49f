// The scalar evaluator: one row at a time, any value.  It defines what expressions mean; the column
// kernels must agree with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/expr/ast.h"
#include "core/value.h"

namespace streamflow::expr {

inline constexpr size_t kStepsMax = 1'000'000;        // evaluations of a node, for one row
inline constexpr uint64_t kWeightMax = 1'000'000;     // Value::weight of a list or map that is made
inline constexpr size_t kResultBytesMax = 16u << 20;  // of one string or list that is made

// A checked expression.
struct Tree {
  std::string text;
  NodePtr root;
  std::vector<std::string> fields;  // by slot
  std::vector<std::string> meta;
  uint32_t locals = 0;
  size_t results = 0;  // of row functions, fields "$0"…
  bool whole_record = false;
  bool pure = false;    // no record: CEL to the letter
  uint32_t shared = 0;  // how many parts stand there more than once (common.h)
};

// A row and its columns, decoded; a null column is missing in all rows.
struct RowView {
  const Batch* batch = nullptr;
  uint32_t row = 0;
  const Column* const* fields = nullptr;  // by slot
  const Column* const* meta = nullptr;
};

class Evaluator {
 public:
  explicit Evaluator(const Tree& tree) : tree_(tree), locals_(tree.locals) {}

  Value run(const Node& node, const RowView& row) {
    row_ = row;
    steps_ = 0;
    if (tree_.shared > 0) known_.assign(tree_.shared, std::nullopt);
    return evaluate(node);
  }

  // For functions: whether CEL is taken to the letter, without what is read beside its forms.
  bool pure() const { return tree_.pure; }
  // For functions: false when too much was done for this row.
  bool spend(size_t steps) { return (steps_ += steps) <= kStepsMax; }
  // The work of looking at all of a value.
  bool spend_on(const Value& value) {
    return spend(value.is(Kind::kList) || value.is(Kind::kMap) ? value.weight() / 8
                                                               : value.text().size() / 64);
  }
  static Value too_much() { return Value::error("the expression takes too many steps"); }

 private:
  Value evaluate(const Node& node);
  Value evaluate_itself(const Node& node);
  static Value bounded(Value value);
  Value field(const Column* column) const { return column ? column->value(row_.row) : Value(); }
  Value name(const Node& node);
  Value select(const Node& node);
  std::optional<Value> nested(const Node& node) const;
  Value index(const Node& node);
  Value call(const Node& node);
  Value dispatch(const Node& node, std::span<Value> arguments);
  Value unary(const Node& node);
  Value binary(const Node& node);
  Value all_of(const Node& node);
  Value any_of(const Node& node);
  Value conditional(const Node& node);
  Value list(const Node& node);
  Value map(const Node& node);
  Value macro(const Node& node);
  // --- macros (macros.cpp) ---
  Value has(const Node& node);
  // Calls `step` for each element of the range with the variables set, until it gives false.  Gives
  // an error, else missing.
  template <class Step>
  Value each(const Node& node, Step step);
  Value condition(const Node& node);
  Value quantified(const Node& node, bool decides);
  Value exists_one(const Node& node);
  Value transform_list(const Node& node);
  Value transform_map(const Node& node);
  Value add_entries(const Node& node, const Value& key, Value::Map& entries);
  Value sort_by(const Node& node);
  Value bind(const Node& node);
  Value optional_map(const Node& node);

  const Tree& tree_;
  RowView row_;
  std::vector<Value> locals_;
  std::vector<std::optional<Value>> known_;  // of this row, by Node::shared - 1
  size_t steps_ = 0;
};

// Missing becomes null: what a list, a map or a result holds.
inline Value settled(Value value) { return value.is(Kind::kMissing) ? Value::null() : value; }

// `a.b`, `record['x']`: how messages call a value; empty for what has no name.
std::string path_name(const Node& node);
// Why an operator or function cannot take values of these kinds, naming the field that is missing:
// "temperature is missing", "cannot compare string with int: device > 5".
std::string operand_error(const Tree& tree, const Node& node, Kind a, Kind b);
// The operand of && || ! ?: is neither true nor false.
std::string condition_error(const Node& operand, Kind kind);
std::string overflow_error(const Tree& tree, const Node& node);
// The text of the value at a nested path in the JSON text of its field, empty where there is none;
// nothing where one of its parts is no plain object.
std::optional<std::string_view> nested_text(const Node& node, std::string_view json);
// The field of a nested path.
const Node& nested_field(const Node& node);
// A value of its JSON text; strings without escapes are borrowed.
Value json_value(std::string_view json);
// The operator of two values, none an error.
Value apply(const Tree& tree, const Node& node, const Value& a, const Value& b);
// An index or key of a list or map; kMissing where a map has none.
Value member(const Value& container, const Value& key);
// The whole record of a row as a map.
// The first `results` of "$0", "$1"… are no fields of it.
Value record_value(const Batch& batch, uint32_t row, size_t results);

// The members of a constant list, for `in`; null where they are more than numbers, strings, bools
// and null.
struct ConstantSet;
std::shared_ptr<const ConstantSet> make_constant_set(const Value& list);
bool contains(const ConstantSet& set, Kind kind, uint64_t bits, std::string_view text);

}  // namespace streamflow::expr
