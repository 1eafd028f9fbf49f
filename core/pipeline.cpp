#include "core/pipeline.h"

#include <algorithm>
#include <cstdlib>

#include "core/encode.h"
#include "core/expr/utf8.h"
#include "core/frames.h"
#include "core/log.h"

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

namespace {

constexpr size_t kSampleBytes = 400;

std::string record_text(const Batch& batch, uint32_t row) {
  const Selection only = {row};
  Batch one = batch;
  one.selected = std::make_shared<Selection>(only);
  prepare_encode(one);
  std::string text;
  append_record(one, row, TimestampStyle::kRfc3339, text);
  return text;
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

}  // namespace

Batch error_record(const std::string& step, std::string_view reason, std::string_view original) {
  Batch batch;
  batch.rows = 1;
  const auto add = [&batch](const char* name, std::string_view text) {
    auto column = std::make_shared<Column>(1);
    column->set_string(0, text);
    batch.columns.push_back({name, std::move(column), false});
  };
  add("error", reason);
  add("step", step);
  add("original", expr::to_valid_utf8(original));
  return batch;
}

// --- Outlet, SideStream --------------------------------------------------------------------------

void Outlet::rows(const Batch& batch) {
  const size_t n = batch.count();
  if (n == 0) return;
  for (const auto& fn : captures_) fn(batch);
  if (targets_.empty()) {
    unused += n;
    return;
  }
  copied += n * (targets_.size() - 1);
  for (Port* target : targets_) target->rows(batch);
}

void Outlet::watermark(Micros mark) {
  if (mark <= forwarded_) return;
  forwarded_ = mark;
  for (Port* target : targets_) target->watermark(mark);
}

void Outlet::idle(bool idle) {
  for (Port* target : targets_) target->idle(idle);
}

void SideStream::rows(const Batch& batch) {
  if (!outlet.used()) return;
  Batch copy = batch;
  const size_t n = batch.rows;
  if (batch.arrival)
    for (size_t i = 0; i < batch.count(); ++i)
      stamp_ = std::max(stamp_, (*batch.arrival)[batch.row_at(i)]);
  const auto stamps = std::make_shared<const Times>(n, stamp_);
  copy.time = stamps;
  copy.watermark = stamps;
  if (!copy.arrival) copy.arrival = stamps;
  created += copy.count();
  outlet.rows(copy);
  outlet.watermark(stamp_);
}

void SideStream::watermark(Micros now) {
  stamp_ = std::max(stamp_, now);
  outlet.watermark(stamp_);
}

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
  Batch record = error_record(info.id, reason, original);
  if (batch.arrival) record.arrival = std::make_shared<Times>(1, (*batch.arrival)[row]);
  errors_.rows(record);
}

void OperatorNode::cell_error(const Batch& batch, uint32_t row, std::string_view reason) {
  ++cell_errors;
  pipeline_.record_error(info.id, reason, record_text(batch, row));
}

void OperatorNode::save(std::string& out) const {
  FrameWriter frames(out);
  frames.number(mark_);
  for (unsigned partition = 0; partition < kPartitions; ++partition) {
    std::string state;
    op->save(partition, state);
    frames.bytes(state);
  }
}

Status OperatorNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  mark_ = frames.number();
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

// --- MergeNode -----------------------------------------------------------------------------------

MergeNode::MergeNode(size_t inputs) : inputs_(inputs) {
  for (Input& input : inputs_) input.merge = this;
}

Micros MergeNode::least() const {
  Micros busy = kTimeMax;
  Micros any = kTimeMax;
  bool some_busy = false;
  for (const Input& input : inputs_) {
    any = std::min(any, input.mark);
    if (input.is_idle) continue;
    some_busy = true;
    busy = std::min(busy, input.mark);
  }
  return some_busy ? busy : any;
}

void MergeNode::take(Input& from, const Batch& batch) {
  from.is_idle = false;
  Batch copy = batch;
  auto marks = std::make_shared<Times>(batch.rows, mark_);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    from.mark = std::max(from.mark, (*batch.watermark)[row]);
    mark_ = std::max(mark_, least());
    (*marks)[row] = mark_;
  }
  from.mark = std::max(from.mark, batch.watermark_after);
  mark_ = std::max(mark_, least());
  copy.watermark = std::move(marks);
  copy.watermark_after = mark_;
  copy.input = static_cast<unsigned>(&from - inputs_.data());
  outlet.rows(copy);
}

