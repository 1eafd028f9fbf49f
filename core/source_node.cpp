#include "core/source_node.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "core/error_samples.h"
#include "core/frames.h"
#include "core/journal.h"
#include "core/keys.h"
#include "core/log.h"
#include "core/pipeline.h"
#include "core/state_bytes.h"

namespace streamflow {

SourceNode::SourceNode(Pipeline& pipeline, NodeInfo node_info, std::unique_ptr<Source> source_,
                       InletOptions options, std::unique_ptr<Decoder> decoder, SideStream& errors)
    : info(std::move(node_info)),
      source(std::move(source_)),
      inlet(std::move(options), std::move(decoder), pipeline.loop, *this),
      pipeline_(pipeline),
      errors_(errors),
      key_hash_(XXH3_64bits(info.key.data(), info.key.size())) {}

void SourceNode::start(Loop& loop) {
  detached_ = false;
  source->start(loop, *this);
  on = true;
  if (paused_ && !has_ended) source->pause();
}

void SourceNode::stop() {
  const bool runs = std::exchange(on, false);
  if (std::exchange(detached_, false) || runs) source->stop();
}

bool SourceNode::detach() {
  detached_ = on && !has_ended && !paused_ && source->detach();
  return detached_;
}

DetachedSource SourceNode::take_detached() {
  on = detached_ = false;
  return {info.id, std::move(source), status};
}

void SourceNode::attach(DetachedSource detached) {
  source = std::move(detached.source);
  status = std::move(detached.status);
  detached_ = true;
}

void SourceNode::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  note_up();
  if (!on || has_ended || detached_) return;
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
  errors_.rows(error_record(info.id, reason, batch, row, original));
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

}  // namespace streamflow
