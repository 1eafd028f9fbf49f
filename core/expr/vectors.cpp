// Kernels that make a cell for each row.
#include <algorithm>

#include "core/expr/columns.h"
#include "core/expr/kernels.h"
#include "core/expr/numbers.h"

namespace streamflow::expr {
namespace {

class FieldVector final : public Vector {
 public:
  explicit FieldVector(uint32_t slot) : slot_(slot) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    if (const Column* column = run.field(slot_))
      return {column->kinds().data(), column->words(), column->texts()};
    for (const uint32_t row : rows) out.kinds[row] = Kind::kMissing;
    return out.cells();
  }

 private:
  uint32_t slot_;
};

class MetaVector final : public Vector {
 public:
  explicit MetaVector(uint32_t slot) : slot_(slot) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    if (const Column* column = run.meta(slot_))
      return {column->kinds().data(), column->words(), column->texts()};
    for (const uint32_t row : rows) out.kinds[row] = Kind::kMissing;
    return out.cells();
  }

 private:
  uint32_t slot_;
};

// a.b.c inside a nested cell.
class NestedVector final : public Vector {
 public:
  explicit NestedVector(const Node& node) : node_(node) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    for (const uint32_t row : rows) {
      const Value value = run.evaluate(node_, row);
      const Kind kind = value.kind();
      out.kinds[row] = kind;
      if (kind == Kind::kList || kind == Kind::kMap) {
        std::string json;
        append_json(value, json);
        out.texts[row] = run.keep(std::move(json));
      } else {
        set_cell(run, out, row, value);
      }
    }
    return out.cells();
  }

 private:
  const Node& node_;
};

// time, now()
class TimeVector final : public Vector {
 public:
  explicit TimeVector(const Node& node) : node_(node) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    const auto& times = node_.resolved == Resolved::kTime ? run.batch().time : run.batch().arrival;
    for (const uint32_t row : rows) {
      if (!times) {
        set_cell(run, out, row, run.evaluate(node_, row));
        continue;
      }
      out.kinds[row] = Kind::kTimestamp;
      out.words[row] = static_cast<uint64_t>((*times)[row]);
    }
    return out.cells();
  }

 private:
  const Node& node_;
};

class ConstantVector final : public Vector {
 public:
  explicit ConstantVector(const Value& value) : value_(value) {}
  Cells run(Run&, Rows rows, Scratch& out) const override {
    for (const uint32_t row : rows) {
      out.kinds[row] = value_.kind();
      out.words[row] = value_.bits();
    }
    if (value_.is(Kind::kString) || value_.is(Kind::kBytes))
      for (const uint32_t row : rows) out.texts[row] = value_.text();
    return out.cells();
  }

 private:
  const Value& value_;
};

// A side of an operation: cells, or one constant for all rows.
template <bool constant>
struct Side {
  Cells cells;
  Kind kind = Kind::kMissing;
  uint64_t bits = 0;
  // A constant counts as a double where doubles beside it make it one.
  bool doubles(Rows range) const { return constant || all_doubles(cells, range); }
  double double_at(uint32_t row) const {
    return constant ? to_double(kind, bits) : std::bit_cast<double>(cells.words[row]);
  }
  Kind kind_at(uint32_t row) const { return constant ? kind : cells.kinds[row]; }
  uint64_t bits_at(uint32_t row) const { return constant ? bits : cells.words[row]; }
  Value value_at(uint32_t row) const {
    if (!constant) return cell_value(cells, row);
    if (kind == Kind::kDouble) return Value::real(std::bit_cast<double>(bits));
    if (kind == Kind::kInt) return Value::integer(static_cast<int64_t>(bits));
    return Value::unsigned_integer(bits);
  }
};

template <Op op, bool constant_a, bool constant_b>
class Arithmetic final : public Vector {
 public:
  Arithmetic(const Tree& tree, const Node& node, std::unique_ptr<Vector> a,
             std::unique_ptr<Vector> b)
      : tree_(tree), node_(node), a_(std::move(a)), b_(std::move(b)) {}

  Cells run(Run& run, Rows rows, Scratch& out) const override {
    const Lease room_a(run), room_b(run);
    const auto a = side<constant_a>(run, rows, a_.get(), *node_.children[0], *room_a);
    const auto b = side<constant_b>(run, rows, b_.get(), *node_.children[1], *room_b);
    Kind* kinds = out.kinds.data();
    uint64_t* words = out.words.data();
    if (is_range(rows) && a.doubles(rows) && b.doubles(rows)) {
      for (uint32_t row = rows.front(); row <= rows.back(); ++row)
        words[row] =
            std::bit_cast<uint64_t>(calculate_doubles<op>(a.double_at(row), b.double_at(row)));
      std::fill(kinds + rows.front(), kinds + rows.back() + 1, Kind::kDouble);
      return out.cells();
    }
    OperandErrors messages;
    for (const uint32_t row : rows) {
      const Kind x = a.kind_at(row), y = b.kind_at(row);
      if (is_number(x) && is_number(y)) {
        const Number result = calculate<op>(x, a.bits_at(row), y, b.bits_at(row));
        kinds[row] = result.kind;
        words[row] = result.bits;
        if (result.kind == Kind::kError) out.texts[row] = run.keep(overflow_error(tree_, node_));
      } else {
        other(run, a, b, row, messages, out);
      }
    }
    return out.cells();
  }