void MergeNode::advance() {
  const bool all_idle =
      std::all_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.is_idle; });
  if (all_idle != all_idle_) {
    all_idle_ = all_idle;
    outlet.idle(all_idle);
  }
  mark_ = std::max(mark_, least());
  outlet.watermark(mark_);
}

void MergeNode::save(std::string& out) const {
  FrameWriter frames(out);
  frames.number(mark_);
  for (const Input& input : inputs_) frames.number(input.mark), frames.number(input.is_idle);
}

Status MergeNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  mark_ = frames.number();
  for (Input& input : inputs_) {
    input.mark = frames.number();
    input.is_idle = frames.number() != 0;
  }
  return frames.finish("the state of a union");
}

// --- SourceNode ----------------------------------------------------------------------------------

SourceNode::SourceNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Source> source_,
                       InletOptions options, std::unique_ptr<Decoder> decoder, SideStream& errors)
    : info(std::move(node_info)),
      source(std::move(source_)),
      inlet(std::move(options), std::move(decoder), pipeline.loop, *this),
      pipeline_(pipeline),
      errors_(errors) {}

void SourceNode::stop() {
  if (!on) return;
  on = false;
  source->stop();
}

void SourceNode::pause(bool paused) {
  if (!on || has_ended) return;
  paused ? source->pause() : source->resume();
}

bool SourceNode::wants_meta(std::string_view name) const {
  return inlet.wanted_meta().contains(std::string(name));
}

void SourceNode::state(ConnectorState state, std::string reason, Micros retry_at) {
  if (change(status, state, std::move(reason), retry_at, pipeline_.loop.now()))
    pipeline_.log_state(info, status);
}

void SourceNode::ended() {
  if (has_ended) return;
  has_ended = true;
  state(ConnectorState::kEnded, "", 0);
  inlet.end();
  pipeline_.source_ended();
}

void SourceNode::complain(std::string_view text) {
  log(LogLevel::kWarn, pipeline_.name + ": " + info.id + ": " + std::string(text));
}

void SourceNode::never_seen(std::string_view text) {
  complain(text);
  pipeline_.record_error(info.id, text, "");
}

void SourceNode::idle(bool idle) {
  if (idle && status.state == ConnectorState::kUp) state(ConnectorState::kSilent, "", 0);
  outlet.idle(idle);
}

void SourceNode::failed(const Batch& batch, uint32_t row, std::string_view reason) {
  const std::string original = record_text(batch, row);
  pipeline_.record_error(info.id, reason, original);
  if (!errors_.used()) return;
  Batch record = error_record(info.id, reason, original);
  if (batch.arrival) record.arrival = std::make_shared<Times>(1, (*batch.arrival)[row]);
  errors_.rows(record);
}

void SourceNode::undecodable(std::string_view text, std::string_view reason) {
  pipeline_.record_error(info.id, reason, text.substr(0, kSampleBytes));
  if (!errors_.used()) return;
  Batch record = error_record(info.id, reason, text);
  record.arrival = std::make_shared<Times>(1, pipeline_.loop.now());
  errors_.rows(record);
}

void SourceNode::turn_done() {
  if (status.state == ConnectorState::kSilent) state(ConnectorState::kUp, "", 0);
  pipeline_.turn_done();
}

// --- Pipeline ------------------------------------------------------------------------------------

Pipeline::~Pipeline() { stop(); }

void Pipeline::start() {
  running_ = true;
  for (auto& sink : sinks) sink->start(loop);
  for (auto& source : sources) source->start(loop);
  arm_clock();
}

void Pipeline::stop() {
  running_ = false;
  loop.cancel(timer_);
  timer_ = 0;
  for (auto& source : sources) source->stop();
  for (auto& sink : sinks) {
    if (!sink->on) continue;
    sink->sink->stop();
    sink->on = false;
  }
}

