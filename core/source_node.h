// A source as a pipeline runs it: what it brings goes to the journal, where there is one, and through
// the inlet, which gives records their times, to the stream.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/inlet.h"
#include "core/input_log.h"
#include "core/node.h"
#include "core/step_node.h"
#include "core/stream.h"

namespace streamflow {

class Pipeline;

// A source between two versions of its pipeline: connected and silent.
struct DetachedSource {
  DetachedSource(std::string its_id, std::unique_ptr<Source> its_source, ConnectorStatus its_status)
      : id(std::move(its_id)), source(std::move(its_source)), status(std::move(its_status)) {}
  DetachedSource(DetachedSource&&) = default;
  DetachedSource& operator=(DetachedSource&&) = default;
  ~DetachedSource() {
    if (source) source->stop();
  }

  std::string id;  // NodeInfo::id
  std::unique_ptr<Source> source;
  ConnectorStatus status;
};

class SourceNode final : private SourceHost, private InletOutput {
 public:
  SourceNode(Pipeline& pipeline, NodeInfo info, std::unique_ptr<Source> source, InletOptions options,
             std::unique_ptr<Decoder> decoder, SideStream& errors);
  void start(Loop& loop);
  void stop();
  // It hands over nothing more and stays connected (Source::detach).  False: it cannot.
  bool detach();
  bool is_detached() const { return detached_; }
  DetachedSource take_detached();
  void attach(DetachedSource detached);  // before start: instead of the own one
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
  bool detached_ = false;  // connected and silent
};

}  // namespace streamflow