 private:
  template <bool constant>
  static Side<constant> side(Run& run, Rows rows, const Vector* vector, const Node& node,
                             Scratch& room) {
    Side<constant> out;
    if constexpr (constant) {
      out.kind = node.value.kind();
      out.bits = node.value.bits();
    } else {
      out.cells = vector->run(run, rows, room);
    }
    return out;
  }

  // No two numbers: errors, strings, times.
  void other(Run& run, const Side<constant_a>& a, const Side<constant_b>& b, uint32_t row,
             OperandErrors& messages, Scratch& out) const {
    const Kind left = a.kind_at(row), right = b.kind_at(row);
    if (left <= Kind::kNull || right <= Kind::kNull) {  // not rare, and always the same text
      const bool failed = left == Kind::kError || right == Kind::kError;
      if (!failed) {
        out.kinds[row] = Kind::kError;
        out.texts[row] = messages.of(run, tree_, node_, left, right);
        return;
      }
    }
    const Value x = a.value_at(row), y = b.value_at(row);
    if (x.is_error() || y.is_error())
      set_cell(run, out, row, x.is_error() ? x : y);
    else
      set_cell(run, out, row, apply(tree_, node_, x, y));
  }

  const Tree& tree_;
  const Node& node_;
  std::unique_ptr<Vector> a_, b_;
};

class Minus final : public Vector {
 public:
  Minus(const Node& node, std::unique_ptr<Vector> operand)
      : node_(node), operand_(std::move(operand)) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    const Lease room(run);
    const Cells cells = operand_->run(run, rows, *room);
    for (const uint32_t row : rows) {
      const Kind kind = cells.kinds[row];
      const Number result = is_number(kind) ? negate(kind, cells.words[row]) : Number{};
      if (result.kind == Kind::kError) {
        set_cell(run, out, row, run.evaluate(node_, row));
        continue;
      }
      out.kinds[row] = result.kind;
      out.words[row] = result.bits;
    }
    return out.cells();
  }

 private:
  const Node& node_;
  std::unique_ptr<Vector> operand_;
};

// A condition as true or false.
class Truth final : public Vector {
 public:
  explicit Truth(std::unique_ptr<Test> test) : test_(std::move(test)) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    const Lease room(run);
    room->rows.resize(rows.size());
    std::vector<RowError> errors;
    const size_t count = test_->run(run, rows, room->rows.data(), errors);
    for (const uint32_t row : rows) {
      out.kinds[row] = Kind::kBool;
      out.words[row] = 0;
    }
    for (size_t i = 0; i < count; ++i) out.words[room->rows[i]] = 1;
    for (RowError& error : errors) {
      out.kinds[error.row] = Kind::kError;
      out.texts[error.row] = run.keep(std::move(error.message));
    }
    return out.cells();
  }

 private:
  std::unique_ptr<Test> test_;
};

// Row by row, where the result is known to be a bool, number or string.
class ScalarVector final : public Vector {
 public:
  explicit ScalarVector(const Node& node) : node_(node) {}
  Cells run(Run& run, Rows rows, Scratch& out) const override {
    for (const uint32_t row : rows) set_cell(run, out, row, run.evaluate(node_, row));
    return out.cells();
  }

 private:
  const Node& node_;
};

// --- choosing ---

bool is_number_literal(const Node& node) {
  return node.is_literal() && is_number(node.value.kind());
}

template <Op op>
std::unique_ptr<Vector> arithmetic(const Tree& tree, const Node& node) {
  const bool constant_a = is_number_literal(*node.children[0]);
  const bool constant_b = is_number_literal(*node.children[1]);
  std::unique_ptr<Vector> a = constant_a ? nullptr : make_vector(tree, *node.children[0]);
  std::unique_ptr<Vector> b = constant_b ? nullptr : make_vector(tree, *node.children[1]);
  if ((!a && !constant_a) || (!b && !constant_b) || (constant_a && constant_b)) return nullptr;
  if (constant_a)
    return std::make_unique<Arithmetic<op, true, false>>(tree, node, nullptr, std::move(b));
  if (constant_b)
    return std::make_unique<Arithmetic<op, false, true>>(tree, node, std::move(a), nullptr);
  return std::make_unique<Arithmetic<op, false, false>>(tree, node, std::move(a), std::move(b));
}

