// A running pipeline: sources, operators and sinks wired by `plan`, run to completion on one loop
// thread.  Nothing is queued between operators, so between two turns of the loop its whole state is
// the inlets', the operators' and the sinks' own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/inlet.h"
#include "core/input_log.h"
#include "core/node.h"
#include "core/schema.h"

namespace streamflow {

class Journal;
class Pipeline;

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

// What a step or connector is: fixed at load.  For `explain`, the API and messages.
struct NodeInfo {
  std::string id;        // "main.2", or the user's `id:`; of a source "main", "main#2"
  std::string key;       // of its state: equal keys, equal meaning, also in a changed pipeline
  std::string stream;
  std::string verb;      // of a connector its kind
  std::string argument;  // as written; of a connector its address, without secrets
  Schema input, output;
  std::set<std::string> reads;
  std::string other;                  // of a step with two inputs: the second stream,
  std::set<std::string> other_reads;  // and what it reads there
  std::string guarantee, guarantee_reason;  // sinks; of a source why it loses input
  bool is_chart = false;
};

struct ConnectorStatus {
  ConnectorState state = ConnectorState::kConnecting;
  std::string reason;
  Micros since = 0;     // wall clock
  Micros retry_at = 0;  // 0: none planned
};

// A failed record or cell, the newest of its kind with their count.  Reasons of one step that differ only
// in numbers and in what they quote are one kind.
struct ErrorSample {
  Micros at = 0;
  std::string step, reason, sample;
  uint64_t count = 0;
  std::string kind = {};
};

// Where rows go from a node: all of them to every target.
class Port {
 public:
  virtual ~Port() = default;
  virtual void rows(const Batch& batch) = 0;
  virtual void watermark(Micros mark) = 0;
  virtual void idle(bool idle) = 0;
};

class Outlet {
 public:
  void add(Port* target) { targets_.push_back(target); }
  void capture(std::function<void(const Batch&)> fn) { captures_.push_back(std::move(fn)); }
  void rows(const Batch& batch);
  void watermark(Micros mark);
  void idle(bool idle);
  bool used() const { return !targets_.empty() || !captures_.empty(); }
  uint64_t copied = 0, unused = 0;

 private:
  std::vector<Port*> targets_;
  std::vector<std::function<void(const Batch&)>> captures_;  // tests and replay; no edges
  Micros forwarded_ = kTimeMin;
};

// NAME.late and NAME.errors: their event time is the arrival stamp, which is their watermark too; the
// clock moves it where the loop has one.
class SideStream {
 public:
  void rows(const Batch& batch);
  void watermark(Micros now);
  Micros watermark() const { return stamp_; }
  void restore(Micros stamp) { stamp_ = stamp; }
  bool used() const { return outlet.used(); }
  Outlet outlet;
  uint64_t created = 0;

 private:
  Micros stamp_ = kTimeMin;
};

class OperatorNode final : public Port, private Emitter {
 public:
  OperatorNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Operator> node_op,
               SideStream& late, SideStream& errors)
      : info(std::move(node_info)),
        op(std::move(node_op)),
        pipeline_(pipeline),
        late_(late),
        errors_(errors) {}
  void rows(const Batch& batch) override;
  void watermark(Micros mark) override;
  void idle(bool idle) override { outlet.idle(idle); }
  bool save(std::string& out) const;  // whether there is any state but counts
  Status load(std::string_view bytes);

  NodeInfo info;
  std::unique_ptr<Operator> op;
  Outlet outlet;
  Tally counts;
  uint64_t cell_errors = 0;

 private:
  void emit(Batch batch) override;
  void late(Batch rows) override;
  void fail(const Batch& batch, uint32_t row, std::string_view reason) override;
  void cell_error(const Batch& batch, uint32_t row, std::string_view reason) override;
  Tally& tally() override { return counts; }
  void drain(Micros mark);

  Pipeline& pipeline_;
  SideStream& late_;
  SideStream& errors_;
  Micros mark_ = kTimeMin;
};

