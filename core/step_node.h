// Operators and sinks as a pipeline runs them: counted, with their errors led to NAME.errors.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/node.h"
#include "core/schema.h"
#include "core/spill.h"
#include "core/stream.h"

namespace streamflow {

class PartStore;
class Pipeline;

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

// Sets a status; true when that is a change worth a log line.
bool change(ConnectorStatus& status, ConnectorState state, std::string reason, Micros retry_at, Micros now);

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
  // Whether there is any state but counts.  With `parts`, large ones are there.
  bool save(PartStore* parts, std::string& out);
  // `parts`: by partition, instead of what is in `bytes`.
  Status load(std::string_view bytes, std::span<const std::pair<unsigned, std::string_view>> parts);

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
  SinkNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Sink> node_sink, BufferOptions buffer);
  ~SinkNode() override;
  void rows(const Batch& batch) override;
  void watermark(Micros) override {}
  void idle(bool) override {}
  void start(Loop& loop);
  void stop();
  void drain(std::function<void()> done);  // as Sink's, with what waits here
  void save(std::string& out);
  Status load(std::string_view bytes, bool exactly);

  NodeInfo info;
  std::unique_ptr<Sink> sink;
  ConnectorStatus status;
  Spill spill;         // what the sink has no room for
  bool on = false;     // off: rows are counted as dropped (tests, replay)
  uint64_t in = 0, written_rows = 0, failed_rows = 0, dropped_rows = 0;
  size_t queued_bytes = 0;  // at the sink
  size_t waiting_bytes() const { return queued_bytes + spill.bytes(); }
  size_t waiting_bytes_max() const { return buffer_.memory + (spill.on_disk() ? buffer_.disk : 0); }
  // Whether a source must not read on.
  bool holds_back(const Source& source, bool is_paused) const;
  uint64_t queued_rows() const { return in - written_rows - failed_rows - dropped_rows; }

 private:
  void state(ConnectorState state, std::string reason, Micros retry_at) override;
  void written(uint64_t rows) override { written_rows += rows; }
  void failed(uint64_t rows, std::string_view reason, std::string_view sample) override;
  void dropped(uint64_t rows, std::string_view reason) override;
  void queued(uint64_t rows, size_t bytes) override;
  bool is_full() const;
  void keep(const Batch& batch);
  void plan_refill();
  void refill();

  Pipeline& pipeline_;
  static constexpr size_t kSinkBytesMax = size_t{4} << 20;

  const BufferOptions buffer_;
  const size_t sink_bytes_max_;  // of the sink's own queue; the rest of the memory is the spill's
  Loop::Id refill_ = 0;
  bool unreadable_ = false;  // the buffer, at the moment
  std::function<void()> drained_;
};

}  // namespace streamflow