void Pipeline::drain(std::function<void()> done) {
  running_ = false;
  loop.cancel(timer_);
  timer_ = 0;
  for (auto& source : sources) source->stop();
  draining_ = 1;
  const auto one_done = [this, done = std::move(done)] {
    if (--draining_ == 0) done();
  };
  for (auto& sink : sinks) {
    if (!sink->on) continue;
    ++draining_;
    sink->sink->flush();
    sink->sink->drain(one_done);
  }
  one_done();
}

std::string Pipeline::unfinished() const {
  std::string words;
  for (const auto& node : operators) {
    const std::string part = node->op->unfinished();
    if (part.empty()) continue;
    if (!words.empty()) words += ", ";
    words += part + " of " + node->info.id;
  }
  return words;
}

bool Pipeline::finished() const {
  return !sources.empty() && std::all_of(sources.begin(), sources.end(),
                                         [](const auto& source) { return source->has_ended; });
}

void Pipeline::source_ended() {
  if (finished())
    for (const auto& [side, node] : side_operators) side->watermark(kTimeMax);
  turn_done();
  if (!finished() || !on_finished) return;
  loop.defer([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) on_finished();
  });
}

Stream* Pipeline::stream(std::string_view stream_name) {
  for (auto& s : streams)
    if (s->name == stream_name) return s.get();
  return nullptr;
}

SourceNode* Pipeline::source_of(std::string_view stream_name) {
  for (auto& s : sources)
    if (s->info.stream == stream_name) return s.get();
  return nullptr;
}

bool Pipeline::capture(std::string_view stream_name, std::function<void(const Batch&)> fn) {
  for (auto& s : streams) {
    Outlet* outlet = nullptr;
    if (stream_name == s->name) outlet = s->end;
    if (stream_name == s->name + ".late") outlet = &s->late.outlet;
    if (stream_name == s->name + ".errors") outlet = &s->errors.outlet;
    if (outlet == nullptr) continue;
    outlet->capture(std::move(fn));
    return true;
  }
  return false;
}

std::string Pipeline::save() const {
  std::string out;
  FrameWriter frames(out);
  const auto put = [&frames](const auto& node) {
    std::string state;
    node.save(state);
    frames.bytes(state);
  };
  for (const auto& source : sources) put(source->inlet);
  for (const auto& merge : merges) put(*merge);
  for (const auto& node : operators) put(*node);
  for (const auto& s : streams) frames.number(s->late.watermark()), frames.number(s->errors.watermark());
  return out;
}

Status Pipeline::load(std::string_view bytes) {
  FrameReader frames(bytes);
  Status status;
  const auto take = [&](auto& node) {
    if (status) status = node.load(frames.bytes());
  };
  for (auto& source : sources) take(source->inlet);
  for (auto& merge : merges) take(*merge);
  for (auto& node : operators) take(*node);
  if (!status) return status;
  for (auto& s : streams) {
    s->late.restore(frames.number());
    s->errors.restore(frames.number());
  }
  return frames.finish("the state of pipeline " + name);
}

bool Pipeline::has_charts() const {
  return std::any_of(sinks.begin(), sinks.end(), [](const auto& s) { return s->info.is_chart; });
}

Ledger Pipeline::ledger() const {
  Ledger sum;
  const auto add_outlet = [&sum](const Outlet& outlet) {
    sum.copied += outlet.copied;
    sum.unused += outlet.unused;
  };
  for (const auto& source : sources) {
    const InletCounts& counts = source->inlet.counts();
    sum.messages += counts.messages;
    sum.undecodable += counts.undecodable;
    sum.in += counts.rows;
    sum.failed += counts.failed;
    sum.held += counts.held;
    add_outlet(source->outlet);
  }
  for (const auto& merge : merges) add_outlet(merge->outlet);
  for (const auto& node : operators) {
    const Tally& t = node->counts;
    sum.created += t.created;
    sum.filtered += t.filtered;
    sum.absorbed += t.absorbed;
    sum.late += t.late;
    sum.dropped += t.dropped;
    sum.failed += t.failed;
    sum.held += t.held;
    add_outlet(node->outlet);
  }
  for (const auto& sink : sinks) {
    sum.written += sink->written_rows;
    sum.failed += sink->failed_rows;
    sum.dropped += sink->dropped_rows;
    sum.queued += sink->queued_rows();
  }
  for (const auto& s : streams) {
    for (const SideStream* side : {&s->late, &s->errors}) {
      sum.created += side->created;
      add_outlet(side->outlet);
    }
  }
  return sum;
}

