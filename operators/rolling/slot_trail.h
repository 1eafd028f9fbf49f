// Any aggregate over the latest records: an accumulator for each record (trail.h).
//
// Two stacks: those of the front, from the oldest on, each hold their own record and all later ones
// of the front; the back has one accumulator of all its records.  When the front is empty the back
// becomes the front.
#pragma once

#include <vector>

#include "operators/aggregate/accumulators.h"
#include "operators/rolling/ring.h"
#include "operators/rolling/trail.h"

namespace streamflow {

class SlotTrail final : public Trail {
 public:
  enum class Way : unsigned char { kStacks, kAnew, kForever };
  SlotTrail(std::unique_ptr<Aggregate> aggregate, size_t call, Way way);
  void be_quiet() { quiet_ = true; }  // another trail of the call reports what fails

  void read(CallInputs& inputs, const Batch& batch, std::span<const uint32_t> rows,
            Emitter& out) override;
  void push(uint32_t key, size_t i) override;
  void pop(uint32_t key) override;
  void write(uint32_t key, Column& out, uint32_t row) override;
  void forget(uint32_t key) override;
  void save(uint32_t key, std::string& out) const override;
  void load(uint32_t key, StateReader& in) override;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Window {
    Ring<uint32_t> slots;  // by record
    size_t front = 0;      // how many of them are the front's
    uint32_t back = kNone;
  };

  Window& window(uint32_t key);
  void back_to_front(Window& window);

  Accumulators slots_;
  size_t call_;
  Way way_;
  bool quiet_ = false;
  uint32_t result_;
  std::vector<Window> windows_;  // by key
  std::vector<uint32_t> read_;
};

}  // namespace streamflow
