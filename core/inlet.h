// Where records enter a pipeline: decoding, arrival stamp, event time, watermark, `max_future`, `idle`.
// One inlet a source; its loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/decode/decoder.h"
#include "core/event_time.h"
#include "core/expr/program.h"
#include "core/field_watch.h"
#include "core/node.h"

namespace streamflow {

struct InletOptions {
  std::unique_ptr<expr::Program> time;  // event time; null: arrival time
  EventTime event_time;                 // how its values are read
  Micros lateness = 0;
  Micros idle = 30 * kMicrosPerSecond;
  Micros max_future = 3'600 * kMicrosPerSecond;
  bool clock = true;   // false in replay and tests: no `idle`, and now() is the record's time
  bool stamps = true;  // arrival stamps say something about event times: `max_future` applies
  std::vector<std::string> captures;
  std::vector<std::string> meta;  // of `message`; `row` is the inlet's own
  std::set<std::string> wanted_meta;  // what some step looks at
};

// What the inlet sends on.  The watermark is that of the inlet alone.
class InletOutput {
 public:
  virtual ~InletOutput() = default;
  virtual void rows(Batch batch) = 0;
  virtual void watermark(Micros watermark) = 0;
  virtual void idle(bool idle) = 0;
  virtual void failed(const Batch& batch, uint32_t row, std::string_view reason) = 0;
  virtual void undecodable(std::string_view text, std::string_view reason) = 0;
  virtual void never_seen(std::string_view text) = 0;  // a field that the pipeline looks at
  virtual void turn_done() = 0;  // a flush was run through the pipeline
};

struct InletCounts {
  uint64_t messages = 0;     // decoded + undecodable
  uint64_t undecodable = 0;
  uint64_t rows = 0;         // decoded: the ledger's `in`
  uint64_t failed = 0;       // no usable time
  uint64_t held = 0;         // taken over by replay, not yet released
};

class Inlet final : private DecoderOutput {
 public:
  Inlet(InletOptions options, std::unique_ptr<Decoder> decoder, Loop& loop, InletOutput& output);

  // Before the first record: fields and meta fields that some step looks at.
  void want(const std::vector<std::string>& fields, std::set<std::string> meta) {
    decoder_->want(fields);
    options_.wanted_meta = std::move(meta);
  }

  // Names that records should have, for a warning where none does.
  void watch(std::set<std::string> names) { field_watch_.watch(std::move(names)); }

  // --- from the source ---
  void message(std::string_view payload, std::span<const std::string_view> captures,
               std::span<const Value> meta);
  void lines(BlockPtr block);  // runs at once
  void reject(std::string_view sample, std::string_view reason) { bad(sample, reason, 0); }
  void flush();
  void end();  // no more input: everything closes

  // --- replay and tests: records with event times of their own ---
  // Takes over decoded batches instead of running them (replay merges several inputs).
  using Intercept = std::function<void(Batch)>;
  void intercept(Intercept fn) { intercept_ = std::move(fn); }
  void released(size_t rows) { counts_.held -= rows; }  // those are on their way now
  // Event times for the next `message`s; nothing: by the options.
  void explicit_time(std::optional<Micros> time) { explicit_times_.push_back(time); }
  // Without `time:`, record n has time n * interval.
  void interval(Micros interval) { interval_ = interval; }
  void rows_max(size_t rows) { rows_max_ = rows; }  // rows a batch at most, to prove that it is no matter
  // Every row is a batch of its own: where branches of this source meet again, their rows come in the
  // order of the source's.  Costs about what batches save.
  void one_by_one() { one_by_one_ = true; }

  // --- the clock ---
  // What the clock said when input was taken in that is handled only now; nothing: it says it itself.
  void recorded_now(std::optional<Micros> now) { recorded_now_ = now; }
  Micros now() const { return recorded_now_ ? *recorded_now_ : loop_.now(); }
  bool follows_clock() const;             // its watermark moves without records
  Micros clock_watermark(Micros now) const;  // what it is at `now`
  void advance_clock(Micros now);         // moves it there
  // Whether the source is connected and not paused: only silence in such time counts for `idle`.
  void set_up(bool up, Micros now);
  bool is_due_to_be_idle(Micros now) const { return now >= idle_at(); }
  void fall_silent(Micros now);           // if nothing came in the meantime
  Micros idle_at() const;                 // when it is due to be idle; kTimeMax: never
  Micros watermark() const { return watermark_; }

  const InletCounts& counts() const { return counts_; }
  void restart_counts() { counts_ = {}; }
  const std::set<std::string>& wanted_meta() const { return options_.wanted_meta; }
  bool has_time() const { return options_.time != nullptr || interval_ != 0; }  // else arrival
  Micros lateness() const { return options_.lateness; }
  const std::string& time_text() const { return options_.event_time.field(); }
  Micros start() const { return start_; }  // time of the first record; kTimeMin: none yet
  void save(std::string& out) const;
  Status load(std::string_view bytes);

 private:
  void rows(Decoded decoded) override;
  void bad(std::string_view text, std::string_view reason, uint32_t frame) override;
  void add_frame_columns(const Decoded& decoded, Batch& batch);
  void event_times(Batch& batch, Times& times, std::vector<std::string>& reasons);
  void send(Batch batch);
  void send_one_by_one(const Batch& batch, const std::vector<std::string>& reasons);
  std::shared_ptr<Block> take_block(size_t bytes);

  InletOptions options_;
  std::unique_ptr<Decoder> decoder_;
  Loop& loop_;
  InletOutput& output_;
  Intercept intercept_;
  size_t rows_max_ = kBatchRowsMax;
  bool one_by_one_ = false;
  Micros interval_ = 0;

  InletCounts counts_;
  std::optional<Micros> recorded_now_;
  Micros stamp_ = kTimeMin;         // last arrival stamp; never falls
  Micros highest_ = kTimeMin;       // event time seen
  Micros watermark_ = kTimeMin;
  Micros start_ = kTimeMin;
  bool idle_ = false;
  bool ended_ = false;
  bool up_ = false;
  Micros last_rows_ = kTimeMin;  // when they came, by the clock
  Micros quiet_since_ = 0;   // the last record, or since when the source is up again
  Micros quiet_before_ = 0;  // silence before that, since the last record
  int64_t row_number_ = 0;
  FieldWatch field_watch_;

  // Of the turn:
  std::shared_ptr<Block> block_;
  std::vector<Frame> frames_;
  std::vector<std::vector<std::string>> capture_values_;  // per capture, per frame
  std::vector<std::vector<Value>> meta_values_;
  std::vector<std::optional<Micros>> explicit_times_;
  std::vector<std::shared_ptr<Block>> pool_;
};

}  // namespace streamflow
