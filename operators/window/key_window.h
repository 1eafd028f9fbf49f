// What windows have in common that are no fixed stretches of time: sessions, numbers of records,
// states.  Each open window is a group of accumulators; which groups a record belongs to is the
// subclass's.  Belongs to its pipeline's loop thread.
#pragma once

#include <bitset>
#include <functional>
#include <string>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/aggregate/accumulators.h"
#include "operators/window/window_plan.h"
#include "operators/window/window_results.h"

namespace streamflow {

class KeyWindow : public Operator {
 public:
  std::bitset<kPartitions> take_dirty() final { return std::exchange(dirty_, {}); }
  // byte version, text signature; partition 0: last forwarded watermark, last arrival stamp, stream
  // start, last time; then the subclass's keys.  A partition without keys is empty but for 0.
  void save(StateParts& parts) const final;
  Status load(unsigned partition, std::string_view bytes) final;

 protected:
  explicit KeyWindow(WindowPlan plan);

  // The columns of a batch, its stream's start.
  void begin(const Batch& batch, size_t at);
  // Keys of rows_ in row_ids_; rows without one fail and leave rows_.
  void take_ids(const Batch& batch, Emitter& out);
  // Adds the rows to their groups.
  void absorb(const Batch& batch, std::span<const uint32_t> rows, std::span<const uint32_t> groups,
              Emitter& out);
  void send_late(const Batch& batch, const Selection& late, Emitter& out);
  void send(Emitter& out);

  static Micros arrival_of(const Batch& batch, uint32_t row) {
    return batch.arrival ? (*batch.arrival)[row] : kTimeMin;
  }
  unsigned partition(uint32_t id) const { return plan_.keys->keyed() ? ids_.partition(id) : 0; }
  void touch(uint32_t id) { dirty_.set(partition(id)); }

  // What the windows of each key have, behind the key in the text that `place` gives; null: not wanted.
  using Place = std::function<std::string*(uint32_t id)>;
  virtual void save_keys(const Place& place) const = 0;
  virtual void load_keys(StateReader& in) = 0;
  virtual void forget_keys(unsigned partition) = 0;
  uint32_t load_key(StateReader& in);  // kNone: the reader has failed

  const WindowPlan plan_;
  KeyDictionary ids_;
  Accumulators groups_;
  WindowResults results_;
  CallInputs inputs_;
  Micros last_forwarded_ = kTimeMin;
  Micros arrival_ = kTimeMin;
  Micros stream_start_ = kTimeMin;
  Micros last_time_ = kTimeMin;  // the latest of any record
  std::vector<uint32_t> rows_, row_ids_;
  std::bitset<kPartitions> dirty_;

 private:
  const std::string signature_;
  PreviousResults previous_;  // unused: no empty windows
};

}  // namespace streamflow
