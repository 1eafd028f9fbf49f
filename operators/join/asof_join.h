// `asof` and `nearest` joins: every left record with the one right record of its key that is the
// latest not after it, or the nearest in time.
//
// A left record is answered when no right record that is not late could change the answer, in the
// order of (time, key, left): for `asof` when the watermark has passed its time.  Of right records
// of one time the last to arrive counts, but for `nearest` after the left's time, where the first
// does, and the earlier of two that are equally near (as in pandas).  `where` is asked about that
// one pair.
//
// A left record older than the watermark is late; a right one when a newer one has taken its place,
// or nothing within the tolerance can come any more.
//
// State: left records without an answer, and of each key the right records that may yet be an
// answer: for `asof` the last that the watermark passed and those behind it.  At most records_max
// of each side; one beyond that fails.  Belongs to its pipeline's loop thread.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "operators/join/join_inputs.h"
#include "operators/join/join_records.h"
#include "operators/join/joined_rows.h"

namespace streamflow {

class AsofJoin final : public Operator {
 public:
  explicit AsofJoin(JoinPlan plan);

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override { return deadline_; }
  Micros output_watermark(Micros input) const override;

  // State, version 1: byte version, text signature; in partition 0 the last forwarded watermark and
  // the counts of arrived records; then the count of records, and of each its key's encoding, side,
  // whether the key is null, order of arrival and the kept row, in the order of (time, side,
  // arrival).
  void save(StateParts& parts) const override;
  Status load(unsigned partition, std::string_view bytes) override;
  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }
  std::string unfinished() const override;

 private:
  static constexpr uint32_t kNone = JoinRecords::kNone;

  struct Answer {
    uint32_t right = kNone;
    Micros from = kTimeMax;  // the watermark at which it cannot change any more
  };

  void take(const Batch& batch, size_t position, Emitter& out);
  bool is_late(Side side, Micros time, Micros watermark, uint32_t key) const;
  Micros first_left(Micros upto) const;
  void line_up(Micros upto);
  Answer answer(uint32_t left) const;
  std::vector<JoinedPair> answered(Micros upto, std::vector<uint32_t>& lefts);
  void judge(std::vector<JoinedPair>& pairs, Emitter& out);
  void send(const std::vector<JoinedPair>& pairs, Micros upto, Emitter& out);
  void prune(Micros upto);
  bool is_there(const TimeHeap::Entry& entry) const;
  void drop_right(uint32_t at);
  void find_deadline();
  Timeline& timeline(uint32_t key);
  unsigned partition(uint32_t key) const { return plan_.keys.empty() ? 0 : ids_.partition(key); }
  void load_records(StateReader& in);
  void save_partition(unsigned partition, std::vector<uint32_t> saved, std::string& out) const;
  void forget_partition(unsigned partition);

  const JoinPlan plan_;
  const std::string signature_;
  KeyDictionary ids_;
  JoinRecords records_;
  JoinInputs inputs_;
  JoinedRows rows_;
  RowKeeper keeper_;  // of loaded rows
  std::vector<Timeline> rights_by_key_;
  TimeHeap lefts_;                      // whose time the watermark has not passed
  std::deque<uint32_t> waiting_;        // lefts it has passed, in the order of results
  TimeHeap rights_;                     // that did not replace older ones yet
  std::deque<TimeHeap::Entry> latest_;  // that did, the first to expire in front; some perhaps gone
  std::array<size_t, 2> count_{};
  std::array<uint64_t, 2> arrived_{};
  Micros last_forwarded_ = kTimeMin;
  Micros deadline_ = kTimeMax;
  std::bitset<kPartitions> dirty_;
};

}  // namespace streamflow
