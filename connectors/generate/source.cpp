#include "connectors/generate/source.h"

#include <algorithm>
#include <utility>

namespace streamflow {
namespace generate {

void SensorSource::start(Loop& loop, SourceHost& host) {
  loop_ = &loop;
  host_ = &host;
  host_->state(ConnectorState::kUp, "");
  running_ = true;
  last_ = loop_->now();
  due_ = 1;  // the first at once
  schedule();
}

void SensorSource::schedule() {
  if (!running_ || timer_ != 0) return;
  timer_ = loop_->after(sent_ == 0 ? 0 : kTick, [this] {
    timer_ = 0;
    tick();
  });
}

void SensorSource::tick() {
  const Micros now = loop_->now();
  const Micros passed = std::clamp<Micros>(now - std::exchange(last_, now), 0, kMicrosPerSecond);
  due_ += options_.rate * static_cast<double>(passed) / static_cast<double>(kMicrosPerSecond);
  auto messages = static_cast<uint64_t>(due_);
  due_ -= static_cast<double>(messages);
  if (count_) messages = std::min(messages, *count_ - sent_);
  for (uint64_t i = 0; i < messages; ++i) {
    text_.clear();
    append_reading(options_, sent_++, text_);
    host_->ident("n");
    host_->message(text_, {}, {});
  }
  if (messages > 0) host_->flush();
  if (count_ && sent_ >= *count_) {
    if (std::exchange(running_, false)) host_->ended();
    return;
  }
  schedule();
}

void SensorSource::pause() {
  if (!std::exchange(running_, false)) return;
  loop_->cancel(std::exchange(timer_, 0));
  host_->state(ConnectorState::kPaused, "");
}

void SensorSource::resume() {
  const bool has_ended = count_ && sent_ >= *count_;
  if (loop_ == nullptr || running_) return;
  if (has_ended) return host_->ended();  // the last message paused us
  running_ = true;
  last_ = loop_->now();
  host_->state(ConnectorState::kUp, "");
  schedule();
}

void SensorSource::stop() {
  running_ = false;
  if (loop_ != nullptr) loop_->cancel(std::exchange(timer_, 0));
  loop_ = nullptr;
}

namespace {

SourceBuild build_sensors(BuildContext& context) {
  const Params& params = context.params;
  SourceBuild out;
  std::string kind = params.text("generate");
  if (kind.substr(0, 9) == "generate:") kind.erase(0, 9);
  if (kind != "sensors") {
    context.diagnostics.error("E0616", params.span("generate"),
                              "there is nothing to generate called '" + kind + "'",
                              "write 'sensors'");
    return out;
  }
  SensorOptions options;
  options.rate = params.number("rate", options.rate);
  options.devices = static_cast<uint32_t>(params.integer("devices", options.devices));
  options.seed = static_cast<uint64_t>(params.integer("seed", 1));
  std::optional<uint64_t> count;
  if (params.has("count")) count = static_cast<uint64_t>(params.integer("count"));
  out.address = "generate:sensors";
  out.source = std::make_unique<SensorSource>(options, count);
  return out;
}

}  // namespace
}  // namespace generate

void register_generate(Registry& registry) {
  using enum OptionType;
  registry.source({.kind = "generate",
                   .schemes = {"generate"},
                   .summary = "synthetic sensors, the same for the same seed",
                   .options = {{.name = "rate",
                                .type = kNumber,
                                .help = "messages a second, of all devices",
                                .fallback = "200",
                                .least = 0.001,
                                .greatest = 1'000'000},
                               {.name = "devices",
                                .type = kInteger,
                                .help = "how many report, in turn",
                                .fallback = "8",
                                .least = 1,
                                .greatest = 1'000'000},
                               {.name = "seed",
                                .type = kInteger,
                                .help = "another seed, other readings",
                                .fallback = "1",
                                .least = 0},
                               {.name = "count",
                                .type = kInteger,
                                .help = "ends after so many messages; without it, never",
                                .least = 1}},
                   .formats = {"json"},
                   .example = "generate: sensors\nrate: 100\ndevices: 3",
                   .build = generate::build_sensors});
}

}  // namespace streamflow
