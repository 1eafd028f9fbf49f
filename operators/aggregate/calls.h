// The aggregates of one step: what its options ask for, and what they read of a batch.  Shared by
// windows, `rolling` and `aggregate`.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/expr/program.h"
#include "core/node.h"
#include "operators/aggregate/aggregate.h"
#include "operators/key_columns.h"

namespace streamflow {

struct CallPlan {
  const AggregateKind* kind = nullptr;
  AggregateCallSpec spec;
  std::string text;                       // the entry that it is of, as written
  std::unique_ptr<expr::Program> value;   // null: count()
  std::unique_ptr<expr::Program> second;  // of aggregates of two values
  std::unique_ptr<expr::Program> where;   // may be null

  std::unique_ptr<Aggregate> make() const { return kind->make(spec); }
};

// A field of the result: calls[first_call, first_call + calls) and an expression over them.
struct EntryPlan {
  std::string name;
  Type type = Type::kDyn;
  size_t first_call = 0;
  size_t calls = 0;
  std::unique_ptr<expr::Program> outer;  // null: the call's result
};

// For the signature of saved state.
std::string signature_of(const std::vector<CallPlan>& calls);

// Keys, values and conditions as columns, evaluated once even when the batch is taken in several
// parts.
class CallInputs {
 public:
  // Both live as long as this.
  CallInputs(const KeyColumns& keys, const std::vector<CallPlan>& calls)
      : plan_keys_(keys), calls_(calls) {}

  // All of the batch; again with begin > 0 for the same batch keeps what is there.
  void evaluate(const Batch& batch, size_t begin);
  // The keys only, or the calls [first, end) only: for steps whose entries see those above.
  void evaluate_keys(const Batch& batch, size_t begin);
  void evaluate_calls(const Batch& batch, size_t begin, size_t first, size_t end);
  void release();  // the batch is done with

  const std::vector<const Column*>& keys() const { return keys_; }
  std::string_view key_error(uint32_t row) const { return KeyColumns::error(key_columns_, row); }
  const Column* value(size_t call) const { return values_[call].get(); }  // null: count()

  // The rows of a call whose condition holds, with their groups, go to the aggregate; failures are
  // reported.  `groups` are as long as `rows`.
  void add(const Batch& batch, size_t call, Aggregate& aggregate, std::span<const uint32_t> rows,
           std::span<const uint32_t> groups, Emitter& out);

 private:
  const KeyColumns& plan_keys_;
  const std::vector<CallPlan>& calls_;
  std::shared_ptr<const Times> time_;  // with selected_, the batch's identity while it is held
  SelectionPtr selected_;
  std::vector<ColumnPtr> key_columns_, values_, seconds_, wheres_;
  std::vector<const Column*> keys_;
  std::vector<uint32_t> where_rows_, where_groups_;
  Selection wrong_;
};

// A copy in which failed cells, infinity and NaN are null, as fields are; the failed rows and their
// reasons go to `failed`.
std::shared_ptr<Column> field_cells(const Column& column, std::span<const uint32_t> rows,
                                    std::vector<std::pair<uint32_t, std::string>>& failed);

}  // namespace streamflow
