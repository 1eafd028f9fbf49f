// The source `generate`: made-up sensors at a steady rate, for demos and tests.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "connectors/generate/sensors.h"
#include "core/node.h"
#include "core/registry.h"

namespace streamflow {

namespace generate {

// Sends what is due every 10 ms.  When the loop was late, or paused, at most a second's worth comes
// at once and the rest is not made up for.  With `count`, ends after so many messages.
class SensorSource final : public Source {
 public:
  static constexpr Micros kTick = 10 * kMicrosPerMilli;

  SensorSource(SensorOptions options, std::optional<uint64_t> count)
      : options_(options), count_(count) {}

  void start(Loop& loop, SourceHost& host) override;
  void pause() override;
  void resume() override;
  std::string position() const override { return std::to_string(sent_); }
  void restore(std::string_view position) override { sent_ = std::strtoull(std::string(position).c_str(), nullptr, 10); }
  void replayed(std::string_view) override { ++sent_; }
  void stop() override;

 private:
  void tick();
  void schedule();

  SensorOptions options_;
  std::optional<uint64_t> count_;
  Loop* loop_ = nullptr;
  SourceHost* host_ = nullptr;
  Loop::Id timer_ = 0;
  bool running_ = false;
  Micros last_ = 0;  // tick
  double due_ = 0;   // messages, with the fraction that waits for the next tick
  uint64_t sent_ = 0;
  std::string text_;
};

}  // namespace generate

void register_generate(Registry& registry);

}  // namespace streamflow
