// Kernels that narrow a list of rows: logic, and the choice among all of them.
#include <algorithm>

#include "core/expr/columns.h"
#include "core/expr/kernels.h"

namespace streamflow::expr {
namespace {

class HasField final : public Test {
 public:
  explicit HasField(uint32_t slot) : slot_(slot) {}
  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>&) const override {
    const Column* column = run.field(slot_);
    if (!column) return 0;
    size_t count = 0;
    for (const uint32_t row : rows) {
      passed[count] = row;
      count += column->kind(row) != Kind::kMissing ? 1 : 0;
    }
    return count;
  }

 private:
  uint32_t slot_;
};

// --- logic ---

// What became of each row.
enum State : uint8_t { kFalse, kTrue, kFailed };

// Written without a branch: which rows stay is not predictable.
void keep_false(const std::vector<Kind>& state, std::vector<uint32_t>& rows) {
  size_t count = 0;
  for (const uint32_t row : rows) {
    rows[count] = row;
    count += state[row] != Kind{kTrue} ? 1 : 0;
  }
  rows.resize(count);
}

class Either final : public Test {
 public:
  explicit Either(std::vector<std::unique_ptr<Test>> parts) : parts_(std::move(parts)) {}

  // Each alternative looks at what is not yet true; an error is forgotten where a later one is.
  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease states(run), left(run), hits(run);
    std::vector<Kind>& state = states->kinds;  // one byte a row, used as State
    left->rows.assign(rows.begin(), rows.end());
    hits->rows.resize(rows.size());
    for (const uint32_t row : rows) state[row] = static_cast<Kind>(kFalse);
    std::vector<RowError> failed;
    for (const auto& part : parts_) {
      const size_t count = part->run(run, left->rows, hits->rows.data(), failed);
      if (count == 0) continue;
      for (size_t i = 0; i < count; ++i) state[hits->rows[i]] = static_cast<Kind>(kTrue);
      if (&part != &parts_.back()) keep_false(state, left->rows);
    }
    for (RowError& error : failed) {
      if (state[error.row] != Kind{kFalse}) continue;  // true, or the first error is there
      state[error.row] = static_cast<Kind>(kFailed);
      errors.push_back(std::move(error));
    }
    size_t count = 0;
    for (const uint32_t row : rows) {
      passed[count] = row;
      count += state[row] == Kind{kTrue} ? 1 : 0;
    }
    return count;
  }

 private:
  std::vector<std::unique_ptr<Test>> parts_;
};

class Both final : public Test {
 public:
  explicit Both(std::vector<std::unique_ptr<Test>> parts) : parts_(std::move(parts)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    std::vector<RowError> failed;
    if (passed != rows.data()) std::copy(rows.begin(), rows.end(), passed);
    size_t count = rows.size();
    for (const auto& part : parts_) {
      if (!failed.empty()) retest(run, *part, failed);
      count = part->run(run, {passed, count}, passed, failed);
    }
    errors.insert(errors.end(), std::make_move_iterator(failed.begin()),
                  std::make_move_iterator(failed.end()));
    return count;
  }

 private:
  std::vector<std::unique_ptr<Test>> parts_;
};

class Negation final : public Test {
 public:
  explicit Negation(std::unique_ptr<Test> operand) : operand_(std::move(operand)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease room(run), states(run);
    std::vector<Kind>& state = states->kinds;
    for (const uint32_t row : rows) state[row] = static_cast<Kind>(kFalse);
    room->rows.resize(rows.size());
    const size_t first_error = errors.size();
    const size_t hits = operand_->run(run, rows, room->rows.data(), errors);
    for (size_t i = 0; i < hits; ++i) state[room->rows[i]] = static_cast<Kind>(kTrue);
    for (size_t i = first_error; i < errors.size(); ++i)
      state[errors[i].row] = static_cast<Kind>(kFailed);
    size_t count = 0;
    for (const uint32_t row : rows) {
      passed[count] = row;
      count += state[row] == Kind{kFalse} ? 1 : 0;
    }
    return count;
  }

