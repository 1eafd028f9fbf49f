// `inner`, `left` and `outer` joins: pairs of records of one key whose times are near each other.
//
// A pair's time is the later of its two.  It is made when the watermark has passed that time, and
// sent in the order of (time, key, left, right).  With `within`, a record that found nobody is sent
// once nobody can come any more, in its own place: results wait for an earlier record that may yet
// turn out to be alone.  So results are in the order of time whatever the order of arrival within
// the lateness.
//
// A record older than the watermark is taken as long as its partners' interval is open, so the
// output's watermark stays behind by the widest such interval.  Without `within` (then the newest
// `max_records` of each side are kept) it is late, and records that found nobody are sent when they
// are forgotten.
//
// State: the records whose interval is open, at most records_max of each side (a record beyond that
// fails), and results that wait.  Belongs to its pipeline's loop thread.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operators/join/join_inputs.h"
#include "operators/join/join_records.h"
#include "operators/join/joined_rows.h"

namespace streamflow {

class IntervalJoin final : public Operator {
 public:
  explicit IntervalJoin(JoinPlan plan);

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override { return deadline_; }
  Micros output_watermark(Micros input) const override;

  // The format is described in interval_join_state.cpp.
  void save(StateParts& parts) const override;
  Status load(unsigned partition, std::string_view bytes) override;
  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }
  std::string unfinished() const override;

 private:
  static constexpr uint32_t kNone = JoinRecords::kNone;

  struct Result {
    uint32_t left, right;  // kNone: nobody
  };
  // Results of one moment; those before `next` were sent.
  struct Ready {
    std::vector<Result> results;
    size_t next = 0;
    bool sorted = false;
  };
  struct Waiting {
    Micros time;
    uint32_t record;
  };
  using Line = std::deque<Waiting>;  // in the order of time
  struct Half {                      // what is held of one side
    std::vector<Timeline> by_key;    // by id
    Line held;                       // handled ones, the first to expire in front
    Line undecided;                  // of them, those to be sent if they find nobody
    Micros reach = 0;                // how long after its time a record may meet others
    size_t count = 0;
    uint64_t arrived = 0;
  };

  // Whether results may wait for the end of a batch: their order and watermarks do not tell.
  bool waits() const { return plan_.how == JoinHow::kInner; }
  void take(const Batch& batch, size_t position, Emitter& out);
  bool is_full(Side side) const;
  bool is_late(Side side, Micros time, Micros watermark) const;
  bool expired(Side side, Micros time, Micros watermark) const;
  void meet_handled(uint32_t at, Micros watermark, Emitter& out);
  void handle(uint32_t at);
  void meet(Micros time);
  void partners(uint32_t at, bool equal_times, Micros watermark);
  void judge(Emitter& out);
  void expire(Micros upto);
  void forget(Side side, uint32_t at, Micros moment);
  void add_result(Micros moment, Result result);
  Micros first_undecided();
  bool send(Micros upto, Emitter& out);
  void sort(Ready& ready);
  void find_deadline();
  JoinedPair pair(const Result& result) const;
  Half& half(Side side) { return halves_[static_cast<size_t>(side)]; }
  const Half& half(Side side) const { return halves_[static_cast<size_t>(side)]; }
  Timeline& timeline(Side side, uint32_t key);
  unsigned partition(uint32_t key) const { return plan_.keys.empty() ? 0 : ids_.partition(key); }
  void save_record(const JoinRecord& record, std::string& out) const;
  void load_records(StateReader& in);
  void merge_line(Line& line, size_t known);
  void load_results(StateReader& in, const std::vector<uint32_t>& numbers);
  // `numbers`: working space for a number of each record.
  void save_partition(unsigned partition, std::vector<uint32_t> saved, std::vector<uint32_t>& numbers,
                      std::string& out) const;
  void forget_partition(unsigned partition);

  const JoinPlan plan_;
  const std::string signature_;
  KeyDictionary ids_;
  JoinRecords records_;
  JoinInputs inputs_;
  JoinedRows rows_;
  std::array<Half, 2> halves_;
  TimeHeap coming_;  // records whose time the watermark has not passed
  // By time; without `within` those of forgotten records by the time that pushed them out.
  std::map<Micros, Ready> ready_;
  std::vector<std::pair<Micros, Result>> candidates_;  // of one call
  Micros frontier_ = kTimeMin;                         // pairs with an earlier time are made
  Micros hold_ = 0;
  Micros first_undecided_ = kTimeMax;
  Micros last_forwarded_ = kTimeMin;
  Micros deadline_ = kTimeMax;
  std::bitset<kPartitions> dirty_;
  RowKeeper keeper_;  // of loaded rows
};

}  // namespace streamflow
