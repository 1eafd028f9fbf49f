#include "core/pipeline.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "core/encode.h"
#include "core/expr/utf8.h"
#include "core/frames.h"
#include "core/journal.h"
#include "core/keys.h"
#include "core/log.h"
#include "core/state_bytes.h"

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
  std::string text;
  append_record(one, row, TimestampStyle::kRfc3339, text);
  return text;
}

// A reason without its values: one 0 for any number, nothing between quotes.
std::string kind_of(std::string_view reason) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string kind;
  for (size_t i = 0; i < reason.size(); ++i) {
    const char c = reason[i];
    if (is_digit(c) && !kind.empty() && kind.back() == '0') continue;
    kind += is_digit(c) ? '0' : c;
    if (c != '"' && (c != '\'' || (i > 0 && is_letter(reason[i - 1])))) continue;
    i = reason.find(c, i + 1);
    if (i == std::string_view::npos) break;
    kind += c;
  }
  return kind;
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
  if (!outlet.used() || batch.empty()) return;
  Batch copy = batch;
  const auto stamps = std::make_shared<Times>(batch.rows, stamp_);
  const uint32_t last = batch.row_at(batch.count() - 1);
  uint32_t row = batch.row_at(0);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t next = batch.row_at(i);
    for (; row < next; ++row) (*stamps)[row] = stamp_;
    if (batch.arrival) stamp_ = std::max(stamp_, (*batch.arrival)[next]);
  }
  for (row = last; row < batch.rows; ++row) (*stamps)[row] = stamp_;
  copy.time = stamps;
  copy.watermark = stamps;
  copy.watermark_after = stamp_;
  copy.stream_start = kTimeMin;
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

// --- MergeNode -----------------------------------------------------------------------------------

MergeNode::MergeNode(size_t inputs) : inputs_(inputs) {
  for (Input& input : inputs_) input.merge = this;
}

Micros MergeNode::least() const {
  Micros side = kTimeMax, busy = kTimeMax, idle = kTimeMax, ended = kTimeMin;
  bool has_side = false, has_busy = false, has_idle = false;
  for (const Input& input : inputs_) {
    if (input.has_ended) {
      ended = std::max(ended, input.mark);
    } else if (input.is_side) {
      has_side = true;
      side = std::min(side, input.mark);
    } else if (!input.is_idle) {
      has_busy = true;
      busy = std::min(busy, input.mark);
    } else {
      has_idle = true;
      if (input.mark != kTimeMin) idle = std::min(idle, input.mark);
    }
  }
  if (has_busy) return std::min(side, busy);
  // Where no record has come but from inputs that have ended, theirs is what is known.
  if (has_idle) return std::min(side, idle != kTimeMax ? idle : ended);
  return has_side ? side : kTimeMax;
}

// Of the inputs that have a source behind them and have not ended.
bool MergeNode::are_all_idle() const {
  bool some = false;
  for (const Input& input : inputs_) {
    if (input.has_ended || input.is_side) continue;
    if (!input.is_idle) return false;
    some = true;
  }
  return some;
}

void MergeNode::take(Input& from, const Batch& batch) {
  Batch copy = batch;
  auto marks = std::make_shared<Times>(batch.rows, mark_);
  const auto note = [this, &from](Micros mark) {
    if (mark <= from.mark || from.has_ended) return;
    from.note(mark);
    mark_ = std::max(mark_, least());
  };
  // Rows that are not selected have their place in the marks too: a step may look at the next row's.
  const uint32_t end = batch.empty() ? 0 : batch.row_at(batch.count() - 1) + 1;
  for (uint32_t row = batch.empty() ? 0 : batch.row_at(0); row < end; ++row) {
    note((*batch.watermark)[row]);
    (*marks)[row] = mark_;
  }
  note(batch.watermark_after);
  std::fill(marks->begin() + end, marks->end(), mark_);
  copy.watermark = std::move(marks);
  copy.watermark_after = mark_;
  copy.input = static_cast<unsigned>(&from - inputs_.data());
  outlet.rows(copy);
}

void MergeNode::advance() {
  const bool all_idle = are_all_idle();
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
  frames.number(static_cast<int64_t>(outlet.copied));
  frames.number(static_cast<int64_t>(outlet.unused));
  for (const Input& input : inputs_) {
    frames.number(input.mark);
    frames.number((input.is_idle ? 1 : 0) + (input.has_ended ? 2 : 0));
  }
}

