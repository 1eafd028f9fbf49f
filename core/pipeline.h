// A running pipeline: sources, operators and sinks wired by `plan`, run to completion on one loop
// thread.  Nothing is queued between operators, so between two turns of the loop its whole state is
// the inlets', the operators' and the sinks' own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error_samples.h"
#include "core/source_node.h"
#include "core/spec.h"
#include "core/step_node.h"
#include "core/stream.h"

namespace streamflow {

class Journal;
class PartStore;

// in + created + copied = written + filtered + absorbed + late + dropped + failed + unused + held + queued
struct Ledger {
  uint64_t in = 0, created = 0, copied = 0;
  uint64_t written = 0, filtered = 0, absorbed = 0, late = 0, dropped = 0, failed = 0, unused = 0,
           held = 0, queued = 0;
  uint64_t messages = 0, undecodable = 0;  // messages = in + undecodable
  uint64_t total_in() const { return in + created + copied; }
  uint64_t total_out() const {
    return written + filtered + absorbed + late + dropped + failed + unused + held + queued;
  }
  bool balanced() const { return total_in() == total_out() && messages == in + undecodable; }
};

class Pipeline {
 public:
  static constexpr Micros kDrainMax = 1'500 * kMicrosPerMilli;
  static constexpr Micros kHandOverMax = 25 * kMicrosPerMilli;  // of a version whose next one waits

  Pipeline(std::string pipeline_name, Loop& its_loop);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  void start();  // sinks, then sources
  // Takes no more input; calls `done` once what was read is at the sinks' peers.  Unfinished windows stay
  // unfinished.  Where a checkpoint keeps the rest, it waits for the sinks only so long: their last state is the
  // checkpoint's.  Sources stay connected until they are stopped or taken.
  enum class Leave : unsigned char { kEnd, kHandOver };
  void drain(std::function<void()> done, Leave why = Leave::kEnd);
  bool is_drained() const { return drained_; }
  // Once drained, the connected sources that `next`, a changed version of this pipeline, has too; none where the state was
  // not saved, and so is not what they have handed over.
  std::vector<DetachedSource> take_detached(const Pipeline& next);
  // Takes those that it can go on with, after it has loaded what the version before has saved.
  void attach(std::vector<DetachedSource>& detached);
  void stop();                            // at once
  void stop_sinks();
  std::string unfinished() const;         // what stopping now would discard, in words; or empty
  bool finished() const;                  // every source has ended (false without sources)
  std::function<void()> on_finished;      // called once, when the last source has ended

  // The state between two turns: positions and inlets of sources, watermarks, operators by partition, sinks,
  // counts.  It is kept by keys, so a changed pipeline takes what still means the same; `remarks` says what
  // it does not.  With `exactly`, output behind the saved positions is taken back.
  // With `parts`, large states of steps are there and not in the text: those that changed since the last
  // such call are added.
  std::string save(PartStore* parts = nullptr);
  Status load(std::string_view bytes, bool exactly, std::vector<std::string>& remarks,
              PartStore* parts = nullptr);

  // Makes it survive its process: set before start.  Null: it does not.
  std::unique_ptr<Journal> journal;
  void apply(const LogEntry& entry, const BlockPtr& block);  // input that the journal took
  std::vector<int> unsynced() const;                         // of all sinks
  void checkpointed();                                       // the last save counts
  bool is_paused() const;  // some source is
  void hold(bool held);    // all sources wait, whatever their sinks say
  bool is_held() const { return held_; }

  Stream* stream(std::string_view stream_name);
  SourceNode* source_of(std::string_view stream_name);  // first source of a stream
  // Receives every batch that reaches the end of a stream ("main", "main.late", "main.errors").
  bool capture(std::string_view stream_name, std::function<void(const Batch&)> fn);

  Ledger ledger() const;
  const std::vector<ErrorSample>& errors() const { return errors_.all(); }
  bool has_charts() const;

  // For nodes:
  void record_error(const std::string& step, std::string_view reason, std::string_view sample);
  void turn_done();
  void arm_clock();  // something changed that the clock waits for
  void pressure_changed();
  void source_ended();
  void log_state(const NodeInfo& info, const ConnectorStatus& status);

  const std::string name;
  Loop& loop;
  SpecPtr spec;  // what it was planned from
  std::string delivery;
  Micros log_keep = 0;      // how much longer than recovery needs it the input log stays
  std::string fingerprint;  // equal: the same pipeline
  std::vector<std::unique_ptr<SourceNode>> sources;
  std::vector<std::unique_ptr<OperatorNode>> operators;
  std::vector<std::unique_ptr<SinkNode>> sinks;
  std::vector<std::unique_ptr<MergeNode>> merges;
  std::vector<std::unique_ptr<Stream>> streams;
  // Operators that read a side stream: the clock moves those.
  std::vector<std::pair<SideStream*, OperatorNode*>> side_operators;
  std::function<void()> on_turn;  // tests: asserts the ledger at each turn

 private:
  void begin_input();
  void start_sources();
  void stop_input();
  void drain_sinks(std::function<void()> done);
  void end_drain(Leave why, std::function<void()> done);
  void clock_due();
  void apply_clock(Micros now, std::string_view idle);
  void restart_counts();
  Micros next_wake(Micros now) const;

  ErrorSamples errors_;
  Loop::Id timer_ = 0;
  Micros timer_at_ = kTimeMax;
  bool flush_planned_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of callbacks that cannot be cancelled
  bool held_ = false;
  bool running_ = false;
  bool stopped_ = false;
  bool drained_ = false;
  bool left_whole_ = false;  // drained, and the state is saved or here
  bool clock_pending_ = false;  // the journal has a look at the clock that is not yet handled
  size_t draining_ = 0;
  uint64_t carried_ = 0;  // rows taken over from another version of this pipeline
};

}  // namespace streamflow
