// Kernels of what is chosen (?:) and of what stands in an expression more than once.
#include <algorithm>

#include "core/expr/columns.h"
#include "core/expr/kernels.h"

namespace streamflow::expr {
namespace {

// Both sides are evaluated where they are cheap: then nothing depends on which rows take which
// side.
class Choice final : public Vector {
 public:
  Choice(std::unique_ptr<Test> test, std::unique_ptr<Vector> yes, std::unique_ptr<Vector> no,
         bool cheap)
      : test_(std::move(test)), yes_(std::move(yes)), no_(std::move(no)), cheap_(cheap) {}

  Cells run(Run& run, Rows rows, Scratch& out) const override {
    if (rows.empty()) return out.cells();
    const Lease states(run);
    uint64_t* mask = states->words.data();
    if (cheap_ && test_->mask(run, rows, mask)) {
      choose(run, rows, mask, out);
      return out.cells();
    }
    const Lease hits(run);
    hits->rows.resize(rows.size());
    std::vector<RowError> errors;
    hits->rows.resize(test_->run(run, rows, hits->rows.data(), errors));
    for (const uint32_t row : rows) mask[row] = 0;
    for (const uint32_t row : hits->rows) mask[row] = kAll;
    if (cheap_) {
      choose(run, rows, mask, out);
    } else {
      for (const RowError& error : errors) mask[error.row] = kFailed;
      narrow(run, rows, hits->rows, mask, out);
    }
    for (RowError& error : errors) {
      out.kinds[error.row] = Kind::kError;
      out.texts[error.row] = run.keep(std::move(error.message));
    }
    return out.cells();
  }

 private:
  static constexpr uint64_t kAll = ~uint64_t{0}, kFailed = 1;

  // Where the mask has all bits set, cells of `yes_`, else of `no_`.
  void choose(Run& run, Rows rows, const uint64_t* mask, Scratch& out) const {
    const Lease room_yes(run), room_no(run);
    const Cells yes = yes_->run(run, rows, *room_yes);
    const Cells no = no_->run(run, rows, *room_no);
    if (is_range(rows) && all_doubles(yes, rows) && all_doubles(no, rows)) {
      uint64_t* words = out.words.data();
      for (uint32_t row = rows.front(); row <= rows.back(); ++row)
        words[row] = (yes.words[row] & mask[row]) | (no.words[row] & ~mask[row]);
      std::fill(out.kinds.begin() + rows.front(), out.kinds.begin() + rows.back() + 1,
                Kind::kDouble);
      return;
    }
    for (const uint32_t row : rows) copy_cell(mask[row] == kAll ? yes : no, row, out);
  }

  void narrow(Run& run, Rows rows, Rows hits, const uint64_t* mask, Scratch& out) const {
    const Lease rest(run);
    rest->rows.resize(rows.size());
    size_t left = 0;
    for (const uint32_t row : rows) {
      rest->rows[left] = row;
      left += mask[row] == 0 ? 1 : 0;
    }
    rest->rows.resize(left);
    copy(run, *yes_, hits, out);
    copy(run, *no_, rest->rows, out);
  }

  static void copy(Run& run, const Vector& from, Rows rows, Scratch& out) {
    if (rows.empty()) return;
    const Lease room(run);
    const Cells cells = from.run(run, rows, *room);
    for (const uint32_t row : rows) copy_cell(cells, row, out);
  }

  static void copy_cell(const Cells& cells, uint32_t row, Scratch& out) {
    const Kind kind = cells.kinds[row];
    out.kinds[row] = kind;
    if (has_word(kind)) out.words[row] = cells.words[row];
    if (has_text(kind)) out.texts[row] = cells.texts[row];
  }
  static bool has_word(Kind kind) {
    return (kind >= Kind::kBool && kind <= Kind::kDouble) || kind == Kind::kTimestamp ||
           kind == Kind::kDuration;
  }
  static bool has_text(Kind kind) {
    return kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kList ||
           kind == Kind::kMap || kind == Kind::kError;
  }

  std::unique_ptr<Test> test_;
  std::unique_ptr<Vector> yes_, no_;
  bool cheap_;
};

// A part that stands in the expression more than once: each row is computed the first time.
class SharedVector final : public Vector {
 public:
  SharedVector(uint32_t index, std::unique_ptr<Vector> vector)
      : index_(index), vector_(std::move(vector)) {}

  Cells run(Run& run, Rows rows, Scratch& out) const override {
    Run::Shared& shared = run.shared(index_);
    Scratch& room = **shared.room;
    const Lease left(run);
    left->rows.clear();
    for (const uint32_t row : rows)
      if (!shared.done[row]) left->rows.push_back(row);
    if (!left->rows.empty()) {
      const Cells made = vector_->run(run, left->rows, out);
      for (const uint32_t row : left->rows) {
        shared.done[row] = true;
        copy(made, row, room);
      }
    }
    return room.cells();
  }

 private:
  static void copy(const Cells& from, uint32_t row, Scratch& to) {
    const Kind kind = to.kinds[row] = from.kinds[row];
    if (kind > Kind::kNull &&
        (kind <= Kind::kDouble || kind == Kind::kTimestamp || kind == Kind::kDuration))
      to.words[row] = from.words[row];
    else if (kind > Kind::kNull)
      to.texts[row] = from.texts[row];
  }

  uint32_t index_;
  std::unique_ptr<Vector> vector_;
};

// A field, a constant, or a little arithmetic with them.
bool is_cheap(const Node& node, size_t operations) {
  if (node.shared > 0) return false;
  if (node.is_literal()) return true;
  if (node.kind == NodeKind::kName)
    return node.resolved == Resolved::kField || node.resolved == Resolved::kMetaField;
  if (node.kind != NodeKind::kBinary || !is_arithmetic(node.op) || operations == 0) return false;
  return is_cheap(*node.children[0], operations - 1) && is_cheap(*node.children[1], operations - 1);
}

}  // namespace

std::unique_ptr<Vector> make_choice(const Tree& tree, const Node& node) {
  std::unique_ptr<Vector> yes = make_vector(tree, *node.children[1]);
  std::unique_ptr<Vector> no = make_vector(tree, *node.children[2]);
  if (!yes || !no) return nullptr;
  const bool cheap = is_cheap(*node.children[1], 3) && is_cheap(*node.children[2], 3);
  return std::make_unique<Choice>(make_test(tree, *node.children[0]), std::move(yes), std::move(no),
                                  cheap);
}

std::unique_ptr<Vector> share(uint32_t index, std::unique_ptr<Vector> vector) {
  return std::make_unique<SharedVector>(index, std::move(vector));
}

}  // namespace streamflow::expr
