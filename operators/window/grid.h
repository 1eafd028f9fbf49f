// Where windows of one size lie.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>

#include "core/time.h"
#include "operators/window/calendar.h"

namespace streamflow {

// Times and sizes within these do not overflow.
inline constexpr Micros kWindowTimeMax = 4'000'000'000'000'000'000;
inline constexpr Micros kWindowSizeMax = 100'000'000'000'000'000;  // 3,168 years
inline constexpr Micros kPanesPerWindowMax = 100'000;

// Windows [start, end).  Time is cut into panes that lie in a window wholly or not at all, so that
// overlapping windows share their accumulators (J. Li et al., "No pane, no gain", 2005).  Tumbling
// windows are their own panes.  Three kinds: of a fixed length, starts being `offset` plus
// multiples of `every`; by the calendar; and one window of all time.
class WindowGrid {
 public:
  WindowGrid() = default;
  WindowGrid(Micros size, Micros every, Micros offset)
      : size_(size), every_(every), offset_(offset), pane_(std::gcd(size, every)) {}
  // Windows of `size` cuts, one starting every `every` cuts; `nominal` is their usual length.
  WindowGrid(std::shared_ptr<const Calendar> calendar, int64_t size, int64_t every, Micros nominal)
      : size_(nominal),
        every_(std::max<Micros>(nominal / size * every, 1)),
        calendar_(std::move(calendar)),
        size_cuts_(size),
        every_cuts_(every) {}
  static WindowGrid all() {
    WindowGrid grid;
    grid.all_ = true;
    return grid;
  }

  bool is_all() const { return all_; }
  bool one_pane() const {
    return all_ || (calendar_ ? size_cuts_ == 1 && every_cuts_ == 1 : pane_ == size_);
  }
  Micros size() const { return size_; }  // usual; 0 of all time
  Micros offset() const { return offset_; }
  Micros every() const { return every_; }  // usual

  Micros pane_start(Micros time) const {
    if (all_) return -kWindowTimeMax;
    if (calendar_) return calendar_->start(calendar_->index_of(time));
    return floor_to(time, pane_, offset_);
  }
  // Panes by number; not of all time.
  int64_t index_of(Micros time) const {
    return calendar_ ? calendar_->index_of(time) : floor_to(time - offset_, pane_) / pane_;
  }
  Micros start_at(int64_t index) const {
    return calendar_ ? calendar_->start(index) : index * pane_ + offset_;
  }
  int64_t panes() const { return calendar_ ? size_cuts_ : size_ / pane_; }  // of a window
  // Of the pane that starts there.
  Micros pane_end(Micros start) const {
    if (all_) return kAllEnd;
    if (calendar_) return calendar_->start(calendar_->index_of(start) + 1);
    return start + pane_;
  }
  // The end of the last window that starts at or before `time`.  With every > size it may end
  // before.
  Micros last_end(Micros time) const {
    if (all_) return kAllEnd;
    if (!calendar_) return floor_to(time, every_, offset_) + size_;
    const int64_t index = calendar_->index_of(time);
    return calendar_->start(floor_to(index, every_cuts_) + size_cuts_);
  }
  // The first window end after `time`.
  Micros next_end(Micros time) const {
    if (all_) return time < kAllEnd ? kAllEnd : kTimeMax;
    if (!calendar_) return floor_to(time - size_, every_, offset_) + size_ + every_;
    const int64_t last = calendar_->index_of(time) - size_cuts_;
    return calendar_->start(floor_to(last, every_cuts_) + every_cuts_ + size_cuts_);
  }
  // The start of the window that ends at `end`.
  Micros start_of(Micros end) const {
    if (all_) return -kWindowTimeMax;
    if (!calendar_) return end - size_;
    return calendar_->start(calendar_->index_of(end - 1) + 1 - size_cuts_);
  }
  // The first end after `closed` of a window that holds the pane that starts at `start`.
  Micros first_end(Micros start, Micros closed) const { return next_end(std::max(start, closed)); }

 private:
  static constexpr Micros kAllEnd = kTimeMax - 1;  // reached by the end of input only

  Micros size_ = 0;
  Micros every_ = 0;
  Micros offset_ = 0;
  Micros pane_ = 0;
  bool all_ = false;
  std::shared_ptr<const Calendar> calendar_;
  int64_t size_cuts_ = 0, every_cuts_ = 0;
};

}  // namespace streamflow
