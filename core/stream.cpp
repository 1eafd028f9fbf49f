#include "core/stream.h"

#include <memory>
#include <utility>

#include "core/frames.h"

namespace streamflow {

// --- Outlet, SideStream --------------------------------------------------------------------------

void Outlet::rows(const Batch& batch) {
  const size_t n = batch.count();
  if (n == 0) return;
  for (const auto& fn : captures_) fn(batch);
  if (targets_.empty()) {
    unused += n;
    return;
  }
  copied += n * (targets_.size() - 1);
  for (Port* target : targets_) target->rows(batch);
}

void Outlet::watermark(Micros mark) {
  if (mark <= forwarded_) return;
  forwarded_ = mark;
  for (Port* target : targets_) target->watermark(mark);
}

void Outlet::idle(bool idle) {
  for (Port* target : targets_) target->idle(idle);
}

void SideStream::rows(const Batch& batch) {
  if (!outlet.used() || batch.empty()) return;
  Batch copy = batch;
  const auto stamps = std::make_shared<Times>(batch.rows, stamp_);
  const uint32_t last = batch.row_at(batch.count() - 1);
  uint32_t row = batch.row_at(0);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t next = batch.row_at(i);
    for (; row < next; ++row) (*stamps)[row] = stamp_;
    if (batch.arrival) stamp_ = std::max(stamp_, (*batch.arrival)[next]);
  }
  for (row = last; row < batch.rows; ++row) (*stamps)[row] = stamp_;
  copy.time = stamps;
  copy.watermark = stamps;
  copy.watermark_after = stamp_;
  copy.stream_start = kTimeMin;
  if (!copy.arrival) copy.arrival = stamps;
  created += copy.count();
  outlet.rows(copy);
  outlet.watermark(stamp_);
}

void SideStream::watermark(Micros now) {
  stamp_ = std::max(stamp_, now);
  outlet.watermark(stamp_);
}

// --- MergeNode -----------------------------------------------------------------------------------

MergeNode::MergeNode(size_t inputs) : inputs_(inputs) {
  for (Input& input : inputs_) input.merge = this;
}

Micros MergeNode::least() const {
  Micros side = kTimeMax, busy = kTimeMax, idle = kTimeMax, ended = kTimeMin;
  bool has_side = false, has_busy = false, has_idle = false;
  for (const Input& input : inputs_) {
    if (input.has_ended) {
      ended = std::max(ended, input.mark);
    } else if (input.is_side) {
      has_side = true;
      side = std::min(side, input.mark);
    } else if (!input.is_idle) {
      has_busy = true;
      busy = std::min(busy, input.mark);
    } else {
      has_idle = true;
      if (input.mark != kTimeMin) idle = std::min(idle, input.mark);
    }
  }
  if (has_busy) return std::min(side, busy);
  // Where no record has come but from inputs that have ended, theirs is what is known.
  if (has_idle) return std::min(side, idle != kTimeMax ? idle : ended);
  return has_side ? side : kTimeMax;
}

// Of the inputs that have a source behind them and have not ended.
bool MergeNode::are_all_idle() const {
  bool some = false;
  for (const Input& input : inputs_) {
    if (input.has_ended || input.is_side) continue;
    if (!input.is_idle) return false;
    some = true;
  }
  return some;
}

void MergeNode::take(Input& from, const Batch& batch) {
  Batch copy = batch;
  auto marks = std::make_shared<Times>(batch.rows, mark_);
  const auto note = [this, &from](Micros mark) {
    if (mark <= from.mark || from.has_ended) return;
    from.note(mark);
    mark_ = std::max(mark_, least());
  };
  // Rows that are not selected have their place in the marks too: a step may look at the next row's.
  const uint32_t end = batch.empty() ? 0 : batch.row_at(batch.count() - 1) + 1;
  for (uint32_t row = batch.empty() ? 0 : batch.row_at(0); row < end; ++row) {
    note((*batch.watermark)[row]);
    (*marks)[row] = mark_;
  }
  note(batch.watermark_after);
  std::fill(marks->begin() + end, marks->end(), mark_);
  copy.watermark = std::move(marks);
  copy.watermark_after = mark_;
  copy.input = static_cast<unsigned>(&from - inputs_.data());
  outlet.rows(copy);
}

void MergeNode::advance() {
  const bool all_idle = are_all_idle();
  if (all_idle != all_idle_) {
    all_idle_ = all_idle;
    outlet.idle(all_idle);
  }
  mark_ = std::max(mark_, least());
  outlet.watermark(mark_);
}

void MergeNode::save(std::string& out) const {
  FrameWriter frames(out);
  frames.number(mark_);
  frames.number(static_cast<int64_t>(outlet.copied));
  frames.number(static_cast<int64_t>(outlet.unused));
  for (const Input& input : inputs_) {
    frames.number(input.mark);
    frames.number((input.is_idle ? 1 : 0) + (input.has_ended ? 2 : 0));
  }
}

Status MergeNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  mark_ = frames.number();
  outlet.copied = static_cast<uint64_t>(frames.number());
  outlet.unused = static_cast<uint64_t>(frames.number());
  for (Input& input : inputs_) {
    input.mark = frames.number();
    const int64_t flags = frames.number();
    input.is_idle = (flags & 1) != 0;
    input.has_ended = (flags & 2) != 0;
  }
  all_idle_ = are_all_idle();
  return frames.finish("the state of a union");
}

// --- Stream --------------------------------------------------------------------------------------

void Stream::save(std::string& out) const {
  FrameWriter frames(out);
  for (const SideStream* side : {&late, &errors}) {
    frames.number(side->watermark());
    for (const uint64_t n : {side->created, side->outlet.copied, side->outlet.unused})
      frames.number(static_cast<int64_t>(n));
  }
}

Status Stream::load(std::string_view bytes) {
  FrameReader frames(bytes);
  for (SideStream* side : {&late, &errors}) {
    side->restore(frames.number());
    for (uint64_t* n : {&side->created, &side->outlet.copied, &side->outlet.unused})
      *n = static_cast<uint64_t>(frames.number());
  }
  return frames.finish("the state of stream " + name);
}

}  // namespace streamflow
