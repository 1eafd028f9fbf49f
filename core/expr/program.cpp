#include "core/expr/program.h"

#include <algorithm>
#include <numeric>

#include "core/expr/check.h"
#include "core/expr/columns.h"
#include "core/expr/common.h"
#include "core/expr/compile.h"
#include "core/expr/functions.h"
#include "core/expr/kernels.h"
#include "core/expr/parse.h"

namespace streamflow::expr {
namespace {

bool holds_word(Kind kind) {
  return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint ||
         kind == Kind::kTimestamp || kind == Kind::kDuration;
}

class Compiled final : public Program {
 public:
  explicit Compiled(std::shared_ptr<const Tree> tree)
      : tree_(std::move(tree)),
        fields_(tree_->fields.begin(), tree_->fields.end()),
        meta_(tree_->meta.begin(), tree_->meta.end()),
        slots_(field_slots(*tree_->root)),
        conjunction_(*tree_, *tree_->root),
        vector_(make_vector(*tree_, *tree_->root)) {}

  Type type() const override { return tree_->root->type; }
  const std::set<std::string>& fields() const override { return fields_; }
  const std::set<std::string>& meta() const override { return meta_; }
  bool whole_record() const override { return tree_->whole_record; }

  std::string_view plain_field() const override {
    const Node& root = *tree_->root;
    const bool field = root.kind == NodeKind::kName && root.resolved == Resolved::kField;
    return field ? std::string_view(root.name) : std::string_view();
  }

  ColumnPtr evaluate(const Batch& batch, size_t begin) const override {
    Run run(*tree_, batch);
    if (!plain_field().empty() && run.field(0)) {
      run.decode(slots_, batch.selected.get());
      return run.owner(0);
    }
    const Selection rows = rows_from(batch, begin);
    run.decode(slots_, &rows);
    if (plain_field().empty() && vector_) return computed(run, rows);
    auto out = std::make_shared<Column>(batch.rows);
    if (plain_field().empty())
      for (const uint32_t row : rows) out->set(row, settled(run.evaluate(*tree_->root, row)));
    return out;
  }

  void filter(const Batch& batch, size_t begin, Selection& passed,
              std::vector<RowError>& errors) const override {
    Run run(*tree_, batch);
    passed = rows_from(batch, begin);
    conjunction_.run(run, passed, errors);
  }

  Value evaluate_row(const Batch& batch, uint32_t row) const override {
    Run run(*tree_, batch);
    const Selection rows = {row};
    run.decode(slots_, &rows);
    Value value = run.evaluate(*tree_->root, row);
    return plain_field().empty() ? settled(std::move(value)) : value;
  }

 private:
  static Selection rows_from(const Batch& batch, size_t begin) {
    if (batch.selected)
      return {batch.selected->begin() + static_cast<ptrdiff_t>(begin), batch.selected->end()};
    Selection rows(batch.rows - begin);
    std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
    return rows;
  }

  static bool all_finite(const Cells& cells, Rows range) {
    // An exponent of ones, that of infinity and NaN, carries into the sign.
    constexpr uint64_t kExponent = 0x7FF0'0000'0000'0000, kOne = 0x0010'0000'0000'0000;
    uint64_t carries = 0;
    for (uint32_t row = range.front(); row <= range.back(); ++row)
      carries |= (cells.words[row] & kExponent) + kOne;
    return carries >> 63 == 0;
  }

  ColumnPtr computed(Run& run, const Selection& rows) const {
    const size_t size = run.batch().rows;
    const Lease room(run);
    const Cells cells = vector_->run(run, rows, *room);
    // Where nothing has to be left out the room becomes the column.
    const bool whole = !rows.empty() && rows.size() == size && room->kinds.size() == size;
    const bool own = cells.words == room->words.data() && cells.kinds == room->kinds.data();
    if (whole && own && all_doubles(cells, rows) && all_finite(cells, rows))
      return std::make_shared<Column>(std::move(room->kinds), std::move(room->words));
    auto out = std::make_shared<Column>(size);
    fill(run, rows, cells, *out);
    return out;
  }

  void fill(Run& run, const Selection& rows, const Cells& cells, Column& out) const {
    bool borrows = false;
    for (const uint32_t row : rows) {
      const Kind kind = cells.kinds[row];
      if (kind == Kind::kDouble) {
        out.set_real(row, std::bit_cast<double>(cells.words[row]));
      } else if (holds_word(kind)) {
        out.set_word(row, kind, cells.words[row]);
      } else if (kind <= Kind::kNull) {
        out.set_null(row);
      } else if (kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kList ||
                 kind == Kind::kMap) {
        out.set_text(row, kind, cells.texts[row]);
        borrows = true;
      } else {
        out.set_text(row, kind, out.keep(cells.texts[row]));
      }
    }
    if (borrows) hold_texts(run, out);
  }

  // Texts live in the columns, in the constants of the tree, or in the run.
  void hold_texts(Run& run, Column& out) const {
    out.hold(tree_);
    for (const uint32_t slot : slots_)
      if (run.owner(slot)) out.hold(run.owner(slot));
    run.hand_over(out);
  }

  std::shared_ptr<const Tree> tree_;
  std::set<std::string> fields_, meta_;
  std::vector<uint32_t> slots_;
  Conjunction conjunction_;
  std::unique_ptr<Vector> vector_;
};

}  // namespace

std::unique_ptr<Program> compile_tree(std::string_view text, NodePtr root, const Scope& scope,
                                      std::vector<Problem>& problems) {
  auto tree = std::make_shared<Tree>();
  tree->text = text;
  tree->results = scope.results;
  tree->pure = scope.schema == nullptr;
  tree->root = std::move(root);
  if (!check(*tree, scope, problems)) return nullptr;
  if (scope.optimise) find_common(*tree);
  return std::make_unique<Compiled>(std::move(tree));
}

std::unique_ptr<Program> compile(std::string_view text, const Scope& scope,
                                 std::vector<Problem>& problems) {
  NodePtr root = parse(text, problems);
  if (!root) return nullptr;
  return compile_tree(text, std::move(root), scope, problems);
}

}  // namespace streamflow::expr
