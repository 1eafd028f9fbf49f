// Windows of a number of a key's records, the next starting every `step` records; the records come
// in the order that the step asks for (order/time_order.h).  A window is sent when it is full, its
// time its last record's; window_start and window_end are the times of its first and last record.
// At the end of input those that are not full are sent in order of keys, marked partial, their time
// the stream's last.  With `step` above `count`, the records between windows are filtered.
//
// State: 40 bytes a key, and for each run of gcd(count, step) records of the last `count` 24 bytes
// and the aggregates; at most max_keys keys.
#pragma once

#include <deque>
#include <vector>

#include "operators/window/key_window.h"

namespace streamflow {

class RecordWindow final : public KeyWindow {
 public:
  explicit RecordWindow(WindowPlan plan);

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override { return kTimeMax; }
  std::string unfinished() const override;

 private:
  struct Run {
    uint64_t begin = 0;  // number of its first record, of the key's
    Micros first = kTimeMax, last = kTimeMin;
    uint32_t group = 0;
  };
  struct Key {
    uint64_t records = 0;  // so far, filtered ones included
    std::vector<Run> runs;
  };
  // A full window of which the aggregates are not complete before the batch's records are absorbed.
  struct Full {
    uint32_t id;
    Micros mark, arrival;  // the watermark and stamp of the record that filled it
    std::vector<Run> runs;
  };

  void save_keys(const Place& place) const override;
  void load_keys(StateReader& in) override;
  void forget_keys(unsigned partition) override;

  void take(const Batch& batch, uint32_t row, uint32_t id, Emitter& out);
  void close_full(uint32_t id, Micros mark, Micros arrival);
  void add_result(uint32_t id, std::span<const Run> runs, Micros upto, bool partial,
                  Micros arrival = kTimeMin);
  void send_full(Emitter& out);
  uint64_t next_start(const Key& key) const;
  void add_unfinished(uint32_t id, Micros upto);
  void release(uint32_t id);

  const uint64_t run_length_;
  std::vector<Key> keys_;  // by id
  std::vector<bool> known_;
  size_t open_ = 0;
  std::vector<Full> full_;
  std::vector<uint32_t> spent_;  // groups to give back once results are made
  std::vector<uint32_t> pending_rows_, pending_groups_;
  std::vector<uint32_t> closing_;  // at the end of input: keys in order, those left
  size_t closing_next_ = 0;
};

}  // namespace streamflow