Status MergeNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  mark_ = frames.number();
  outlet.copied = static_cast<uint64_t>(frames.number());
  outlet.unused = static_cast<uint64_t>(frames.number());
  for (Input& input : inputs_) {
    input.mark = frames.number();
    const int64_t flags = frames.number();
    input.is_idle = (flags & 1) != 0;
    input.has_ended = (flags & 2) != 0;
  }
  all_idle_ = are_all_idle();
  return frames.finish("the state of a union");
}

// --- SourceNode ----------------------------------------------------------------------------------

SourceNode::SourceNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Source> source_,
                       InletOptions options, std::unique_ptr<Decoder> decoder, SideStream& errors)
    : info(std::move(node_info)),
      source(std::move(source_)),
      inlet(std::move(options), std::move(decoder), pipeline.loop, *this),
      pipeline_(pipeline),
      errors_(errors),
      key_hash_(XXH3_64bits(info.key.data(), info.key.size())) {}

void SourceNode::stop() {
  if (!on) return;
  on = false;
  source->stop();
}

void SourceNode::start(Loop& loop) {
  source->start(loop, *this);
  on = true;
  if (paused_ && !has_ended) source->pause();
}

void SourceNode::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  note_up();
  if (!on || has_ended) return;
  paused ? source->pause() : source->resume();
}

void SourceNode::note_up() {
  inlet.set_up(up() && !paused_, pipeline_.loop.now());
  pipeline_.arm_clock();
}

bool SourceNode::wants_meta(std::string_view name) const {
  return inlet.wanted_meta().contains(std::string(name));
}

void SourceNode::state(ConnectorState state, std::string reason, Micros retry_at) {
  if (change(status, state, std::move(reason), retry_at, pipeline_.loop.now()))
    pipeline_.log_state(info, status);
  note_up();
}

void SourceNode::ended() {
  if (has_ended) return;
  has_ended = true;
  state(ConnectorState::kEnded, "", 0);
  if (!pipeline_.journal || pipeline_.journal->take(entry(LogEntry::Kind::kEnd, {}), nullptr)) end_input();
}

void SourceNode::end_input() {
  has_ended = true;
  inlet.end();
  pipeline_.source_ended();
}

// --- SourceNode: input, and the journal ---

namespace {
// In the body of a kMessages entry, before each item.
constexpr char kMessage = 0;
constexpr char kReject = 1;
constexpr char kLines = 2;
}  // namespace

LogEntry SourceNode::entry(LogEntry::Kind kind, std::string_view body) const {
  return {0, kind, key_hash_, pipeline_.loop.now(), body};
}

void SourceNode::ident(std::string_view ident) {
  if (pipeline_.journal) ident_ = ident;
}

void SourceNode::message(std::string_view payload, std::span<const std::string_view> captures,
                         std::span<const Value> meta) {
  if (pipeline_.journal) {
    body_ += kMessage;
    save_text(std::exchange(ident_, {}), body_);
    save_text(payload, body_);
    save_count(captures.size(), body_);
    for (const std::string_view capture : captures) save_text(capture, body_);
    save_count(meta.size(), body_);
    for (const Value& value : meta) append_key(value, body_);
    if (pipeline_.journal->exactly_once()) return;
  }
  inlet.message(payload, captures, meta);
}

void SourceNode::reject(std::string_view sample, std::string_view reason) {
  if (pipeline_.journal) {
    body_ += kReject;
    save_text(std::exchange(ident_, {}), body_);
    save_text(sample, body_);
    save_text(reason, body_);
    if (pipeline_.journal->exactly_once()) return;
  }
  inlet.reject(sample, reason);
}

void SourceNode::lines(BlockPtr block) {
  if (!pipeline_.journal) return inlet.lines(std::move(block));
  const std::string range = source->range();
  bool now = true;
  if (!range.empty()) {
    now = pipeline_.journal->take(entry(LogEntry::Kind::kRange, range), block);
  } else {
    body_ += kLines;
    save_text(block->view(), body_);
    now = !pipeline_.journal->exactly_once();
  }
  if (now) inlet.lines(std::move(block));
}

void SourceNode::flush() {
  bool now = true;
  if (!body_.empty()) {
    now = pipeline_.journal->take(entry(LogEntry::Kind::kMessages, body_), nullptr);
    body_.clear();
  } else if (pipeline_.journal) {
    now = !pipeline_.journal->exactly_once();
  }
  if (now) inlet.flush();
  if (pipeline_.journal && pipeline_.journal->is_behind()) pipeline_.pressure_changed();
}

