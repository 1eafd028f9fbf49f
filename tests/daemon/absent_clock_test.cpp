// `absent` in a running pipeline: what the clock says, and when.
#include <doctest/doctest.h>

#include "core/encode.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

using namespace streamflow;

namespace {

constexpr Micros kStart = 1'700'000'000 * kMicrosPerSecond;

SourceHost* the_host = nullptr;

class HandSource final : public Source {
 public:
  void start(Loop&, SourceHost& host) override {
    the_host = &host;
    host.state(ConnectorState::kUp, "");
  }
  void pause() override {}
  void resume() override {}
  void stop() override {}
};

Registry with_hand_source() {
  Registry registry = make_registry();
  SourceDescriptor hand;
  hand.kind = "hand";
  hand.schemes = {"hand"};
  hand.formats = {"json"};
  hand.build = [](BuildContext&) {
    SourceBuild build;
    build.source = std::make_unique<HandSource>();
    build.address = "hand";
    return build;
  };
  registry.source(std::move(hand));
  return registry;
}

struct Running {
  explicit Running(const std::string& yaml) {
    static const Registry registry = with_hand_source();
    Diagnostics diagnostics;
    const auto file = std::make_shared<SourceFile>(SourceFile{"absent.yaml", yaml});
    const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
    pipeline = spec ? plan(*spec, registry, loop, {}, diagnostics) : nullptr;
    REQUIRE_MESSAGE(pipeline, diagnostics.render());
    pipeline->capture("main", [this](const Batch& batch) {
      for (size_t i = 0; i < batch.count(); ++i) {
        const uint32_t row = batch.row_at(i);
        said.push_back(std::to_string(((*batch.time)[row] - kStart) / kMicrosPerSecond) + " ");
        append_record(batch, row, TimestampStyle::kRfc3339, said.back());
      }
    });
    pipeline->on_turn = [this] { CHECK(pipeline->ledger().balanced()); };
    pipeline->start();
  }
  void hear(const std::string& record) {
    the_host->message(record, {}, {});
    the_host->flush();
  }
  void wait_until(Micros seconds) { loop.run_until(kStart + seconds * kMicrosPerSecond); }
  std::vector<std::string> take() { return std::exchange(said, {}); }

  SimLoop loop{kStart};
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::string> said;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("absent: by arrival time the clock says it at once, expected keys before any record too") {
  Running run("from: {hand: x}\nsteps:\n  - absent: 10s\n    by: d\n    expect: [z]\n");
  run.wait_until(3);
  run.hear(R"({"d":"a"})");
  run.wait_until(9);
  CHECK(run.take().empty());
  run.wait_until(11);
  CHECK(run.take() == Texts{R"(10 {"d":"z","status":"silent","last_seen":null})"});
  run.wait_until(12);
  CHECK(run.take().empty());
  run.wait_until(14);
  CHECK(run.take() == Texts{R"(13 {"d":"a","status":"silent","last_seen":"2023-11-14T22:13:23Z"})"});
  run.wait_until(600);
  CHECK(run.take().empty());
  run.hear(R"({"d":"a"})");
  run.wait_until(601);
  CHECK(run.take() == Texts{R"(600 {"d":"a","status":"back","last_seen":"2023-11-14T22:13:23Z"})"});
}

TEST_CASE("absent: by event time other keys' records say it, and the clock once the source is idle") {
  Running run(
      "from: {hand: x, time: t, time_unit: s, idle: 30s}\nsteps:\n  - absent: 10s\n    by: d\n");
  run.hear(R"({"d":"a","t":1700000000})");
  run.hear(R"({"d":"b","t":1700000005})");
  run.wait_until(20);
  CHECK(run.take().empty());
  run.hear(R"({"d":"b","t":1700000011})");
  CHECK(run.take() == Texts{R"(10 {"d":"a","status":"silent","last_seen":"2023-11-14T22:13:20Z"})"});
  run.wait_until(49);
  CHECK(run.take().empty());
  run.wait_until(52);  // idle since 50: the watermark goes along from 11 + 30
  CHECK(run.take() == Texts{R"(21 {"d":"b","status":"silent","last_seen":"2023-11-14T22:13:31Z"})"});
}
