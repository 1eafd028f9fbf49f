#include "core/step_node.h"

#include <cstdlib>
#include <utility>

#include "core/error_samples.h"
#include "core/frames.h"
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

bool OperatorNode::save(std::string& out) const {
  bool any = false;
  FrameWriter frames(out);
  frames.number(mark_);
  save_counts(counts, frames);
  for (const uint64_t n : {cell_errors, outlet.copied, outlet.unused}) frames.number(static_cast<int64_t>(n));
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string state;
    op->save(partition, state);
    any = any || !state.empty();
    frames.bytes(state);
  }
  return any;
}

Status OperatorNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  mark_ = frames.number();
  load_counts(counts, frames);
  for (uint64_t* n : {&cell_errors, &outlet.copied, &outlet.unused})
    *n = static_cast<uint64_t>(frames.number());
  for (unsigned partition = 0; partition < kPartitions && frames.ok(); ++partition)
    if (auto status = op->load(partition, frames.bytes()); !status) return status;
  return frames.finish("the state of step " + info.id);
}

// --- SinkNode ------------------------------------------------------------------------------------

void SinkNode::rows(const Batch& batch) {
  in += batch.count();
  if (on) {
    sink->write(batch);
  } else {
    dropped_rows += batch.count();
  }
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
  pipeline_.pressure_changed();
}

void SinkNode::save(std::string& out) const {
  FrameWriter frames(out);
  for (const uint64_t n : {in, written_rows, failed_rows, dropped_rows}) frames.number(static_cast<int64_t>(n));
  std::string state;
  sink->save(state);
  frames.bytes(state);
}

Status SinkNode::load(std::string_view bytes, bool exactly) {
  FrameReader frames(bytes);
  for (uint64_t* n : {&in, &written_rows, &failed_rows, &dropped_rows})
    *n = static_cast<uint64_t>(frames.number());
  const std::string_view state = frames.bytes();
  if (auto whole = frames.finish("the state of sink " + info.id); !whole) return whole;
  return sink->load(state, exactly);
}

}  // namespace streamflow