class SinkNode final : public Port, private SinkHost {
 public:
  SinkNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Sink> node_sink)
      : info(std::move(node_info)), sink(std::move(node_sink)), pipeline_(pipeline) {}
  void rows(const Batch& batch) override;
  void watermark(Micros) override {}
  void idle(bool) override {}
  void start(Loop& loop) { sink->start(loop, *this); on = true; }
  void save(std::string& out) const;
  Status load(std::string_view bytes, bool exactly);

  NodeInfo info;
  std::unique_ptr<Sink> sink;
  ConnectorStatus status;
  bool on = false;     // off: rows are counted as dropped (tests, replay)
  uint64_t in = 0, written_rows = 0, failed_rows = 0, dropped_rows = 0;
  size_t queued_bytes = 0;
  uint64_t queued_rows() const { return in - written_rows - failed_rows - dropped_rows; }

 private:
  void state(ConnectorState state, std::string reason, Micros retry_at) override;
  void written(uint64_t rows) override { written_rows += rows; }
  void failed(uint64_t rows, std::string_view reason, std::string_view sample) override;
  void dropped(uint64_t rows, std::string_view reason) override;
  void queued(uint64_t rows, size_t bytes) override;
  Pipeline& pipeline_;
};

// The head of a stream with several inputs.  Its watermark is the least of those that are neither idle
// nor ended; when all of these are idle, the least of theirs, of which one that never sent a record has
// none.  Side streams hold it back, but do not move it on alone while there are others: the clock is
// theirs.  When all inputs have ended it ends.
class MergeNode {
 public:
  explicit MergeNode(size_t inputs);
  Port* input(size_t i) { return &inputs_[i]; }
  void input_is_side(size_t i) { inputs_[i].is_side = true; }
  Outlet outlet;
  std::string key;
  void save(std::string& out) const;
  Status load(std::string_view bytes);

 private:
  struct Input final : Port {
    MergeNode* merge = nullptr;
    Micros mark = kTimeMin;
    bool is_idle = false;
    bool is_side = false;  // moved by side streams only
    bool has_ended = false;
    void rows(const Batch& batch) override { merge->take(*this, batch); }
    void watermark(Micros w) override {
      w == kTimeMax ? void(has_ended = true) : note(w);
      merge->advance();
    }
    void idle(bool idle) override {
      is_idle = idle;
      merge->advance();
    }
    void note(Micros w) { mark = std::max(mark, w); }
  };
  void take(Input& from, const Batch& batch);
  Micros least() const;
  bool are_all_idle() const;
  void advance();
  std::vector<Input> inputs_;
  Micros mark_ = kTimeMin;
  bool all_idle_ = false;
};

class SourceNode final : private SourceHost, private InletOutput {
 public:
  SourceNode(Pipeline& pipeline, NodeInfo info, std::unique_ptr<Source> source, InletOptions options,
             std::unique_ptr<Decoder> decoder, SideStream& errors);
  void start(Loop& loop);
  void stop();
  void pause(bool paused);  // also before it starts
  bool is_paused() const { return paused_; }
  // Input that the journal took, with the clock's word then.
  void apply(const LogEntry& entry, BlockPtr block);
  uint64_t key_hash() const { return key_hash_; }
  void save(std::string& out) const;
  Status load(std::string_view bytes);
  bool up() const { return status.state == ConnectorState::kUp || status.state == ConnectorState::kSilent; }

  NodeInfo info;
  std::unique_ptr<Source> source;
  Inlet inlet;
  Outlet outlet;
  ConnectorStatus status;
  bool on = false;
  bool has_ended = false;
  std::vector<OperatorNode*> downstream;  // that its watermark can reach
  std::vector<SinkNode*> reaches;         // that its rows can

 private:
  void ident(std::string_view ident) override;
  void note_up();
  void message(std::string_view payload, std::span<const std::string_view> captures,
               std::span<const Value> meta) override;
  void lines(BlockPtr block) override;
  void flush() override;
  void when_durable(std::function<void()> fn) override;
  bool wants_meta(std::string_view name) const override;
  void state(ConnectorState state, std::string reason, Micros retry_at) override;
  void ended() override;
  void complain(std::string_view text) override;
  void reject(std::string_view sample, std::string_view reason) override;

