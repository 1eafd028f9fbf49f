// A source's state as its pipeline sees it.
#include <doctest/doctest.h>

#include "core/plan.h"
#include "core/sim_loop.h"

using namespace streamflow;

namespace {

// Hands its host out, so that a test can be the outside world.
class Puppet final : public Source {
 public:
  explicit Puppet(SourceHost*& host) : host_(host) {}
  void start(Loop&, SourceHost& host) override {
    host_ = &host;
    host.state(ConnectorState::kUp, "");
  }
  void pause() override {}
  void resume() override {}
  void stop() override {}

 private:
  SourceHost*& host_;
};

PipelineSpec one_source(std::vector<std::pair<std::string, std::string>> options) {
  InputSpec input;
  input.name = SpecValue::scalar("puppet");
  input.value = SpecValue::scalar("x");
  for (auto& [name, value] : options)
    input.options.emplace_back(SpecValue::scalar(name), SpecValue::scalar(value));
  StreamSpec stream;
  stream.name = SpecValue::scalar("main");
  stream.from = {input};
  PipelineSpec spec;
  spec.name = "p";
  spec.streams = {stream};
  return spec;
}

}  // namespace

TEST_CASE("source state: silent ends with a message, not with a read that brings nothing") {
  SourceHost* host = nullptr;
  Registry registry;
  SourceDescriptor puppet;
  puppet.kind = "puppet";
  puppet.formats = {"json"};
  puppet.build = [&host](BuildContext&) {
    SourceBuild out;
    out.address = "x";
    out.source = std::make_unique<Puppet>(host);
    return out;
  };
  registry.source(std::move(puppet));
  SimLoop loop;
  Diagnostics diagnostics;
  const auto pipeline = plan(one_source({{"time", "ts"}, {"idle", "1s"}}), registry, loop, {}, diagnostics);
  REQUIRE(pipeline);
  pipeline->start();
  const ConnectorStatus& status = pipeline->sources[0]->status;
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    host->message("{\"ts\":" + std::to_string(round) + "}", {}, {});
    host->flush();
    CHECK(status.state == ConnectorState::kUp);
    loop.run_until(loop.now() + 2 * kMicrosPerSecond);
    CHECK(status.state == ConnectorState::kSilent);
    host->flush();  // a broker's sign of life
    loop.run_until(loop.now() + 2 * kMicrosPerSecond);
    CHECK(status.state == ConnectorState::kSilent);
  }
  host->reject("x", "too large");  // comes too, whatever it is
  host->flush();
  CHECK(status.state == ConnectorState::kUp);
}
