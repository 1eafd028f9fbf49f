#include "core/expr/columns.h"

#include <algorithm>

#include "core/expr/kernels.h"

namespace streamflow::expr {
namespace {

// Room is given back to the thread that took it.
std::vector<std::unique_ptr<Scratch>>& pool() {
  thread_local std::vector<std::unique_ptr<Scratch>> scratches;
  return scratches;
}

void collect_slots(const Node& node, std::vector<uint32_t>& out) {
  if (node.kind == NodeKind::kName && node.resolved == Resolved::kField &&
      std::find(out.begin(), out.end(), node.slot) == out.end())
    out.push_back(node.slot);
  for (const NodePtr& child : node.children) collect_slots(*child, out);
}

ColumnPtr find_column(const Batch& batch, const std::string& name) {
  for (const NamedColumn& column : batch.columns)
    if (column.name == name) return column.column;
  return batch.origin ? batch.field(name) : nullptr;
}

const Column* find_meta(const Batch& batch, const std::string& name) {
  for (const NamedColumn& column : batch.meta)
    if (column.name == name) return column.column.get();
  return nullptr;
}

}  // namespace

void Scratch::resize(size_t size) {
  if (kinds.size() >= size) return;
  kinds.resize(size);
  words.resize(size);
  texts.resize(size);
}

Lease::Lease(const Run& run) {
  if (pool().empty()) {
    scratch_ = std::make_unique<Scratch>();
  } else {
    scratch_ = std::move(pool().back());
    pool().pop_back();
  }
  scratch_->resize(run.batch().rows);
}

Lease::~Lease() {
  constexpr size_t kKept = 32;
  if (pool().size() < kKept) pool().push_back(std::move(scratch_));
}

Run::Run(const Tree& tree, const Batch& batch)
    : batch_(batch), shared_(tree.shared), evaluator_(tree) {
  owners_.reserve(tree.fields.size());
  fields_.reserve(tree.fields.size());
  for (const std::string& name : tree.fields) {
    owners_.push_back(find_column(batch, name));
    fields_.push_back(owners_.back().get());
  }
  for (const std::string& name : tree.meta) {
    meta_.push_back(find_meta(batch, name));
    if (meta_.back()) meta_.back()->decode(batch.selected.get());
  }
  if (tree.whole_record)
    for (const NamedColumn& column : batch.columns)
      if (!column.original || !batch.origin) column.column->decode(batch.selected.get());
}

Run::~Run() = default;

void Run::decode(std::span<const uint32_t> slots, const Selection* rows) {
  for (const uint32_t slot : slots)
    if (fields_[slot]) fields_[slot]->decode(rows);
}

std::string_view Run::keep(std::string text) {
  if (!texts_) texts_ = std::make_shared<std::deque<std::string>>();
  if (texts_->empty() || texts_->back() != text) texts_->push_back(std::move(text));
  return texts_->back();
}

Run::Shared& Run::shared(uint32_t index) {
  Shared& out = shared_[index];
  if (!out.room) {
    out.room = std::make_unique<Lease>(*this);
    out.done.assign(batch_.rows, false);
  }
  return out;
}

void Run::hand_over(Column& column) {
  if (texts_) column.hold(texts_);
}

std::vector<uint32_t> field_slots(const Node& node) {
  std::vector<uint32_t> out;
  collect_slots(node, out);
  return out;
}

Conjunction::Conjunction(const Tree& tree, const Node& node) {
  std::vector<uint32_t> decoded;
  const auto add = [&](const Node& part) {
    Part& added = parts_.emplace_back();
    added.test = make_test(tree, part);
    added.all_slots = field_slots(part);
    for (const uint32_t slot : added.all_slots)
      if (std::find(decoded.begin(), decoded.end(), slot) == decoded.end())
        added.slots.push_back(slot);
    decoded.insert(decoded.end(), added.slots.begin(), added.slots.end());
  };
  if (node.kind == NodeKind::kAnd)
    for (const NodePtr& child : node.children) add(*child);
  else
    add(node);
}

void Conjunction::run(Run& run, Selection& passed, std::vector<RowError>& errors) const {
  std::vector<RowError> failed;
  for (const Part& part : parts_) {
    if (!failed.empty()) {
      Selection rows_failed;
      for (const RowError& error : failed) rows_failed.push_back(error.row);
      std::sort(rows_failed.begin(), rows_failed.end());
      run.decode(part.all_slots, &rows_failed);
      retest(run, *part.test, failed);
    }
    if (passed.empty() && failed.empty()) break;
    run.decode(part.slots, &passed);
    passed.resize(part.test->run(run, passed, passed.data(), failed));
  }
  std::stable_sort(failed.begin(), failed.end(),
                   [](const RowError& a, const RowError& b) { return a.row < b.row; });
  errors.insert(errors.end(), std::make_move_iterator(failed.begin()),
                std::make_move_iterator(failed.end()));
}

}  // namespace streamflow::expr
