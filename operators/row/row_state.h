// What the row functions of one step remember, per key.  At most max_keys keys: a record of another
// fails.  State: each function's value of each key (lag: n of them), 24 bytes and texts.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "core/keys.h"
#include "core/node.h"
#include "operators/key_columns.h"
#include "operators/row/row_functions.h"

namespace streamflow {

class RowState {
 public:
  // Options `by`, `order` and `max_keys`.
  static std::vector<OptionDescriptor> options();
  // The state of functions that are called in this order; null where there are none, or where `by`
  // is wrong, which is reported.  Without functions those options are an error.
  static std::unique_ptr<RowState> build(BuildContext& context,
                                         const std::vector<const expr::RowCall*>& calls);

  RowState(std::unique_ptr<KeyColumns> keys, size_t keys_max);

  // Finds the keys of a batch's rows; those that have none fail and leave its selection.
  void take(Batch& batch, Emitter& out);
  // The batch with the results of calls [first, first + calls.size()) as "$0", "$1"…; after take().
  Batch with_results(const Batch& batch, const std::vector<expr::RowCall>& calls, size_t first);

  void save(StateParts& parts) const;
  Status load(unsigned partition, std::string_view bytes);
  std::bitset<kPartitions> take_dirty() { return std::exchange(dirty_, {}); }

 private:
  unsigned partition(uint32_t id) const { return keys_->keyed() ? ids_.partition(id) : 0; }
  void forget(unsigned partition);
  uint32_t load_key(StateReader& in);

  std::unique_ptr<KeyColumns> keys_;
  KeyDictionary ids_;
  std::string signature_;
  std::vector<std::unique_ptr<RowFunction>> functions_;
  std::vector<char> known_;  // by id
  std::bitset<kPartitions> dirty_;
  std::vector<uint32_t> rows_, row_ids_, ids_by_row_;
};

}  // namespace streamflow
