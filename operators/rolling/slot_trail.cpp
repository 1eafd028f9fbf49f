#include "operators/rolling/slot_trail.h"

namespace streamflow {
namespace {

// Reports nothing.
class Silence final : public Emitter {
 public:
  void emit(Batch) override {}
  void late(Batch) override {}
  void fail(const Batch&, uint32_t, std::string_view) override {}
  void cell_error(const Batch&, uint32_t, std::string_view) override {}
  Tally& tally() override { return tally_; }

 private:
  Tally tally_;
};

}  // namespace

SlotTrail::SlotTrail(std::unique_ptr<Aggregate> aggregate, size_t call, Way way)
    : slots_(std::move(aggregate)), call_(call), way_(way), result_(slots_.take()) {}

SlotTrail::Window& SlotTrail::window(uint32_t key) {
  if (windows_.size() <= key) windows_.resize(key + size_t{1});
  return windows_[key];
}

void SlotTrail::read(CallInputs& inputs, const Batch& batch, std::span<const uint32_t> rows,
                     Emitter& out) {
  read_.clear();
  for (size_t i = 0; i < rows.size(); ++i) read_.push_back(slots_.take());
  Silence silence;
  inputs.add(batch, call_, slots_.call(0), rows, read_, quiet_ ? silence : out);
}

void SlotTrail::push(uint32_t key, size_t i) {
  Window& to = window(key);
  const uint32_t slot = read_[i];
  if (way_ != Way::kAnew) {
    if (to.back == kNone) to.back = slots_.take();
    slots_.merge(to.back, slot);
  }
  if (way_ == Way::kForever) {
    slots_.give_back(slot);
  } else {
    to.slots.push_back(slot);
  }
}

void SlotTrail::back_to_front(Window& window) {
  for (size_t i = window.slots.size() - 1; i > 0; --i) {
    slots_.merge(window.slots[i - 1], window.slots[i]);
  }
  window.front = window.slots.size();
  slots_.give_back(window.back);
  window.back = kNone;
}

void SlotTrail::pop(uint32_t key) {
  Window& from = windows_[key];
  if (way_ == Way::kStacks) {
    if (from.front == 0) back_to_front(from);
    --from.front;
  }
  slots_.give_back(from.slots.front());
  from.slots.pop_front();
}

void SlotTrail::write(uint32_t key, Column& out, uint32_t row) {
  const Window& from = window(key);
  Aggregate& aggregate = slots_.call(0);
  if (way_ != Way::kAnew && from.back != kNone && from.front == 0) {
    return aggregate.write(from.back, 1, out, row);
  }
  if (way_ != Way::kAnew && from.back == kNone && from.front != 0) {
    return aggregate.write(from.slots.front(), 1, out, row);
  }
  aggregate.reset(result_);
  if (way_ == Way::kAnew) {
    for (size_t i = 0; i < from.slots.size(); ++i) slots_.merge(result_, from.slots[i]);
  } else if (from.back != kNone) {
    slots_.merge(result_, from.slots.front());
    slots_.merge(result_, from.back);
  }
  aggregate.write(result_, 1, out, row);
}

void SlotTrail::forget(uint32_t key) {
  Window& from = window(key);
  for (size_t i = 0; i < from.slots.size(); ++i) slots_.give_back(from.slots[i]);
  if (from.back != kNone) slots_.give_back(from.back);
  from = {};
}

void SlotTrail::save(uint32_t key, std::string& out) const {
  const Window none;
  const Window& from = key < windows_.size() ? windows_[key] : none;
  save_count(from.slots.size(), out);
  save_count(from.front, out);
  for (size_t i = 0; i < from.slots.size(); ++i) slots_.save(from.slots[i], out);
  out.push_back(from.back == kNone ? 0 : 1);
  if (from.back != kNone) slots_.save(from.back, out);
}

void SlotTrail::load(uint32_t key, StateReader& in) {
  forget(key);
  Window& to = windows_[key];
  const uint64_t count = in.count(), front = in.count();
  if (front > count) return in.fail();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    to.slots.push_back(slots_.take());
    slots_.load(to.slots.back(), in);
  }
  to.front = front;
  if (in.byte() == 0) {
    if (front != to.slots.size() && way_ == Way::kStacks) in.fail();
    return;
  }
  to.back = slots_.take();
  slots_.load(to.back, in);
}

}  // namespace streamflow
