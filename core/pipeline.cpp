#include "core/pipeline.h"

#include <algorithm>
#include <utility>

#include "core/journal.h"
#include "core/log.h"

namespace streamflow {

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

void Pipeline::stop_input() {
  running_ = false;
  stopped_ = true;
  loop.cancel(timer_);
  timer_ = 0;
}

void Pipeline::stop() {
  stop_input();
  for (auto& source : sources) source->stop();
  stop_sinks();
}

void Pipeline::stop_sinks() {
  for (auto& sink : sinks) sink->stop();
}

// Sources stay connected, and silent, until what they have handed over is acknowledged.
void Pipeline::drain(std::function<void()> done, Leave why) {
  stop_input();
  for (auto& source : sources)
    if ((!journal && why == Leave::kEnd) || !source->detach()) source->stop();
  if (!journal) {
    return drain_sinks([this, done = std::move(done)] {
      left_whole_ = true;
      done();
    });
  }
  // What was taken in is handled, and what the sinks cannot get rid of soon stays in the checkpoint.
  journal->when_durable([this, why, done = std::move(done)] {
    const auto once = std::make_shared<bool>(false);
    const auto alive = std::weak_ptr<bool>(alive_);
    const auto finish = [this, why, done, once, alive] {
      if (alive.expired() || std::exchange(*once, true)) return;
      end_drain(why, done);
    };
    loop.after(why == Leave::kEnd ? kDrainMax : kHandOverMax, finish);
    drain_sinks(finish);
  });
}

std::vector<DetachedSource> Pipeline::take_detached(const Pipeline& next) {
  std::vector<DetachedSource> out;
  if (!left_whole_ || next.delivery != delivery) return out;
  for (auto& source : sources) {
    const bool same = std::any_of(next.sources.begin(), next.sources.end(), [&source](const auto& other) {
      return other->info.id == source->info.id && other->info.key == source->info.key;
    });
    if (same && source->is_detached()) out.push_back(source->take_detached());
  }
  return out;
}

// Where input is to be handled again first, the sources begin with what that says.
void Pipeline::attach(std::vector<DetachedSource>& detached) {
  if (journal && journal->recovering()) return;
  for (DetachedSource& old : detached)
    for (auto& source : sources)
      if (source->info.id == old.id && old.source) source->attach(std::move(old));
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
    sink->drain(one_done);
  }
  one_done();
}

void Pipeline::end_drain(Leave why, std::function<void()> done) {
  const Ledger now = ledger();
  // A run that is complete leaves nothing to continue.
  if (why == Leave::kEnd && finished() && now.queued == 0 && now.held == 0) return journal->clear(std::move(done));
  drained_ = true;
  journal->checkpoint([this, done = std::move(done)](bool good) {
    left_whole_ = good;
    done();
  });
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

void Pipeline::checkpointed() {
  for (auto& sink : sinks) sink->spill.checkpointed();
}

bool Pipeline::has_charts() const {
  return std::any_of(sinks.begin(), sinks.end(), [](const auto& s) { return s->info.is_chart; });
}

void Pipeline::record_error(const std::string& step, std::string_view reason,
                            std::string_view sample) {
  errors_.add(loop.now(), step, reason, sample);
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

void Pipeline::hold(bool held) {
  held_ = held;
  pressure_changed();
}

void Pipeline::pressure_changed() {
  if (stopped_) return;
  const bool behind = journal && journal->is_behind();
  for (auto& source : sources) {
    const bool full = std::any_of(source->reaches.begin(), source->reaches.end(), [&](const SinkNode* sink) {
      return sink->holds_back(*source->source, source->is_paused());
    });
    source->pause(held_ || behind || full);
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
