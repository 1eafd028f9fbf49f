// Aggregates beside each record: over the latest records of its key, by time (t - span, t] or by
// number, itself included; or over all so far.  Records come in the order that the step asks for
// (order/time_order.h); of equal times a later one counts the earlier.
//
// State: 8 bytes a record in a window by time or number, and for each aggregate what trail.h says;
// at most max_keys keys and max_records records, a record beyond either fails.  A key whose window
// has been left by time is forgotten at the next sweep.  Belongs to its pipeline's loop thread.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/rolling/ring.h"
#include "operators/rolling/trail.h"

namespace streamflow {

struct TrailingPlan {
  Micros span = 0;     // by time
  uint64_t count = 0;  // by number; neither: all so far
  std::unique_ptr<KeyColumns> keys;
  std::vector<CallPlan> calls;
  std::vector<EntryPlan> entries;
  uint64_t min_count = 0;  // 0: as each aggregate has it
  size_t keys_max = 1'000'000;
  uint64_t records_max = 1'000'000;
  std::string verb;

  bool forever() const { return span == 0 && count == 0; }
  std::string signature() const;
};

class Trailing final : public Operator {
 public:
  explicit Trailing(TrailingPlan plan);

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;

  // byte version, text signature; partition 0: records until the next sweep; then of each key its
  // encoding, latest time, count and times of its records, and each aggregate's window.
  void save(StateParts& parts) const override;
  Status load(unsigned partition, std::string_view bytes) override;
  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }

 private:
  struct Key {
    bool known = false;
    Micros latest = kTimeMin;
    Ring<Micros> times;  // of the records in the window
  };

  size_t take_ids(const Batch& batch, Emitter& out);
  void take(const Batch& batch, size_t i, Emitter& out);
  size_t leaving(const Key& key, Micros time) const;
  void finish(const Batch& batch, size_t begin, size_t end, Emitter& out);
  ColumnPtr entry_cells(const EntryPlan& entry, const Batch& made, Emitter& out);
  void sweep(Micros mark);
  void forget(uint32_t id);
  uint32_t load_key(StateReader& in);
  unsigned partition(uint32_t id) const { return plan_.keys->keyed() ? ids_.partition(id) : 0; }

  const TrailingPlan plan_;
  const std::string signature_;
  KeyDictionary ids_;
  CallInputs inputs_;
  std::vector<std::unique_ptr<Trail>> trails_, counts_;  // by call; counts_ where min_count asks
  std::vector<Key> keys_;                                // by id
  size_t known_ = 0;
  uint64_t held_ = 0;
  uint64_t until_sweep_;
  std::bitset<kPartitions> dirty_;

  // Of one call of process:
  std::vector<uint32_t> rows_, row_ids_;
  std::vector<uint32_t> kept_;
  std::vector<std::shared_ptr<Column>> results_;  // by call
  const std::unique_ptr<Column> count_ = std::make_unique<Column>(1);
};

}  // namespace streamflow
