// Evaluation over columns: a checked tree becomes kernels, each a loop over the selected rows.  A
// Test narrows a list of rows to those for which it is true; a Vector makes a cell for each.  What
// has no kernel of its own is evaluated row by row inside one.  Results equal the scalar
// evaluator's.
//
// Kinds are per cell, so kernels have a branch on the common kind (doubles, ints), which predicts
// well, and a slow path.  Scratch is kept per thread; nothing is allocated per row but the texts of
// errors.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/expr/eval.h"
#include "core/expr/program.h"

namespace streamflow::expr {

using Rows = std::span<const uint32_t>;

// Cells by row number: of a column, or computed.
struct Cells {
  const Kind* kinds = nullptr;
  const uint64_t* words = nullptr;
  const std::string_view* texts = nullptr;
};

// Cells that a kernel makes, as many as the batch has rows; only those of the rows asked for are
// set.
struct Scratch {
  std::vector<Kind> kinds;
  std::vector<uint64_t> words;
  std::vector<std::string_view> texts;
  std::vector<uint32_t> rows;
  void resize(size_t size);
  Cells cells() const { return {kinds.data(), words.data(), texts.data()}; }
};

class Lease;

// One evaluation of a program over a batch.
class Run {
 public:
  Run(const Tree& tree, const Batch& batch);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const Batch& batch() const { return batch_; }
  const Column* field(uint32_t slot) const { return fields_[slot]; }
  const Column* meta(uint32_t slot) const { return meta_[slot]; }
  const ColumnPtr& owner(uint32_t slot) const { return owners_[slot]; }
  Value evaluate(const Node& node, uint32_t row) {
    return evaluator_.run(node, {&batch_, row, fields_.data(), meta_.data()});
  }
  // Makes these fields readable for the rows.
  void decode(std::span<const uint32_t> slots, const Selection* rows);
  // Cells of a part that stands there more than once, by Node::shared - 1.
  struct Shared {
    std::unique_ptr<Lease> room;
    std::vector<bool> done;  // by row
  };
  Shared& shared(uint32_t index);
  // The text of an error cell lives as long as the run.
  std::string_view keep(std::string text);
  // …or as the column that shows it.
  void hand_over(Column& column);

 private:
  const Batch& batch_;
  std::vector<ColumnPtr> owners_;
  std::vector<const Column*> fields_;
  std::vector<const Column*> meta_;
  std::shared_ptr<std::deque<std::string>> texts_;
  std::vector<Shared> shared_;
  Evaluator evaluator_;
};

// A Scratch of this thread for as long as the lease lives.
class Lease {
 public:
  explicit Lease(const Run& run);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch& operator*() const { return *scratch_; }
  Scratch* operator->() const { return scratch_.get(); }

 private:
  std::unique_ptr<Scratch> scratch_;
};

class Vector {
 public:
  virtual ~Vector() = default;
  // The cells of `rows`; `out` is room that may be used for them.
  virtual Cells run(Run& run, Rows rows, Scratch& out) const = 0;
};

class Test {
 public:
  virtual ~Test() = default;
  // Writes the rows for which it is true to `passed`, in order, and returns their number; `passed`
  // has room for all and may be the memory of `rows`.  Rows that fail are added to `errors`.
  virtual size_t run(Run& run, Rows rows, uint32_t* passed,
                     std::vector<RowError>& errors) const = 0;
  // Where all rows are sure to be true or false: says so in `taken`, by row, with all bits set for
  // true and none for false.  Gives false, and leaves all to run(), elsewhere.
  virtual bool mask(Run& run, Rows rows, uint64_t* taken) const {
    (void)run, (void)rows, (void)taken;
    return false;
  }
};

// Null where the node is better evaluated as a whole: only then its cells are exact.
std::unique_ptr<Vector> make_vector(const Tree& tree, const Node& node);
std::unique_ptr<Test> make_test(const Tree& tree, const Node& node);  // never null

// The operands of a top-level && are run one after the other, each on what is left, and decode only
// the fields that the ones before did not.
class Conjunction {
 public:
  Conjunction(const Tree& tree, const Node& node);
  // Narrows the rows to those for which it is true.
  void run(Run& run, Selection& passed, std::vector<RowError>& errors) const;

 private:
  struct Part {
    std::unique_ptr<Test> test;
    std::vector<uint32_t> slots;  // that no part before has decoded
    std::vector<uint32_t> all_slots;
  };
  std::vector<Part> parts_;
};

// Slots of the fields in a tree, in order of first use.
std::vector<uint32_t> field_slots(const Node& node);

}  // namespace streamflow::expr
