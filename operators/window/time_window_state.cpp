// The saved state of a window, version 3 (words as in state_bytes.h):
//   byte version, text signature
//   partition 0: closed, last forwarded watermark, last arrival stamp, stream start, first and last
//                time, next early results, then byte 1 and end and last sent key of the window
//                whose results are being sent, or byte 0
//   others:      none of these
//   panes: count, and of each its start, count of keys, and of each key its encoding and aggregates
//   keys whose empty windows are sent: count, and of each its encoding, empty windows in a row, and
//                count of cells of its last result (`zero`: of its last calls), and where there are
//                any the start of its window and the cells
//   revisions: count, and of each the window's end, the key's encoding, and how many there were
// A partition without keys is empty but for partition 0.
#include <algorithm>

#include "operators/window/time_window.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 3;

}  // namespace

void TimeWindow::save(StateParts& parts) const {
  CountedEntries panes(parts), keys(parts), revisions(parts);
  save_panes(panes, parts);
  save_tracked(keys);
  save_revisions(revisions);
  for (unsigned at = 0; at < kPartitions; ++at) {
    const bool any = panes.count(at) + keys.count(at) + revisions.count(at) > 0;
    if (!parts.wants(at) || (!any && at != 0)) continue;
    std::string& out = parts[at];
    out.push_back(static_cast<char>(kVersion));
    save_text(signature_, out);
    if (at == 0) save_progress(out);
    for (CountedEntries* entries : {&panes, &keys, &revisions}) entries->append_to(out, at);
  }
}

void TimeWindow::save_progress(std::string& out) const {
  for (const Micros time :
       {closed_, last_forwarded_, arrival_, stream_start_, first_time_, last_time_, early_next_}) {
    save_micros(time, out);
  }
  const bool sending = closing_.active && !closing_.early && closing_.next > 0;
  out.push_back(sending || resume_end_ != kTimeMin ? 1 : 0);
  if (sending) {
    save_micros(closing_.end, out);
    save_text(ids_.encoding(closing_.ids[closing_.next - 1]), out);
  } else if (resume_end_ != kTimeMin) {
    save_micros(resume_end_, out);
    save_text(resume_key_, out);
  }
}

void TimeWindow::save_panes(CountedEntries& panes, const StateParts& parts) const {
  for (const auto& [start, pane] : panes_) {
    CountedEntries groups(parts);
    for (uint32_t group = 0; group < pane->ids().size(); ++group) {
      const uint32_t id = pane->ids()[group];
      std::string* const out = id != Pane::kNone ? groups.next(partition(id)) : nullptr;
      if (out == nullptr) continue;
      ids_.save(id, *out);
      for (size_t call = 0; call < plan_.calls.size(); ++call) {
        pane->aggregate(call).save(group, *out);
      }
    }
    for (unsigned at = 0; at < kPartitions; ++at) {
      if (groups.count(at) == 0) continue;
      std::string& out = *panes.next(at);
      save_micros(start, out);
      groups.append_to(out, at);
    }
  }
}

void TimeWindow::save_tracked(CountedEntries& keys) const {
  for (const uint32_t id : tracked_ids_) {
    std::string* const out = tracked_[id].on ? keys.next(partition(id)) : nullptr;
    if (out == nullptr) continue;
    ids_.save(id, *out);
    save_count(tracked_[id].empties, *out);
    const auto found = previous_.find(id);
    save_count(found == previous_.end() ? 0 : found->second.cells.size(), *out);
    if (found == previous_.end() || found->second.cells.empty()) continue;
    save_micros(found->second.start, *out);
    for (const StoredCell& cell : found->second.cells) cell.save(*out);
  }
}

Status TimeWindow::load(unsigned partition_, std::string_view bytes) {
  forget_partition(partition_);
  if (!bytes.empty()) {
    StateReader in(bytes);
    if (in.byte() != kVersion)
      return fail(ErrorKind::kData, "window: unknown version of the state");
    if (in.text() != signature_) {
      return fail(ErrorKind::kConfig, "window: the state is that of another window");
    }
    if (partition_ == 0) load_progress(in);
    load_panes(in);
    load_tracked(in);
    load_revisions(in);
    ids_.unpin();
    if (!in.ok() || !in.at_end()) {
      forget_partition(partition_);
      return fail(ErrorKind::kData, "window: the state is damaged, or has more than max_keys keys");
    }
  }
  deadline_ = next_end(false);
  return {};
}

