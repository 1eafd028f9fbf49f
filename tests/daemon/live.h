// A pipeline as it runs live, in virtual time: `script` sources send what the test says, `stall:` sinks
// say how much waits in them.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "core/encode.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

namespace streamflow::test {

struct ScriptSource final : Source {
  void start(Loop&, SourceHost& its_host) override { host = &its_host; }
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  void stop() override {}
  SourceHost* host = nullptr;
  bool paused = false;
};

struct StallSink final : Sink {
  explicit StallSink(size_t waiting_bytes) : waiting(waiting_bytes) {}
  void start(Loop&, SinkHost& its_host) override {
    host = &its_host;
    if (waiting != 0) host->queued(0, waiting);
  }
  void write(const Batch& batch) override { host->written(batch.count()); }
  SinkHost* host = nullptr;
  size_t waiting;
};

class Live {
 public:
  static constexpr Micros kStart = 1000 * kMicrosPerSecond;

  // Runs `yaml` from second 1000 on, all sources up.
  explicit Live(const std::string& yaml, size_t waiting_bytes = 0) {
    Registry registry = make_registry();
    registry.source({.kind = "script",
                     .schemes = {},
                     .summary = "",
                     .options = {},
                     .formats = {"json"},
                     .example = "",
                     .build = [this](BuildContext& context) { return build_source(context); }});
    registry.sink({.kind = "stall",
                   .schemes = {"stall"},
                   .summary = "",
                   .argument = {},
                   .options = {},
                   .example = "",
                   .build = [this, waiting_bytes](BuildContext& context) {
                     auto sink = std::make_unique<StallSink>(waiting_bytes);
                     sinks[context.params.text("save")] = sink.get();
                     SinkBuild build;
                     build.sink = std::move(sink);
                     return build;
                   }});
    Diagnostics diagnostics;
    const auto file = std::make_shared<SourceFile>(SourceFile{"live.yaml", yaml});
    const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
    REQUIRE_MESSAGE(spec, diagnostics.render());
    pipeline = plan(*spec, registry, loop, PlanOptions{}, diagnostics);
    REQUIRE_MESSAGE(pipeline, diagnostics.render());
    for (const auto& stream : pipeline->streams)
      for (const std::string& name : {stream->name, stream->name + ".late", stream->name + ".errors"})
        pipeline->capture(name, [this, name](const Batch& batch) {
          for (size_t i = 0; i < batch.count(); ++i)
            append_record(batch, batch.row_at(i), TimestampStyle::kRfc3339, out[name].emplace_back());
        });
    pipeline->start();
    for (auto& [name, source] : sources) source->host->state(ConnectorState::kUp, "");
  }

  void send(const std::string& source, const std::string& record) {
    sources.at(source)->host->message(record, {}, {});
    sources.at(source)->host->flush();
    loop.run_turn();
  }
  void at(double second) { loop.run_until(static_cast<Micros>(second * kMicrosPerSecond)); }
  SourceNode& node(const std::string& stream) { return *pipeline->source_of(stream); }

  SimLoop loop{kStart};
  std::unique_ptr<Pipeline> pipeline;
  std::map<std::string, ScriptSource*> sources;
  std::map<std::string, StallSink*> sinks;
  std::map<std::string, std::vector<std::string>> out;  // by stream

 private:
  SourceBuild build_source(BuildContext& context) {
    auto source = std::make_unique<ScriptSource>();
    sources[context.params.text("script")] = source.get();
    SourceBuild build;
    build.source = std::move(source);
    return build;
  }
};

}  // namespace streamflow::test
