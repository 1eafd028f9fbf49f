// Windows that conditions open and close, per key; the records come in the order that the step asks
// for (order/time_order.h).
//
// `when` alone: the records for which it is true, up to the first for which it is not; that one's
// time is window_end, which is not included, and the record is filtered.  With `until`: from the
// first record for which `when` is true to the first, from that one on, for which `until` is; its
// time is window_end, both ends included.  Records outside windows are filtered.  At the end of
// input open windows are sent in order of keys, marked partial, up to the stream's last time.
//
// State: 40 bytes a key with an open window and the aggregates; at most max_keys keys.
#pragma once

#include <vector>

#include "operators/window/key_window.h"

namespace streamflow {

class StateWindow final : public KeyWindow {
 public:
  explicit StateWindow(WindowPlan plan) : KeyWindow(std::move(plan)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override { return kTimeMax; }
  // A window that is closed at `input` ends before it.
  Micros output_watermark(Micros input) const override {
    return plan_.until || input == kTimeMax || input == kTimeMin ? input : input - 1;
  }
  std::string unfinished() const override;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Open {
    Micros first = 0;
    uint32_t group = kNone;  // kNone: there is no window
  };
  struct Closed {
    uint32_t id;
    Micros first, end, time, mark, arrival;
    uint32_t group;
  };

  void save_keys(const Place& place) const override;
  void load_keys(StateReader& in) override;
  void forget_keys(unsigned partition) override;

  void take(const Batch& batch, uint32_t row, uint32_t id, bool when, bool until, Emitter& out);
  void open(uint32_t id, Micros time);
  void close(uint32_t id, Micros end, Micros time, Micros mark, Micros arrival);

  std::vector<Open> open_;  // by id
  size_t open_count_ = 0;
  std::vector<Closed> closed_;
  std::vector<uint32_t> pending_rows_, pending_groups_;
  std::vector<uint32_t> closing_;  // at the end of input: keys in order
  size_t closing_next_ = 0;
};

}  // namespace streamflow