void TimeWindow::load_progress(StateReader& in) {
  for (Micros* time : {&closed_, &last_forwarded_, &arrival_, &stream_start_, &first_time_,
                       &last_time_, &early_next_}) {
    *time = in.micros();
  }
  resume_end_ = kTimeMin;
  if (in.byte() == 0) return;
  resume_end_ = in.micros();
  resume_key_ = in.text();
}

uint32_t TimeWindow::load_key(StateReader& in) {
  const std::string_view key = in.text();
  if (!in.ok()) return KeyDictionary::kNone;
  std::string_view rest = key;  // an encoding that write() could not read would be fatal later
  for (size_t part = 0; part < plan_.keys->parts().size() && in.ok(); ++part) {
    if (take_key_value(rest).is_error()) in.fail();
  }
  if (!rest.empty()) in.fail();
  const uint32_t id = in.ok() ? ids_.id_of(key) : KeyDictionary::kNone;
  if (id == KeyDictionary::kNone) in.fail();
  return id;
}

void TimeWindow::load_panes(StateReader& in) {
  for (uint64_t panes = in.count(); panes > 0 && in.ok(); --panes) {
    const Micros start = in.micros();
    if (start < -kWindowTimeMax || start > kWindowTimeMax ||
        plan_.grid.pane_start(start) != start) {
      in.fail();
      return;
    }
    std::unique_ptr<Pane>& pane = panes_[start];
    if (!pane) pane = std::make_unique<Pane>(plan_.calls);
    for (uint64_t keys = in.count(); keys > 0 && in.ok(); --keys) {
      const uint32_t id = load_key(in);
      if (id == KeyDictionary::kNone) return;
      uint32_t group = 0;
      pane->find_groups({&id, 1}, ids_.capacity(), Pane::kNoMark, &group, [this](uint32_t of, bool is_new) {
        if (is_new) ids_.retain(of);
      });
      for (size_t call = 0; call < plan_.calls.size(); ++call)
        pane->aggregate(call).load(group, in);
    }
  }
}

void TimeWindow::load_tracked(StateReader& in) {
  for (uint64_t keys = in.count(); keys > 0 && in.ok(); --keys) {
    const uint32_t id = load_key(in);
    if (id == KeyDictionary::kNone) return;
    track(id, in.count());
    const uint64_t cells = in.count();
    const size_t most =
        plan_.empty == EmptyWindows::kZero ? plan_.calls.size() : plan_.entries.size();
    if (cells > most) return in.fail();
    if (cells == 0) continue;
    PreviousResult& last = previous_[id];
    last.start = in.micros();
    std::vector<StoredCell>& result = last.cells;
    result.resize(most);
    for (uint64_t cell = 0; cell < cells; ++cell) result[cell].load(in);
  }
}

void TimeWindow::save_revisions(CountedEntries& revisions) const {
  for (const auto& [place, revision] : revisions_) {
    std::string* const out = revisions.next(partition(place.second));
    if (out == nullptr) continue;
    save_micros(place.first, *out);
    ids_.save(place.second, *out);
    save_count(revision, *out);
  }
}

void TimeWindow::load_revisions(StateReader& in) {
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const Micros end = in.micros();
    const uint32_t id = load_key(in);
    if (id == KeyDictionary::kNone) return;
    revisions_[{end, id}] = static_cast<uint32_t>(in.count());
  }
}

void TimeWindow::forget_partition(unsigned partition_) {
  std::erase_if(revisions_,
                [&](const auto& entry) { return partition(entry.first.second) == partition_; });
  for (auto pane = panes_.begin(); pane != panes_.end();) {
    bool any = false;
    const std::vector<uint32_t> ids = pane->second->ids();
    for (const uint32_t id : ids) {
      if (id == Pane::kNone) continue;
      if (partition(id) != partition_) {
        any = true;
        continue;
      }
      pane->second->remove(id);
      ids_.release(id);
    }
    pane = any ? std::next(pane) : panes_.erase(pane);
  }
  current_ = nullptr;
  sums_.clear();
  for (const auto& [start, pane] : panes_) pane->summed = false;
  closing_ = {};
  for (const uint32_t id : tracked_ids_) {
    if (!tracked_[id].on || partition(id) != partition_) continue;
    tracked_[id].on = false;
    --tracked_on_;
    untracked_.push_back(id);
  }
  untrack();
}

std::bitset<kPartitions> TimeWindow::take_dirty() {
  if (mark_ == Pane::kMarkMax) {
    for (auto& [start, pane] : panes_) pane->reset_marks();
    mark_ = Pane::kNoMark;
  }
  ++mark_;
  return std::exchange(dirty_, {});
}

}  // namespace streamflow