 private:
  std::unique_ptr<Test> operand_;
};

class Constant final : public Test {
 public:
  explicit Constant(bool value) : value_(value) {}
  size_t run(Run&, Rows rows, uint32_t* passed, std::vector<RowError>&) const override {
    if (!value_) return 0;
    if (passed != rows.data()) std::copy(rows.begin(), rows.end(), passed);
    return rows.size();
  }

 private:
  bool value_;
};

// A computed cell that is true.
class IsTrue final : public Test {
 public:
  IsTrue(const Node& node, std::unique_ptr<Vector> operand)
      : node_(node), operand_(std::move(operand)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      const Kind kind = cells.kinds[row];
      passed[count] = row;
      if (kind == Kind::kBool)
        count += cells.words[row] != 0 ? 1 : 0;
      else if (kind == Kind::kError)
        errors.push_back({row, std::string(cells.texts[row])});
      else
        errors.push_back({row, condition_error(node_, kind)});
    }
    return count;
  }

 private:
  const Node& node_;
  std::unique_ptr<Vector> operand_;
};

class Scalar final : public Test {
 public:
  explicit Scalar(const Node& node) : node_(node) {}
  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    size_t count = 0;
    for (const uint32_t row : rows) {
      const bool pass = scalar_passes(run, node_, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

 private:
  const Node& node_;
};

// --- choosing ---

std::unique_ptr<Test> specific_test(const Tree& tree, const Node& node) {
  switch (node.kind) {
    case NodeKind::kLiteral:
      if (node.value.is(Kind::kBool)) return std::make_unique<Constant>(node.value.as_bool());
      return nullptr;
    case NodeKind::kAnd:
    case NodeKind::kOr: {
      std::vector<std::unique_ptr<Test>> parts;
      for (const NodePtr& child : node.children) parts.push_back(make_test(tree, *child));
      if (node.kind == NodeKind::kAnd) return std::make_unique<Both>(std::move(parts));
      return std::make_unique<Either>(std::move(parts));
    }
    case NodeKind::kUnary:
      if (node.op == Op::kNot)
        return std::make_unique<Negation>(make_test(tree, *node.children[0]));
      return nullptr;
    case NodeKind::kBinary:
      if (node.op == Op::kIn) return make_membership(tree, node);
      return is_arithmetic(node.op) ? nullptr : make_comparison(tree, node);
    case NodeKind::kCall:
      if (node.macro == Macro::kHas && node.children[0]->resolved == Resolved::kField)
        return std::make_unique<HasField>(node.children[0]->slot);
      return make_call_test(tree, node);
    case NodeKind::kName:
    case NodeKind::kConditional:
      if (std::unique_ptr<Vector> operand = make_vector(tree, node))
        return std::make_unique<IsTrue>(node, std::move(operand));
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

std::unique_ptr<Test> make_test(const Tree& tree, const Node& node) {
  std::unique_ptr<Test> specific = specific_test(tree, node);
  return specific ? std::move(specific) : std::make_unique<Scalar>(node);
}

bool scalar_passes(Run& run, const Node& node, uint32_t row, std::vector<RowError>& errors) {
  const Value value = run.evaluate(node, row);
  if (value.is(Kind::kBool)) return value.as_bool();
  errors.push_back(
      {row, value.is_error() ? std::string(value.text()) : condition_error(node, value.kind())});
  return false;
}

void retest(Run& run, const Test& test, std::vector<RowError>& failed) {
  Selection rows;
  for (const RowError& error : failed) rows.push_back(error.row);
  std::sort(rows.begin(), rows.end());
  std::vector<RowError> again;
  Selection kept(rows.size());
  kept.resize(test.run(run, rows, kept.data(), again));
  for (const RowError& error : again) kept.push_back(error.row);
  std::sort(kept.begin(), kept.end());
  std::erase_if(failed, [&kept](const RowError& error) {
    return !std::binary_search(kept.begin(), kept.end(), error.row);
  });
}

}  // namespace streamflow::expr