void SourceNode::when_durable(std::function<void()> fn) {
  if (!pipeline_.journal) return fn();
  pipeline_.journal->when_durable([this, fn = std::move(fn)] {
    if (on) fn();
  });
}

void SourceNode::apply(const LogEntry& entry, BlockPtr block) {
  inlet.recorded_now(entry.stamp);
  switch (entry.kind) {
    case LogEntry::Kind::kMessages:
      apply_messages(entry.body);
      break;
    case LogEntry::Kind::kRange: {
      if (!block) {
        Result<BlockPtr> read = source->reread(entry.body);
        if (!read) {
          complain("input that was handled before the restart cannot be read again: " + read.error().message);
          pipeline_.record_error(info.id, read.error().message, entry.body);
        } else {
          block = std::move(*read);
        }
      }
      if (block) inlet.lines(std::move(block));
      inlet.flush();
      break;
    }
    case LogEntry::Kind::kEnd:
      end_input();
      break;
    case LogEntry::Kind::kClock:
      break;
  }
  inlet.recorded_now(std::nullopt);
}

void SourceNode::apply_messages(std::string_view body) {
  StateReader in(body);
  const bool recovering = pipeline_.journal->recovering();
  while (!in.at_end() && in.ok()) {
    const unsigned char what = in.byte();
    if (what == kLines) {
      const std::string_view text = in.text();
      auto block = std::make_shared<Block>(text.size());
      std::copy(text.begin(), text.end(), block->data.get());
      block->size = text.size();
      inlet.lines(std::move(block));
      continue;
    }
    const std::string_view ident = in.text();
    if (recovering && !ident.empty()) source->replayed(ident);
    if (what == kReject) {
      const std::string_view sample = in.text();
      inlet.reject(sample, in.text());
      continue;
    }
    const std::string_view payload = in.text();
    captures_.clear();
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) captures_.push_back(in.text());
    meta_.clear();
    std::string_view rest;
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      rest = in.rest();
      meta_.push_back(take_key_value(rest));
      in = StateReader(rest);
    }
    if (in.ok()) inlet.message(payload, captures_, meta_);
  }
  inlet.flush();
}

void SourceNode::save(std::string& out) const {
  FrameWriter frames(out);
  std::string part;
  inlet.save(part);
  frames.bytes(part);
  frames.bytes(source ? source->position() : std::string());
  frames.number(static_cast<int64_t>(outlet.copied));
  frames.number(static_cast<int64_t>(outlet.unused));
}

Status SourceNode::load(std::string_view bytes) {
  FrameReader frames(bytes);
  if (auto loaded = inlet.load(frames.bytes()); !loaded) return loaded;
  const std::string_view position = frames.bytes();
  if (source && !position.empty()) source->restore(position);
  outlet.copied = static_cast<uint64_t>(frames.number());
  outlet.unused = static_cast<uint64_t>(frames.number());
  return frames.finish("the state of source " + info.id);
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
  record.arrival = std::make_shared<Times>(1, inlet.now());
  errors_.rows(record);
}

void SourceNode::turn_done() {
  // A read may bring nothing: a broker's sign of life does not end the silence of its topics.
  const bool came = std::exchange(messages_before_, inlet.counts().messages) != inlet.counts().messages;
  if (came && status.state == ConnectorState::kSilent) state(ConnectorState::kUp, "", 0);
  pipeline_.turn_done();
}

// --- Pipeline ------------------------------------------------------------------------------------

Pipeline::Pipeline(std::string pipeline_name, Loop& its_loop)
    : name(std::move(pipeline_name)), loop(its_loop) {}

Pipeline::~Pipeline() {
  stop();
  if (journal) journal->close();
}

void Pipeline::start() {
  for (auto& sink : sinks) sink->start(loop);
  if (!journal) return start_sources();
  journal->recover([this] { begin_input(); });
}

// Where output begins has to be known before there is any.
void Pipeline::begin_input() {
  if (journal->has_checkpoint()) return start_sources();
  journal->checkpoint([this, alive = std::weak_ptr<bool>(alive_)](bool good) {
    if (alive.expired()) return;
    if (good) return start_sources();
    loop.after(Journal::kRetry, [this, alive] {
      if (!alive.expired() && !stopped_) begin_input();
    });
  });
}

