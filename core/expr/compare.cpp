// Kernels that compare numbers, or any two computed sides.
#include <cmath>
#include <limits>

#include "core/expr/columns.h"
#include "core/expr/kernels.h"

namespace streamflow::expr {
namespace {

// --- a number against a constant ---

// Where a double or int passes, worked out once: the constant as a double if it is exactly one, and
// the range of ints that pass.
struct Bound {
  Kind kind;
  uint64_t bits;
  bool exact_double = false;
  double as_double = 0;
  int64_t least = 1, greatest = 0;  // ints that pass (for !=: that do not)
};

Bound make_bound(Op op, const Value& constant) {
  Bound out{constant.kind(), constant.bits(), false, 0, 1, 0};
  out.as_double = constant.to_double();
  out.exact_double = compare(constant, Value::real(out.as_double)) == 0;
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
  if (constant.is(Kind::kDouble) && std::isnan(constant.as_double())) return out;
  // The ints just at or below and above the constant; beyond int64: all or none.
  const int against_high = compare(constant, Value::integer(kHigh));
  const int against_low = compare(constant, Value::integer(kLow));
  const bool above = against_high > 0, below = against_low < 0;
  int64_t floor = 0;
  bool whole = true;
  if (!above && !below) {
    if (constant.is(Kind::kDouble)) {
      const double down = std::floor(constant.as_double());
      floor = static_cast<int64_t>(down);
      whole = down == constant.as_double();
    } else {
      floor = constant.as_int();
    }
  }
  switch (op) {
    case Op::kEqual:
    case Op::kNotEqual:
      if (!above && !below && whole) out.least = out.greatest = floor;
      break;
    case Op::kLess:
    case Op::kLessEqual: {
      if (below) break;
      out.least = kLow;
      if (above)
        out.greatest = kHigh;
      else if (op == Op::kLess && whole && floor == kLow)
        out.least = 1, out.greatest = 0;
      else
        out.greatest = op == Op::kLess && whole ? floor - 1 : floor;
      break;
    }
    default: {
      if (above) break;
      out.greatest = kHigh;
      if (below)
        out.least = kLow;
      else if (op == Op::kGreaterEqual && whole)
        out.least = floor;
      else if (floor == kHigh)
        out.least = 1, out.greatest = 0;
      else
        out.least = floor + 1;
    }
  }
  return out;
}

template <Op op>
bool double_passes(double a, double b) {
  if constexpr (op == Op::kEqual) return a == b;
  if constexpr (op == Op::kNotEqual) return a != b;
  if constexpr (op == Op::kLess) return a < b;
  if constexpr (op == Op::kLessEqual) return a <= b;
  if constexpr (op == Op::kGreater) return a > b;
  return a >= b;
}

template <Op op>
bool order_passes(int order) {  // may be kUnordered: NaN
  if constexpr (op == Op::kEqual) return order == 0;
  if constexpr (op == Op::kNotEqual) return order != 0;
  if (order == kUnordered) return false;
  if constexpr (op == Op::kLess) return order < 0;
  if constexpr (op == Op::kLessEqual) return order <= 0;
  if constexpr (op == Op::kGreater) return order > 0;
  return order >= 0;
}

template <Op op, class Pair>
size_t compare_doubles(Rows range, uint32_t* passed, Pair pair) {
  const uint32_t first = range.front(), last = range.back();
  size_t count = 0;
  for (uint32_t row = first; row <= last; ++row) {
    const auto [a, b] = pair(row);
    passed[count] = row;
    count += static_cast<size_t>(double_passes<op>(a, b));
  }
  return count;
}

template <Op op, class Pair>
void mask_doubles(Rows range, uint64_t* taken, Pair pair) {
  constexpr uint64_t kAll = ~uint64_t{0};
  for (uint32_t row = range.front(); row <= range.back(); ++row) {
    const auto [a, b] = pair(row);
    taken[row] = double_passes<op>(a, b) ? kAll : 0;
  }
}

template <Op op>
class CompareConstant final : public Test {
 public:
  CompareConstant(const Tree& tree, const Node& node, std::unique_ptr<Vector> operand,
                  const Value& constant, bool swapped)
      : tree_(tree),
        node_(node),
        operand_(std::move(operand)),
        bound_(make_bound(op, constant)),
        swapped_(swapped) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    const Kind* kinds = cells.kinds;
    const uint64_t* words = cells.words;
    const double limit = bound_.as_double;
    if (bound_.exact_double && is_range(rows) && all_doubles(cells, rows))
      return compare_doubles<op>(rows, passed, [words, limit](uint32_t row) {
        return std::pair(std::bit_cast<double>(words[row]), limit);
      });
    if (!bound_.exact_double) return run_inexact(run, rows, cells, passed, errors);
    OperandErrors messages;
    size_t count = 0;
    for (const uint32_t row : rows) {
      const Kind kind = kinds[row];
      passed[count] = row;
      // Both ways, and the one that counts chosen without a branch: mixed kinds are not
      // predictable.
      if ((kind == Kind::kDouble) | (kind == Kind::kInt)) [[likely]] {
        const bool real = double_passes<op>(std::bit_cast<double>(words[row]), limit);
        const auto i = static_cast<int64_t>(words[row]);
        const bool within = (i >= bound_.least) & (i <= bound_.greatest);
        const bool whole = within != (op == Op::kNotEqual);
        count +=
            static_cast<size_t>((real & (kind == Kind::kDouble)) | (whole & (kind == Kind::kInt)));
      } else {
        count += static_cast<size_t>(slow(run, cells, row, messages, errors));
      }
    }
    return count;
  }