  void rows(Batch batch) override { outlet.rows(batch); }
  void watermark(Micros mark) override { outlet.watermark(mark); }
  void idle(bool idle) override;
  void failed(const Batch& batch, uint32_t row, std::string_view reason) override;
  void undecodable(std::string_view text, std::string_view reason) override;
  void never_seen(std::string_view text) override;
  void turn_done() override;

  LogEntry entry(LogEntry::Kind kind, std::string_view body) const;
  void apply_messages(std::string_view body);
  void end_input();

  Pipeline& pipeline_;
  SideStream& errors_;
  const uint64_t key_hash_;
  std::string body_;   // for the journal: what came since the last flush
  std::string ident_;  // of the next message
  std::vector<std::string_view> captures_;
  std::vector<Value> meta_;
  uint64_t messages_before_ = 0;  // the inlet's, at the last turn
  bool paused_ = false;
};

// One named stream: where its chain ends, and its side outputs.
struct Stream {
  std::string name;
  Outlet* end = nullptr;
  Schema schema;
  SideStream late, errors;
  void save(std::string& out) const;
  Status load(std::string_view bytes);
};

class Pipeline {
 public:
  static constexpr size_t kQueueHigh = 8 << 20;  // bytes queued in one sink: sources pause above
  static constexpr size_t kErrorsKept = 20;
  static constexpr Micros kDrainMax = 1'500 * kMicrosPerMilli;  // for sinks, where a checkpoint keeps the rest

  Pipeline(std::string pipeline_name, Loop& its_loop);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  void start();  // sinks, then sources
  // Stops the sources; calls `done` once what was read is at the sinks' peers.  Unfinished windows stay
  // unfinished.
  void drain(std::function<void()> done);
  void stop();                            // at once
  std::string unfinished() const;         // what stopping now would discard, in words; or empty
  bool finished() const;                  // every source has ended (false without sources)
  std::function<void()> on_finished;      // called once, when the last source has ended

  // The state between two turns: positions and inlets of sources, watermarks, operators by partition, sinks,
  // counts.  It is kept by keys, so a changed pipeline takes what still means the same; `remarks` says what
  // it does not.  With `exactly`, output behind the saved positions is taken back.
  std::string save() const;
  Status load(std::string_view bytes, bool exactly, std::vector<std::string>& remarks);

  // Makes it survive its process: set before start.  Null: it does not.
  std::unique_ptr<Journal> journal;
  void apply(const LogEntry& entry, const BlockPtr& block);  // input that the journal took
  std::vector<int> unsynced() const;                         // of all sinks
  bool is_paused() const;  // some source is

  Stream* stream(std::string_view stream_name);
  SourceNode* source_of(std::string_view stream_name);  // first source of a stream
  // Receives every batch that reaches the end of a stream ("main", "main.late", "main.errors").
  bool capture(std::string_view stream_name, std::function<void(const Batch&)> fn);

  Ledger ledger() const;
  std::vector<ErrorSample> errors() const { return errors_; }
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
  std::string delivery;
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
  void drain_sinks(std::function<void()> done);
  void end_drain(std::function<void()> done);
  void clock_due();
  void apply_clock(Micros now, std::string_view idle);
  void restart_counts();
  Micros next_wake(Micros now) const;

  std::vector<ErrorSample> errors_;
  Loop::Id timer_ = 0;
  Micros timer_at_ = kTimeMax;
  bool flush_planned_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of callbacks that cannot be cancelled
  bool running_ = false;
  bool stopped_ = false;
  bool clock_pending_ = false;  // the journal has a look at the clock that is not yet handled
  size_t draining_ = 0;
  uint64_t carried_ = 0;  // rows taken over from another version of this pipeline
};

// A record of NAME.errors: `error`, `step`, `original` (the record as JSON).
Batch error_record(const std::string& step, std::string_view reason, std::string_view original);

}  // namespace streamflow