std::unique_ptr<Vector> binary(const Tree& tree, const Node& node) {
  if (!is_arithmetic(node.op)) return std::make_unique<Truth>(make_test(tree, node));
  // Only numbers: sums of lists, or of times with their nanoseconds, are not for cells.
  const bool plain =
      node.type == Type::kNumber || node.type == Type::kInt || node.type == Type::kDouble;
  if (!node.number || !plain) return nullptr;
  switch (node.op) {
    case Op::kAdd:
      return arithmetic<Op::kAdd>(tree, node);
    case Op::kSubtract:
      return arithmetic<Op::kSubtract>(tree, node);
    case Op::kMultiply:
      return arithmetic<Op::kMultiply>(tree, node);
    case Op::kDivide:
      return arithmetic<Op::kDivide>(tree, node);
    default:
      return arithmetic<Op::kRemainder>(tree, node);
  }
}

std::unique_ptr<Vector> name(const Node& node) {
  switch (node.resolved) {
    case Resolved::kField:
      return std::make_unique<FieldVector>(node.slot);
    case Resolved::kMetaField:
      return std::make_unique<MetaVector>(node.slot);
    case Resolved::kTime:
    case Resolved::kNow:
      return std::make_unique<TimeVector>(node);
    default:
      return nullptr;
  }
}

std::unique_ptr<Vector> specific_vector(const Tree& tree, const Node& node) {
  switch (node.kind) {
    case NodeKind::kLiteral: {
      const Kind kind = node.value.kind();
      const bool instant = kind == Kind::kTimestamp || kind == Kind::kDuration;
      const bool cell =
          (kind <= Kind::kBytes && kind != Kind::kMissing) || (instant && node.value.nanos() == 0);
      return cell ? std::make_unique<ConstantVector>(node.value) : nullptr;
    }
    case NodeKind::kName:
      return name(node);
    case NodeKind::kSelect:
      return node.nested ? std::make_unique<NestedVector>(node) : nullptr;
    case NodeKind::kBinary:
      return binary(tree, node);
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return std::make_unique<Truth>(make_test(tree, node));
    case NodeKind::kUnary: {
      if (node.op == Op::kNot) return std::make_unique<Truth>(make_test(tree, node));
      if (!node.number || node.type == Type::kDyn || node.type == Type::kDuration) return nullptr;
      std::unique_ptr<Vector> operand = make_vector(tree, *node.children[0]);
      return operand ? std::make_unique<Minus>(node, std::move(operand)) : nullptr;
    }
    case NodeKind::kConditional:
      return make_choice(tree, node);
    default:
      return nullptr;
  }
}

}  // namespace

Value cell_value(const Cells& cells, uint32_t row) {
  switch (const Kind kind = cells.kinds[row]; kind) {
    case Kind::kMissing:
      return Value();
    case Kind::kNull:
      return Value::null();
    case Kind::kBool:
      return Value::boolean(cells.words[row] != 0);
    case Kind::kInt:
      return Value::integer(static_cast<int64_t>(cells.words[row]));
    case Kind::kUint:
      return Value::unsigned_integer(cells.words[row]);
    case Kind::kDouble:
      return Value::real(std::bit_cast<double>(cells.words[row]));
    case Kind::kTimestamp:
      return Value::timestamp(static_cast<Micros>(cells.words[row]));
    case Kind::kDuration:
      return Value::duration(static_cast<Micros>(cells.words[row]));
    case Kind::kString:
      return Value::borrowed(cells.texts[row]);
    case Kind::kBytes:
      return Value::borrowed_bytes(cells.texts[row]);
    case Kind::kError:
      return Value::error(std::string(cells.texts[row]));
    default:
      return parse_json(cells.texts[row]);
  }
}

void set_cell(Run& run, Scratch& out, uint32_t row, const Value& value) {
  out.kinds[row] = value.kind();
  out.words[row] = value.bits();
  const bool text = value.is(Kind::kString) || value.is(Kind::kBytes) || value.is_error();
  if (text) out.texts[row] = run.keep(std::string(value.text()));
}

static std::unique_ptr<Vector> unshared_vector(const Tree& tree, const Node& node) {
  if (std::unique_ptr<Vector> specific = specific_vector(tree, node)) return specific;
  switch (node.type) {
    case Type::kBool:
    case Type::kInt:
    case Type::kUint:
    case Type::kDouble:
    case Type::kNumber:
    case Type::kString:
      return std::make_unique<ScalarVector>(node);
    default:
      return nullptr;
  }
}

std::unique_ptr<Vector> make_vector(const Tree& tree, const Node& node) {
  std::unique_ptr<Vector> made = unshared_vector(tree, node);
  if (!made || node.shared == 0) return made;
  return share(node.shared - 1, std::move(made));
}

}  // namespace streamflow::expr