  bool mask(Run& run, Rows rows, uint64_t* taken) const override {
    if (!bound_.exact_double || !is_range(rows)) return false;
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    if (!all_doubles(cells, rows)) return false;
    const uint64_t* words = cells.words;
    const double limit = bound_.as_double;
    mask_doubles<op>(rows, taken, [words, limit](uint32_t row) {
      return std::pair(std::bit_cast<double>(words[row]), limit);
    });
    return true;
  }

 private:
  // Against a constant that is no double, such as 2^53 + 1.
  size_t run_inexact(Run& run, Rows rows, const Cells& cells, uint32_t* passed,
                     std::vector<RowError>& errors) const {
    OperandErrors messages;
    size_t count = 0;
    for (const uint32_t row : rows) {
      const bool pass = slow(run, cells, row, messages, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

  bool slow(Run& run, const Cells& cells, uint32_t row, OperandErrors& messages,
            std::vector<RowError>& errors) const {
    const Kind kind = cells.kinds[row];
    if (is_number(kind))
      return order_passes<op>(compare_numbers(kind, cells.words[row], bound_.kind, bound_.bits));
    if (kind == Kind::kError) {
      errors.push_back({row, std::string(cells.texts[row])});
      return false;
    }
    if (op == Op::kEqual || op == Op::kNotEqual) return op == Op::kNotEqual;
    const Kind a = swapped_ ? bound_.kind : kind, b = swapped_ ? kind : bound_.kind;
    errors.push_back({row, std::string(messages.of(run, tree_, node_, a, b))});
    return false;
  }

  const Tree& tree_;
  const Node& node_;
  std::unique_ptr<Vector> operand_;
  Bound bound_;
  bool swapped_;
};

// --- null ---

// x == null, x != null
class CompareNull final : public Test {
 public:
  CompareNull(std::unique_ptr<Vector> operand, bool equal)
      : operand_(std::move(operand)), equal_(equal) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      const Kind kind = cells.kinds[row];
      passed[count] = row;
      if (kind == Kind::kError) [[unlikely]]
        errors.push_back({row, std::string(cells.texts[row])});
      else
        count += static_cast<size_t>((kind <= Kind::kNull) == equal_);
    }
    return count;
  }

 private:
  std::unique_ptr<Vector> operand_;
  bool equal_;
};

// --- two computed sides ---

template <Op op>
class CompareVectors final : public Test {
 public:
  CompareVectors(const Tree& tree, const Node& node, std::unique_ptr<Vector> a,
                 std::unique_ptr<Vector> b)
      : tree_(tree), node_(node), a_(std::move(a)), b_(std::move(b)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease room_a(run), room_b(run);
    const Cells a = a_->run(run, rows, *room_a);
    const Cells b = b_->run(run, rows, *room_b);
    if (is_range(rows) && all_doubles(a, rows) && all_doubles(b, rows))
      return compare_doubles<op>(rows, passed, [&a, &b](uint32_t row) {
        return std::pair(std::bit_cast<double>(a.words[row]), std::bit_cast<double>(b.words[row]));
      });
    size_t count = 0;
    for (const uint32_t row : rows) {
      const Kind x = a.kinds[row], y = b.kinds[row];
      bool pass = false;
      if (x == Kind::kDouble && y == Kind::kDouble)
        pass = double_passes<op>(std::bit_cast<double>(a.words[row]),
                                 std::bit_cast<double>(b.words[row]));
      else if (is_number(x) && is_number(y))
        pass = order_passes<op>(compare_numbers(x, a.words[row], y, b.words[row]));
      else
        pass = slow(a, b, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

  bool mask(Run& run, Rows rows, uint64_t* taken) const override {
    if (!is_range(rows)) return false;
    const Lease room_a(run), room_b(run);
    const Cells a = a_->run(run, rows, *room_a);
    const Cells b = b_->run(run, rows, *room_b);
    if (!all_doubles(a, rows) || !all_doubles(b, rows)) return false;
    mask_doubles<op>(rows, taken, [&a, &b](uint32_t row) {
      return std::pair(std::bit_cast<double>(a.words[row]), std::bit_cast<double>(b.words[row]));
    });
    return true;
  }

 private:
  bool slow(const Cells& a, const Cells& b, uint32_t row, std::vector<RowError>& errors) const {
    for (const Cells* side : {&a, &b})
      if (side->kinds[row] == Kind::kError) {
        errors.push_back({row, std::string(side->texts[row])});
        return false;
      }
    const Value result = apply(tree_, node_, cell_value(a, row), cell_value(b, row));
    if (result.is_error()) errors.push_back({row, std::string(result.text())});
    return result.is(Kind::kBool) && result.as_bool();
  }

  const Tree& tree_;
  const Node& node_;
  std::unique_ptr<Vector> a_, b_;
};

template <template <Op> class Kernel, class... Arguments>
std::unique_ptr<Test> with_op(Op op, Arguments&&... arguments) {
  switch (op) {
    case Op::kEqual:
      return std::make_unique<Kernel<Op::kEqual>>(std::forward<Arguments>(arguments)...);
    case Op::kNotEqual:
      return std::make_unique<Kernel<Op::kNotEqual>>(std::forward<Arguments>(arguments)...);
    case Op::kLess:
      return std::make_unique<Kernel<Op::kLess>>(std::forward<Arguments>(arguments)...);
    case Op::kLessEqual:
      return std::make_unique<Kernel<Op::kLessEqual>>(std::forward<Arguments>(arguments)...);
    case Op::kGreater:
      return std::make_unique<Kernel<Op::kGreater>>(std::forward<Arguments>(arguments)...);
    default:
      return std::make_unique<Kernel<Op::kGreaterEqual>>(std::forward<Arguments>(arguments)...);
  }
}

Op mirrored(Op op) {  // a < b is b > a
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

bool is_text(const Node& node) { return node.is_literal() && node.value.is(Kind::kString); }

}  // namespace

std::unique_ptr<Test> make_comparison(const Tree& tree, const Node& node) {
  const Node* a = node.children[0].get();
  const Node* b = node.children[1].get();
  const bool swapped = a->is_literal();
  if (swapped) std::swap(a, b);
  const Op op = swapped ? mirrored(node.op) : node.op;
  std::unique_ptr<Vector> left = make_vector(tree, *a);
  if (!left) return nullptr;
  if (b->is_literal() && is_number(b->value.kind()))
    return with_op<CompareConstant>(op, tree, node, std::move(left), b->value, swapped);
  if (b->is_literal() && b->value.is(Kind::kNull) && (op == Op::kEqual || op == Op::kNotEqual))
    return std::make_unique<CompareNull>(std::move(left), op == Op::kEqual);
  if (is_text(*b) && (op == Op::kEqual || op == Op::kNotEqual))
    return make_text_test(op == Op::kEqual ? TextTest::kEqual : TextTest::kNotEqual, node,
                          std::move(left), b->value.text());
  std::unique_ptr<Vector> right = make_vector(tree, *b);
  if (!right) return nullptr;
  if (swapped) std::swap(left, right);
  return with_op<CompareVectors>(node.op, tree, node, std::move(left), std::move(right));
}

}  // namespace streamflow::expr
