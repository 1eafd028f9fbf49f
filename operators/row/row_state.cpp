#include "operators/row/row_state.h"

#include <utility>

#include "operators/expression_option.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

}  // namespace

std::vector<OptionDescriptor> RowState::options() {
  OptionDescriptor by = KeyColumns::option();
  by.help = "key of row functions (lag, diff…): a path, a list of paths, or {name: expression}";
  return {by, order_option(), KeyColumns::max_option()};
}

std::unique_ptr<RowState> RowState::build(BuildContext& context,
                                          const std::vector<const expr::RowCall*>& calls) {
  if (calls.empty()) {
    for (const char* option : {"by", "order", "max_keys"}) {
      if (!context.params.has(option)) continue;
      context.diagnostics.error(
          "E0414", context.params.span(option),
          std::string("`") + option + ":` is for row functions, and there are none here",
          "lag, previous, diff, derivative, cumsum, ewm, changed");
    }
    return nullptr;
  }
  auto keys = KeyColumns::build(context);
  if (!keys) return nullptr;
  auto state = std::make_unique<RowState>(std::move(keys),
                                          static_cast<size_t>(context.params.integer("max_keys")));
  for (const expr::RowCall* call : calls) {
    state->functions_.push_back(make_row_function(*call));
    state->signature_ += "\n" + call->function;
    for (const Value& constant : call->constants)
      state->signature_ += " " + expr::literal(constant);
  }
  return state;
}

RowState::RowState(std::unique_ptr<KeyColumns> keys, size_t keys_max)
    : keys_(std::move(keys)), ids_(keys_max), signature_(keys_->signature()) {}

void RowState::take(Batch& batch, Emitter& out) {
  const std::vector<ColumnPtr> owners = keys_->columns(batch, 0);
  std::vector<const Column*> columns;
  for (const ColumnPtr& column : owners) columns.push_back(column.get());
  rows_.clear();
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    const std::string_view error = KeyColumns::error(owners, row);
    if (error.empty()) {
      rows_.push_back(row);
    } else {
      out.fail(batch, row, error);
    }
  }
  row_ids_.resize(rows_.size());
  if (!rows_.empty()) ids_.ids_of(columns, rows_, row_ids_.data());
  ids_by_row_.resize(batch.rows);
  if (known_.size() < ids_.capacity()) known_.resize(ids_.capacity());
  for (const auto& function : functions_) function->resize(ids_.capacity());
  size_t kept = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const uint32_t id = row_ids_[i];
    if (id == KeyDictionary::kNone) {
      out.fail(batch, rows_[i], "more than max_keys keys at a time");
      continue;
    }
    if (!std::exchange(known_[id], char{1})) ids_.retain(id);
    dirty_.set(partition(id));
    ids_by_row_[rows_[i]] = id;
    rows_[kept++] = rows_[i];
  }
  rows_.resize(kept);
  ids_.unpin();
  if (kept < batch.count()) batch.selected = std::make_shared<Selection>(rows_);
}

Batch RowState::with_results(const Batch& batch, const std::vector<expr::RowCall>& calls,
                             size_t first) {
  Batch made = batch;
  std::vector<uint32_t> rows(batch.count());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = batch.row_at(i);
  for (size_t i = 0; i < calls.size(); ++i) {
    const ColumnPtr argument = column_of(*calls[i].arguments[0], made, 0);
    auto result = std::make_shared<Column>(batch.rows);
    functions_[first + i]->run({*argument, rows, ids_by_row_.data(), batch.time->data()}, *result);
    made.columns.push_back({"$" + std::to_string(i), std::move(result), false});
  }
  return made;
}

// Byte version, text signature, then of each key its encoding and each function's state.
void RowState::save(StateParts& parts) const {
  for (uint32_t id = 0; id < known_.size(); ++id) {
    if (!known_[id] || !parts.wants(partition(id))) continue;
    std::string& out = parts[partition(id)];
    if (out.empty()) {
      out.push_back(static_cast<char>(kVersion));
      save_text(signature_, out);
    }
    ids_.save(id, out);
    for (const auto& function : functions_) function->save(id, out);
  }
}

Status RowState::load(unsigned partition_, std::string_view bytes) {
  forget(partition_);
  if (bytes.empty()) return {};
  StateReader in(bytes);
  if (in.byte() != kVersion) {
    return fail(ErrorKind::kData, "row functions: unknown version of the state");
  }
  if (in.text() != signature_) {
    return fail(ErrorKind::kConfig, "row functions: the state is that of another step");
  }
  while (in.ok() && !in.at_end()) {
    const uint32_t id = load_key(in);
    if (id == KeyDictionary::kNone) break;
    if (known_.size() < ids_.capacity()) known_.resize(ids_.capacity());
    for (const auto& function : functions_) function->resize(ids_.capacity());
    if (!std::exchange(known_[id], char{1})) ids_.retain(id);
    for (const auto& function : functions_) function->load(id, in);
  }
  ids_.unpin();
  if (in.ok()) return {};
  forget(partition_);
  return fail(ErrorKind::kData, "row functions: damaged state, or more than max_keys keys");
}

void RowState::forget(unsigned partition_) {
  for (uint32_t id = 0; id < known_.size(); ++id) {
    if (!known_[id] || partition(id) != partition_) continue;
    for (const auto& function : functions_) function->forget(id);
    known_[id] = 0;
    ids_.release(id);
  }
}

uint32_t RowState::load_key(StateReader& in) {
  const std::string_view key = in.text();
  std::string_view rest = key;
  for (size_t part = 0; part < keys_->parts().size() && in.ok(); ++part) {
    if (take_key_value(rest).is_error()) in.fail();
  }
  if (!rest.empty()) in.fail();
  const uint32_t id = in.ok() ? ids_.id_of(key) : KeyDictionary::kNone;
  if (id == KeyDictionary::kNone) in.fail();
  return id;
}

}  // namespace streamflow