void Pipeline::start_sources() {
  if (stopped_) return;
  running_ = true;
  for (auto& source : sources) source->start(loop);
  arm_clock();
}

void Pipeline::stop() {
  running_ = false;
  stopped_ = true;
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
  stopped_ = true;
  loop.cancel(timer_);
  timer_ = 0;
  for (auto& source : sources) source->stop();
  if (!journal) return drain_sinks(std::move(done));
  // What was taken in is handled, and what the sinks cannot get rid of soon stays in the checkpoint.
  journal->when_durable([this, done = std::move(done)] {
    const auto once = std::make_shared<bool>(false);
    const auto alive = std::weak_ptr<bool>(alive_);
    const auto finish = [this, done, once, alive] {
      if (alive.expired() || std::exchange(*once, true)) return;
      end_drain(done);
    };
    loop.after(kDrainMax, finish);
    drain_sinks(finish);
  });
}

void Pipeline::drain_sinks(std::function<void()> done) {
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

void Pipeline::end_drain(std::function<void()> done) {
  const Ledger now = ledger();
  if (finished() && now.queued == 0 && now.held == 0) {
    journal->clear();  // a run that is complete leaves nothing to continue
    return done();
  }
  journal->checkpoint([done = std::move(done)](bool) { done(); });
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
  // `what`: in words, where it would be a loss that nobody takes it.
  const auto put = [&frames](const std::string& key, std::string_view what, std::string_view state) {
    frames.bytes(key);
    frames.bytes(what);
    frames.bytes(state);
  };
  const auto put_node = [&put](const std::string& key, const auto& node) {
    std::string state;
    node.save(state);
    put(key, "", state);
  };
  put("pipeline", "", fingerprint);
  for (const auto& source : sources) put_node("source " + source->info.key, *source);
  for (const auto& merge : merges) put_node("merge " + merge->key, *merge);
  for (const auto& node : operators) {
    std::string state;
    const bool any = node->save(state);
    put("step " + node->info.key, any ? node->info.id + " (" + node->info.verb + ")" : "", state);
  }
  for (const auto& sink : sinks) {
    std::string state;
    sink->save(state);
    const bool any = sink->queued_rows() > 0;
    put("sink " + sink->info.key, any ? "what waited for " + sink->info.argument : "", state);
  }
  for (const auto& s : streams) put_node("stream " + s->name, *s);
  return out;
}

Status Pipeline::load(std::string_view bytes, bool exactly, std::vector<std::string>& remarks) {
  struct Saved {
    std::string_view what, state;
  };
  std::map<std::string, Saved, std::less<>> saved;
  FrameReader frames(bytes);
  while (frames.ok() && !frames.at_end()) {
    const std::string_view key = frames.bytes();
    const std::string_view what = frames.bytes();
    saved.emplace(key, Saved{what, frames.bytes()});
  }
  if (!frames.ok()) return fail(ErrorKind::kIo, "the state of pipeline " + name + " is damaged");
  const auto take = [&](const std::string& key, auto&& load) {
    const auto found = saved.find(key);
    if (found == saved.end()) return;
    const Saved state = found->second;
    const Status status = load(state.state);
    if (status) saved.erase(found);
    if (!status) remarks.push_back(status.error().message);
  };
  for (auto& node : sources)
    take("source " + node->info.key, [&](auto state) { return node->load(state); });
  for (auto& merge : merges) take("merge " + merge->key, [&](auto state) { return merge->load(state); });
  for (auto& node : operators)
    take("step " + node->info.key, [&](auto state) { return node->load(state); });
  for (auto& node : sinks)
    take("sink " + node->info.key, [&](auto state) { return node->load(state, exactly); });
  for (auto& s : streams) take("stream " + s->name, [&](auto state) { return s->load(state); });
  const auto version = saved.find("pipeline");
  if (version == saved.end() || version->second.state != fingerprint) restart_counts();
  for (const auto& [key, state] : saved)
    if (!state.what.empty())
      remarks.push_back("loses " + std::string(state.what) + ": it is gone, or it or a step before it has changed");
  return {};
}

// Counts of other steps do not add up with ours: they begin anew, with what is under way as input.
void Pipeline::restart_counts() {
  carried_ = 0;
  const auto reset = [](Outlet& outlet) { outlet.copied = outlet.unused = 0; };
  for (auto& source : sources) {
    source->inlet.restart_counts();
    reset(source->outlet);
  }
  for (auto& merge : merges) reset(merge->outlet);
  for (auto& node : operators) {
    const uint64_t held = node->counts.held;
    node->counts = {.in = held, .held = held};
    node->cell_errors = 0;
    reset(node->outlet);
    carried_ += held;
  }
  for (auto& sink : sinks) {
    sink->in = sink->queued_rows();
    sink->written_rows = sink->failed_rows = sink->dropped_rows = 0;
    carried_ += sink->in;
  }
  for (auto& s : streams) {
    for (SideStream* side : {&s->late, &s->errors}) {
      side->created = 0;
      reset(side->outlet);
    }
  }
}

void Stream::save(std::string& out) const {
  FrameWriter frames(out);
  for (const SideStream* side : {&late, &errors}) {
    frames.number(side->watermark());
    for (const uint64_t n : {side->created, side->outlet.copied, side->outlet.unused})
      frames.number(static_cast<int64_t>(n));
  }
}

Status Stream::load(std::string_view bytes) {
  FrameReader frames(bytes);
  for (SideStream* side : {&late, &errors}) {
    side->restore(frames.number());
    for (uint64_t* n : {&side->created, &side->outlet.copied, &side->outlet.unused})
      *n = static_cast<uint64_t>(frames.number());
  }
  return frames.finish("the state of stream " + name);
}

void Pipeline::apply(const LogEntry& entry, const BlockPtr& block) {
  if (entry.kind == LogEntry::Kind::kClock) return apply_clock(entry.stamp, entry.body);
  for (auto& source : sources)
    if (source->key_hash() == entry.source) return source->apply(entry, block);
  record_error("state", "logged input of a source that is gone or has changed is dropped", "");
}

std::vector<int> Pipeline::unsynced() const {
  std::vector<int> all;
  for (const auto& sink : sinks) {
    if (!sink->on) continue;
    const std::vector<int> some = sink->sink->unsynced();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool Pipeline::has_charts() const {
  return std::any_of(sinks.begin(), sinks.end(), [](const auto& s) { return s->info.is_chart; });
}

Ledger Pipeline::ledger() const {
  Ledger sum;
  sum.in = sum.messages = carried_;
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
  const std::string kind = kind_of(reason);
  for (ErrorSample& e : errors_) {
    if (e.step != step || e.kind != kind) continue;
    ++e.count;
    e.at = loop.now();
    e.reason = expr::to_valid_utf8(reason);
    e.sample = shown;
    return;
  }
  if (errors_.size() == kErrorsKept)
    errors_.erase(std::min_element(errors_.begin(), errors_.end(),
                                   [](const auto& a, const auto& b) { return a.at < b.at; }));
  errors_.push_back({loop.now(), step, expr::to_valid_utf8(reason), shown, 1, kind});
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

bool Pipeline::is_paused() const {
  return std::any_of(sources.begin(), sources.end(), [](const auto& s) { return s->is_paused(); });
}

void Pipeline::pressure_changed() {
  const bool behind = journal && journal->is_behind();
  for (auto& source : sources) {
    size_t most = 0;
    for (const SinkNode* sink : source->reaches) most = std::max(most, sink->queued_bytes);
    source->pause(behind || most > (source->is_paused() ? kQueueHigh / 2 : kQueueHigh));
  }
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
    if (deadline != kTimeMax && deadline > side->watermark())
      wake = std::min(wake, std::max(now, std::min(deadline, now + kLongest)));
  }
  return wake;
}

void Pipeline::arm_clock() {
  if (!running_ || clock_pending_) return;
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
  std::string idle;  // a byte a source: whether it falls silent
  for (const auto& source : sources) idle += source->inlet.is_due_to_be_idle(now) ? 1 : 0;
  if (!journal || journal->take({0, LogEntry::Kind::kClock, 0, now, idle}, nullptr))
    apply_clock(now, idle);
  else
    clock_pending_ = true;
}

void Pipeline::apply_clock(Micros now, std::string_view idle) {
  clock_pending_ = false;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (i < idle.size() && idle[i] != 0) sources[i]->inlet.fall_silent(now);
    sources[i]->inlet.advance_clock(now);
  }
  for (const auto& [side, node] : side_operators) side->watermark(now);
  turn_done();
}

}  // namespace streamflow
