// Aggregates over fixed windows [start, end) of event time, tumbling or hopping, per key; one row
// per closed window and key, in order of window and key, stamped with the window's last
// microsecond.
//
// A window closes when the watermark reaches its end.  A record is absorbed once, into the pane
// that its time falls in, and is late only if every window of that pane has closed.  With `every`
// above `size`, records between windows are filtered.  With `empty`, a key's windows without
// records are sent too, from its first result on, at most `max_empty` in a row.
//
// With `late: revise`, panes stay for `keep` longer, and a record of a closed window is absorbed
// and the window's whole result sent again at once; the output's watermark lags by `keep`.  With
// `early`, whenever the watermark has passed another multiple of it, the results so far of all open
// windows are sent after those of the windows that it closed.  One window of all time has the
// bounds of its records, for all keys alike, and holds the output's watermark back till it is sent.
//
// What a window of several panes holds is summed up once, when it closes, from the panes or sums of
// them (pane_sums.h), in time proportional to what is in those.
//
// State: a pane holds the keys that it has records of, so all is O(keys x panes with records of
// theirs), at most max_keys keys and kPanesMax panes; a record beyond either fails.  Belongs to its
// pipeline's loop thread.
#pragma once

#include <bitset>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/keys.h"
#include "core/node.h"
#include "operators/window/pane.h"
#include "operators/window/pane_sums.h"
#include "operators/window/window_plan.h"
#include "operators/window/window_results.h"

namespace streamflow {

class TimeWindow final : public Operator {
 public:
  static constexpr size_t kPanesMax = 100'000;

  explicit TimeWindow(WindowPlan plan);

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override { return std::min(deadline_, early_next_); }
  Micros output_watermark(Micros input) const override;

  // The format is described in time_window_state.cpp.
  void save(StateParts& parts) const override;
  Status load(unsigned partition, std::string_view bytes) override;
  std::bitset<kPartitions> take_dirty() override;
  std::string unfinished() const override;

 private:
  using Panes = PaneSums::Panes;
  // Rows of rows_ that follow each other in one pane.
  struct Run {
    Pane* pane;
    Micros start;  // of the pane
    size_t begin, end;
  };
  // A window whose results are being sent.
  struct Closing {
    bool active = false;
    bool early = false;  // it stays open
    Micros end = 0;
    const Pane* records = nullptr;  // all of the window; null: none
    std::vector<uint32_t> ids;      // in order of keys
    size_t next = 0;                // the first id not sent
  };
  // A key whose empty windows are sent.
  struct Tracked {
    bool on = false;
    bool listed = false;   // in tracked_ids_
    uint64_t empties = 0;  // in a row
  };

  // --- taking records ---
  size_t take_rows(const Batch& batch, size_t begin, Emitter& out);
  size_t route(const Batch& batch, size_t begin, Emitter& out);
  bool in_current(Micros time) const {
    return current_ != nullptr &&
           static_cast<uint64_t>(time) - static_cast<uint64_t>(current_start_) < current_width_;
  }
  size_t follow_run(const Batch& batch, size_t& at, size_t taken);
  size_t without_failed_keys(const Batch& batch, size_t begin, size_t end, Emitter& out);
  // The pane for a record, or null: it was late, between windows, or failed.
  Pane* locate(const Batch& batch, uint32_t row, Emitter& out);
  Pane* open(Micros start, Micros watermark, Micros time);
  void take_ids(const Batch& batch, Emitter& out);
  void absorb(const Batch& batch, Emitter& out);
  void add(const Batch& batch, const Run& run, std::span<const uint32_t> rows,
           std::span<const uint32_t> ids, Emitter& out);
  void send_late(const Batch& batch, Emitter& out);
  void note_bounds(const Batch& batch);

  // --- revising closed windows ---
  bool revises(Micros time, Micros watermark) const;
  void revise(const Batch& batch, uint32_t row, Emitter& out);
  void drop_kept(Micros upto);

  // --- unfinished results ---
  void plan_early(Micros watermark, Micros time);
  bool start_early(Micros after);

  // --- closing windows ---
  Micros next_end(bool ending) const;  // kTimeMax: none
  Micros next_data_end() const;
  void start_closing(Micros end, bool ending);
  void gather(Micros end, bool ending);
  void gather_records(Micros end);
  void add_results(size_t most, Micros upto);
  void add_row(Micros end, uint32_t id, Micros upto, uint32_t revision);
  void send(bool early, Emitter& out);
  void follow(size_t row, uint32_t id);
  void track(uint32_t id, uint64_t empties);
  void finish_closing();
  void drop(Panes::iterator pane);
  void untrack();
  void find_last_ends();

  unsigned partition(uint32_t id) const { return plan_.keys->keyed() ? ids_.partition(id) : 0; }

  void save_progress(std::string& out) const;
  void save_panes(CountedEntries& panes, const StateParts& parts) const;
  void save_tracked(CountedEntries& keys) const;
  void save_revisions(CountedEntries& revisions) const;
  void load_progress(StateReader& in);
  void load_panes(StateReader& in);
  void load_tracked(StateReader& in);
  void load_revisions(StateReader& in);
  uint32_t load_key(StateReader& in);
  void forget_partition(unsigned partition);

  const WindowPlan plan_;
  const std::string signature_;
  KeyDictionary ids_;
  Panes panes_;
  PaneSums sums_;
  std::unique_ptr<Pane> total_;               // of the window whose results are being sent
  std::vector<std::unique_ptr<Pane>> spare_;  // at most one, to be used again
  Micros closed_ = kTimeMin;                  // windows that end here or before are closed
  Micros deadline_ = kTimeMax;
  Micros last_forwarded_ = kTimeMin;
  Micros arrival_ = kTimeMin;
  Micros stream_start_ = kTimeMin;

  Micros first_time_ = kTimeMax, last_time_ = kTimeMin;  // of records, where there is one window
  Micros early_next_ = kTimeMax;
  std::map<std::pair<Micros, uint32_t>, uint32_t> revisions_;  // by window end and id

  Closing closing_;
  Micros resume_end_ = kTimeMin;  // loaded while a window was being sent: what was sent of it
  std::string resume_key_;
  WindowResults results_;
  std::vector<Tracked> tracked_;       // by id, where `empty` asks for it
  std::vector<uint32_t> tracked_ids_;  // some perhaps off since the last untrack
  size_t tracked_on_ = 0;
  std::vector<uint32_t> untracked_;  // to be released once results are made
  std::vector<Micros> last_ends_;    // by id, once input has ended: of its last window with records
  PreviousResults previous_;

  uint32_t mark_ = Pane::kNoMark + 1;  // of groups that changed since take_dirty
  std::bitset<kPartitions> dirty_;

  // Of one call of process:
  CallInputs inputs_;
  Pane* current_ = nullptr;
  Micros current_start_ = 0;
  uint64_t current_width_ = 0;
  std::vector<uint32_t> rows_, row_ids_, groups_;
  std::vector<const Pane*> parts_;
  std::vector<Run> runs_;
  Selection late_;
  std::vector<uint32_t> part_rows_, part_ids_;
};

}  // namespace streamflow
