#include "core/step_node.h"

#include <bitset>
#include <cstdlib>
#include <utility>

#include "core/error_samples.h"
#include "core/frames.h"
#include "core/log.h"
#include "core/part_store.h"
#include "core/pipeline.h"

namespace streamflow {

std::string_view state_name(ConnectorState state) {
  switch (state) {
    case ConnectorState::kConnecting: return "connecting";
    case ConnectorState::kUp: return "up";
    case ConnectorState::kSilent: return "silent";
    case ConnectorState::kPaused: return "paused";
    case ConnectorState::kDown: return "down";
    case ConnectorState::kEnded: return "ended";
  }
  return "";
}

// Sets a status; true when that is a change worth a log line.
bool change(ConnectorStatus& status, ConnectorState state, std::string reason, Micros retry_at,
            Micros now) {
  const bool changed = status.state != state || status.reason != reason || status.since == 0;
  if (status.state != state || status.since == 0) status.since = now;
  status.state = state;
  status.reason = std::move(reason);
  status.retry_at = retry_at;
  return changed;
}

namespace {

void save_counts(const Tally& t, FrameWriter& frames) {
  for (const uint64_t n : {t.in, t.out, t.passed, t.filtered, t.absorbed, t.late, t.dropped, t.failed, t.held,
                           t.created})
    frames.number(static_cast<int64_t>(n));
}
void load_counts(Tally& t, FrameReader& frames) {
  for (uint64_t* n : {&t.in, &t.out, &t.passed, &t.filtered, &t.absorbed, &t.late, &t.dropped, &t.failed,
                      &t.held, &t.created})
    *n = static_cast<uint64_t>(frames.number());
}

}  // namespace

// --- OperatorNode --------------------------------------------------------------------------------

void OperatorNode::rows(const Batch& batch) {
  const size_t n = batch.count();
  counts.in += n;
  size_t at = op->process(batch, 0, *this);
  while (at < n) {
    const Micros mark = (*batch.watermark)[batch.row_at(at)];
    drain(mark);
    if (op->next_deadline() <= mark) std::abort();  // the operator did not do what it announced
    at = op->process(batch, at, *this);
  }
}

void OperatorNode::drain(Micros mark) {
  while (!op->on_watermark(mark, *this)) {
  }
}

void OperatorNode::watermark(Micros mark) {
  if (mark <= mark_) return;
  mark_ = mark;
  drain(mark);
  outlet.watermark(op->output_watermark(mark));
}

void OperatorNode::emit(Batch batch) {
  counts.out += batch.count();
  outlet.rows(batch);
}

void OperatorNode::late(Batch rows) {
  counts.late += rows.count();
  late_.rows(rows);
}

void OperatorNode::fail(const Batch& batch, uint32_t row, std::string_view reason) {
  ++counts.failed;
  const std::string original = record_text(batch, row);
  pipeline_.record_error(info.id, reason, original);
  if (!errors_.used()) return;
  errors_.rows(error_record(info.id, reason, batch, row, original));
}

void OperatorNode::cell_error(const Batch& batch, uint32_t row, std::string_view reason) {
  ++cell_errors;
  pipeline_.record_error(info.id, reason, record_text(batch, row));
}

bool OperatorNode::save(PartStore* parts, std::string& out) {
  bool any = false;
  auto wanted = std::bitset<kPartitions>().set();
  if (parts != nullptr) {
    const auto changed = op->take_dirty();
    for (unsigned partition = 0; partition < kPartitions; ++partition)
      wanted[partition] = changed[partition] || !parts->keep(info.key, partition);
  }
  StateParts states(wanted);
  op->save(states);
  FrameWriter frames(out);
  frames.number(mark_);
  save_counts(counts, frames);
  for (const uint64_t n : {cell_errors, outlet.copied, outlet.unused}) frames.number(static_cast<int64_t>(n));
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string& state = states[partition];
    const bool kept = !wanted[partition];
    const bool elsewhere = kept || (parts != nullptr && parts->add(info.key, partition, state));
    any = any || elsewhere || !state.empty();
    frames.bytes(elsewhere ? std::string_view() : state);
    state = {};
  }
  return any;
}

Status OperatorNode::load(std::string_view bytes, std::span<const std::pair<unsigned, std::string_view>> parts) {
  FrameReader frames(bytes);
  mark_ = frames.number();
  load_counts(counts, frames);
  for (uint64_t* n : {&cell_errors, &outlet.copied, &outlet.unused})
    *n = static_cast<uint64_t>(frames.number());
  for (unsigned partition = 0; partition < kPartitions && frames.ok(); ++partition) {
    std::string_view state = frames.bytes();
    if (!parts.empty() && parts.front().first == partition) {
      state = parts.front().second;
      parts = parts.subspan(1);
    }
    if (auto status = op->load(partition, state); !status) return status;
  }
  return frames.finish("the state of step " + info.id);
}

// --- SinkNode ------------------------------------------------------------------------------------

SinkNode::SinkNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Sink> node_sink,
                   BufferOptions buffer)
    : info(std::move(node_info)),
      sink(std::move(node_sink)),
      spill(buffer.memory / 2, buffer.disk, [this] { pipeline_.pressure_changed(); }),
      pipeline_(pipeline),
      buffer_(buffer),
      sink_bytes_max_(std::min<size_t>(buffer.memory / 2, kSinkBytesMax)) {}

SinkNode::~SinkNode() { pipeline_.loop.cancel(refill_); }