void Pipeline::record_error(const std::string& step, std::string_view reason,
                            std::string_view sample) {
  const std::string shown = expr::to_valid_utf8(sample.substr(0, kSampleBytes));
  for (ErrorSample& e : errors_) {
    if (e.step != step || e.reason != reason) continue;
    ++e.count;
    e.at = loop.now();
    e.sample = shown;
    return;
  }
  if (errors_.size() == kErrorsKept)
    errors_.erase(std::min_element(errors_.begin(), errors_.end(),
                                   [](const auto& a, const auto& b) { return a.at < b.at; }));
  errors_.push_back({loop.now(), step, expr::to_valid_utf8(reason), shown, 1});
}

void Pipeline::log_state(const NodeInfo& info, const ConnectorStatus& status) {
  const bool trouble = status.state == ConnectorState::kDown;
  std::string text = name + ": " + info.id + " (" + info.argument + ") is " +
                     std::string(state_name(status.state));
  if (!status.reason.empty()) text += ": " + status.reason;
  log(trouble ? LogLevel::kWarn : LogLevel::kInfo, text);
}

void Pipeline::turn_done() {
  if (!flush_planned_) {
    flush_planned_ = true;
    loop.defer([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      flush_planned_ = false;
      for (auto& sink : sinks)
        if (sink->on) sink->sink->flush();
    });
  }
  arm_clock();
  if (on_turn) on_turn();
}

void Pipeline::pressure_changed() {
  size_t most = 0;
  for (const auto& sink : sinks) most = std::max(most, sink->queued_bytes);
  const bool pause = paused_ ? most > kQueueHigh / 2 : most > kQueueHigh;
  if (pause == paused_) return;
  paused_ = pause;
  for (auto& source : sources) source->pause(pause);
}

// When the clock alone will do something: complete a window of arrival time, or call an input idle.
Micros Pipeline::next_wake(Micros now) const {
  constexpr Micros kLongest = 60 * kMicrosPerSecond;  // clocks step: look again
  Micros wake = kTimeMax;
  for (const auto& source : sources) {
    const Inlet& inlet = source->inlet;
    wake = std::min(wake, inlet.idle_at());
    if (!inlet.follows_clock()) continue;
    const Micros mark = inlet.clock_watermark(now);
    for (const OperatorNode* node : source->downstream) {
      // At or below what was sent on, another input is what it waits for.
      const Micros deadline = node->op->next_deadline();
      if (deadline == kTimeMax || deadline <= inlet.watermark() || mark == kTimeMin) continue;
      wake = std::min(wake, now + std::clamp<Micros>(deadline - mark, 0, kLongest));
    }
  }
  for (const auto& [side, node] : side_operators) {
    const Micros deadline = node->op->next_deadline();
    if (deadline != kTimeMax && deadline > side->watermark() && side->watermark() != kTimeMin)
      wake = std::min(wake, std::max(now, std::min(deadline, now + kLongest)));
  }
  return wake;
}

void Pipeline::arm_clock() {
  if (!running_) return;
  const Micros now = loop.now();
  const Micros wake = next_wake(now);
  if (timer_ != 0 && wake >= timer_at_) return;
  loop.cancel(timer_);
  timer_ = 0;
  timer_at_ = wake;
  if (wake == kTimeMax) return;
  timer_ = loop.after(wake - now, [this] {
    timer_ = 0;
    clock_due();
  });
}

void Pipeline::clock_due() {
  const Micros now = loop.now();
  for (auto& source : sources) {
    source->inlet.check_idle(now, source->up());
    source->inlet.advance_clock(now);
  }
  for (const auto& [side, node] : side_operators) side->watermark(now);
  turn_done();
}

}  // namespace streamflow