void SinkNode::start(Loop& loop) {
  sink->start(loop, *this);
  on = true;
  plan_refill();
}

void SinkNode::stop() {
  if (!on) return;
  on = false;  // what the sink says in the end fills nothing again
  pipeline_.loop.cancel(std::exchange(refill_, 0));
  drained_ = nullptr;
  sink->stop();
}

void SinkNode::rows(const Batch& batch) {
  in += batch.count();
  if (!on) {
    dropped_rows += batch.count();
  } else if (spill.empty() && queued_bytes < sink_bytes_max_) {
    sink->write(batch);
  } else {
    keep(batch);
  }
}

bool SinkNode::is_full() const { return waiting_bytes() >= waiting_bytes_max(); }

void SinkNode::keep(const Batch& batch) {
  constexpr std::string_view kReason = "the buffer is full";
  // While the disk refuses, the oldest are safe there: to drop them would free no memory.
  const bool is_stuck = !spill.trouble().empty() && spill.memory_bytes() >= buffer_.memory;
  if (buffer_.when_full != WhenFull::kBlock && is_stuck) return dropped(batch.count(), spill.trouble());
  if (buffer_.when_full == WhenFull::kDropNewest && is_full()) return dropped(batch.count(), kReason);
  spill.push(batch);
  while (buffer_.when_full == WhenFull::kDropOldest && is_full() && !spill.empty())
    dropped(spill.drop_oldest(), kReason);
  if (!spill.trouble().empty()) pipeline_.record_error(info.id, spill.trouble(), "");
  pipeline_.pressure_changed();
}

bool SinkNode::holds_back(const Source& source, bool is_paused) const {
  if (buffer_.when_full != WhenFull::kBlock) return false;
  const bool disk = spill.on_disk() && spill.trouble().empty() && !source.can_wait();
  const size_t most = disk ? buffer_.memory + buffer_.disk : buffer_.memory;
  return waiting_bytes() > (is_paused ? most - buffer_.memory / 2 : most);
}

void SinkNode::plan_refill() {
  if (spill.empty() || !on || refill_ != 0) return;
  refill_ = pipeline_.loop.after(0, [this] { refill(); });
}

void SinkNode::refill() {
  constexpr int kTakes = 16;  // in a turn
  refill_ = 0;
  if (!on) return;
  for (int i = 0; i < kTakes && !spill.empty() && queued_bytes < sink_bytes_max_; ++i) {
    uint64_t lost = 0;
    std::string reason;
    const Batch batch = spill.take(lost, reason);
    if (lost > 0) failed(lost, reason, "");
    if (!batch.empty()) {
      sink->write(batch);
      unreadable_ = false;
    } else if (lost == 0) {
      if (!std::exchange(unreadable_, true))
        log(LogLevel::kError, pipeline_.name + ": " + info.id + ": " + reason + "; it is tried again");
      pipeline_.record_error(info.id, reason, "");
      refill_ = pipeline_.loop.after(Spill::kRetry, [this] { refill(); });
      break;
    }
  }
  sink->flush();
  if (queued_bytes < sink_bytes_max_) plan_refill();
  pipeline_.pressure_changed();
  if (spill.empty() && drained_) sink->drain(std::exchange(drained_, nullptr));
}

void SinkNode::drain(std::function<void()> done) {
  if (spill.empty()) return sink->drain(std::move(done));
  drained_ = std::move(done);
  plan_refill();
}

void SinkNode::state(ConnectorState state, std::string reason, Micros retry_at) {
  if (change(status, state, std::move(reason), retry_at, pipeline_.loop.now()))
    pipeline_.log_state(info, status);
}

void SinkNode::failed(uint64_t rows, std::string_view reason, std::string_view sample) {
  failed_rows += rows;
  pipeline_.record_error(info.id, reason, sample);
}

void SinkNode::dropped(uint64_t rows, std::string_view reason) {
  dropped_rows += rows;
  pipeline_.record_error(info.id, reason, "");
}

void SinkNode::queued(uint64_t, size_t bytes) {
  queued_bytes = bytes;
  if (queued_bytes < sink_bytes_max_ / 2) plan_refill();
  pipeline_.pressure_changed();
}

void SinkNode::save(std::string& out) {
  FrameWriter frames(out);
  for (const uint64_t n : {in, written_rows, failed_rows, dropped_rows}) frames.number(static_cast<int64_t>(n));
  std::string state;
  sink->save(state);
  frames.bytes(state);
  state.clear();
  spill.save(state);
  frames.bytes(state);
}

Status SinkNode::load(std::string_view bytes, bool exactly) {
  FrameReader frames(bytes);
  for (uint64_t* n : {&in, &written_rows, &failed_rows, &dropped_rows})
    *n = static_cast<uint64_t>(frames.number());
  const std::string_view state = frames.bytes();
  const std::string_view waiting = frames.bytes();
  Status loaded = frames.finish("the state of sink " + info.id);
  uint64_t lost = 0;
  if (loaded && !waiting.empty()) loaded = spill.load(waiting, lost);
  if (loaded) loaded = sink->load(state, exactly);
  if (!loaded) {
    in = written_rows = failed_rows = dropped_rows = 0;  // nothing waits that could not be read
    return loaded;
  }
  if (lost > 0) failed(lost, "it waits on disk, and this version of the pipeline keeps nothing there", "");
  return {};
}

}  // namespace streamflow
