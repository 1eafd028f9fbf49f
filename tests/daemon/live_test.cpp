// Idle and ended inputs, side streams and backpressure, as the clock and connections move them.
#include "tests/daemon/live.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

using Texts = std::vector<std::string>;

const std::string kTwo =
    "streams:\n"
    "  a:\n    from: {script: a, time: ts, time_unit: s, idle: 4s}\n"
    "    steps:\n      - filter: x != 0\n"
    "  b:\n    from: {script: b, time: ts, time_unit: s, idle: 60s}\n"
    "  both:\n    from: [a, b]\n    steps:\n      - window: 5s\n        count: true\n";

const std::string kQuiet =
    "streams:\n"
    "  a:\n    from: {script: a, time: ts, time_unit: s, idle: 1s}\n"
    "  b:\n    from: {script: b, time: ts, time_unit: s, idle: 1s}\n"
    "  both:\n    from: [a, b]\n    steps:\n      - window: 10s\n        count: true\n"
    "      - select: [count]\n";

}  // namespace

TEST_CASE("live union: an input that has ended is no input when the other one falls silent") {
  Live live(kQuiet);
  live.send("a", R"({"ts": 1000})");
  live.send("a", R"({"ts": 1003})");
  live.sources["a"]->host->ended();
  live.send("b", R"({"ts": 1001})");
  live.at(1004);
  CHECK(live.node("b").status.state == ConnectorState::kSilent);
  live.send("b", R"({"ts": 1004})");
  live.at(1012);
  live.send("b", R"({"ts": 1012})");
  live.send("b", R"({"ts": 1013})");
  CHECK(live.out["both"] == Texts{R"({"count":4})"});
  CHECK(live.out["both.late"].empty());
  live.sources["b"]->host->ended();
  live.loop.run_turn();
  CHECK(live.out["both"] == Texts{R"({"count":4})", R"({"count":2})"});
}

TEST_CASE("live union: what has ended says how far time is while nothing came from the others") {
  Live live(kQuiet);
  for (const char* record : {R"({"ts": 10})", R"({"ts": 12})", R"({"ts": 35})"}) live.send("a", record);
  live.sources["a"]->host->ended();
  CHECK(live.out["both"].empty());
  live.at(1002);
  CHECK(live.out["both"] == Texts{R"({"count":2})"});
}

TEST_CASE("live union: an input that never sent a record falls silent too, once it is connected") {
  Live live(kQuiet);
  live.sources["b"]->host->state(ConnectorState::kDown, "no route");
  live.send("a", R"({"ts": 1000})");
  for (int second = 1001; second < 1015; ++second) {
    live.at(second);
    live.send("a", "{\"ts\": " + std::to_string(second) + "}");
  }
  CHECK(live.out["both"].empty());
  live.sources["b"]->host->state(ConnectorState::kUp, "");
  live.at(1014.9);
  CHECK(live.out["both"].empty());
  live.at(1015.1);
  CHECK(live.out["both"] == Texts{R"({"count":10})"});
}

TEST_CASE("live union: an input that is back holds it up again, whatever a filter does with its record") {
  Live live(kTwo);
  live.send("a", R"({"ts": 1000, "x": 1})");
  live.send("b", R"({"ts": 1000, "x": 1})");
  live.at(1004.5);
  CHECK(live.node("a").status.state == ConnectorState::kSilent);
  live.send("a", R"({"ts": 1004, "x": 0})");
  live.send("b", R"({"ts": 1011, "x": 1})");
  live.send("a", R"({"ts": 1004, "x": 2})");
  CHECK(live.out["both.late"].empty());
}

TEST_CASE("live source: only silence while it is connected counts for `idle`") {
  Live live(kTwo);
  const auto state = [&live] { return live.node("a").status.state; };
  live.send("a", R"({"ts": 1000, "x": 1})");
  live.at(1000.5);
  live.sources["a"]->host->state(ConnectorState::kDown, "");
  live.at(1003.9);
  live.sources["a"]->host->state(ConnectorState::kUp, "");
  live.at(1007.3);
  CHECK(state() == ConnectorState::kUp);
  live.at(1007.5);
  CHECK(state() == ConnectorState::kSilent);
}

TEST_CASE("live union: with a side stream windows close by its clock, and its records are not late") {
  Live live(
      "streams:\n  main:\n    from: {script: a, time: ts, time_unit: s}\n"
      "    steps:\n      - window: 1s\n        count: true\n"
      "  all:\n    from: [main, main.late]\n    steps:\n      - window: 10s\n"
      "        select: {n: count(), count_sum: sum(count)}\n      - select: [n, count_sum]\n");
  for (int second = 1000; second < 1024; ++second) {
    live.at(second);
    live.send("a", "{\"ts\": " + std::to_string(second) + "}");
    if (second == 1012) live.send("a", R"({"ts": 1001})");
  }
  CHECK(live.out["main.late"].size() == 1);
  CHECK(live.out["all"] == Texts{R"({"n":10,"count_sum":10})", R"({"n":11,"count_sum":10})"});
  CHECK(live.out["all.late"].empty());
}

TEST_CASE("live union: of side streams only, closed by the clock") {
  Live live(
      "streams:\n  main:\n    from: {script: a, time: ts, time_unit: s}\n"
      "    steps:\n      - filter: bad > 1\n      - window: 1s\n        count: true\n"
      "  both:\n    from: [main.late, main.errors]\n    steps:\n      - window: 10s\n        count: true\n"
      "      - select: [count]\n");
  live.send("a", R"({"ts": 1000, "bad": "x"})");
  live.send("a", R"({"ts": 1000, "bad": 2})");
  live.send("a", R"({"ts": 1002, "bad": 2})");
  live.send("a", R"({"ts": 1000, "bad": 2})");
  CHECK(live.out["both"].empty());
  live.at(1010.1);
  CHECK(live.out["both"] == Texts{R"({"count":2})"});
}

TEST_CASE("live source: a pause reaches those sources only whose records wait") {
  const std::string yaml =
      "streams:\n  a:\n    from: {script: a}\n    steps:\n      - save: \"stall:a\"\n"
      "  b:\n    from: {script: b}\n  late:\n    from: [b.late, b.errors]\n    steps:\n"
      "      - save: \"stall:b\"\n";
  Live live(yaml);
  live.sinks["stall:a"]->host->queued(1, BufferOptions().memory + 1);
  CHECK(live.sources["a"]->paused);
  CHECK_FALSE(live.sources["b"]->paused);
  live.sinks["stall:b"]->host->queued(1, BufferOptions().memory + 1);
  CHECK(live.sources["b"]->paused);
  live.sinks["stall:a"]->host->queued(1, BufferOptions().memory / 2 + 1);
  CHECK(live.sources["a"]->paused);
  live.sinks["stall:a"]->host->queued(0, 0);
  CHECK_FALSE(live.sources["a"]->paused);
  CHECK(live.sources["b"]->paused);
}

TEST_CASE("live source: starts paused where records wait from before") {
  Live live("from: {script: a}\nsteps:\n  - save: \"stall:a\"\n", BufferOptions().memory + 1);
  CHECK(live.sources["a"]->paused);
}

TEST_CASE("live source: durations beyond all time are no overflow") {
  Live live(
      "from: {script: a, time: ts, time_unit: s, idle: 106751991d, max_future: 106751991d, "
      "lateness: 106751991d}\nsteps:\n  - filter: x > 0\n");
  live.send("a", R"({"ts": 1000, "x": 1})");
  live.at(1010);
  CHECK(live.out["main"].size() == 1);
  CHECK(live.out["main.errors"].empty());
}

TEST_CASE("errors: reasons that differ in their values only are one sample") {
  Live live("from: {script: a, time: ts}\nsteps:\n  - derive: {y: 'int(x)'}\n");
  for (int i = 0; i < 40; ++i) {
    live.send("a", "{\"ts\": \"x" + std::to_string(i) + "\"}");
    live.send("a", "{\"ts\": 1000, \"x\": \"v" + std::to_string(i) + "\"}");
  }
  live.send("a", "{\"x\": 1}");
  const std::vector<ErrorSample> errors = live.pipeline->errors();
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].count == 40);
  CHECK(errors[0].reason.find("\"x39\"") != std::string::npos);
  CHECK(errors[1].count == 40);
  CHECK(errors[2].count == 1);
}

TEST_CASE("json: one rule for names given twice and for odd numbers and text, wherever they stand") {
  Live live(
      "from: {script: a}\nsteps:\n  - derive:\n      top: a\n      nested: n.a\n      listed: l[0].a\n"
      "      huge: big > 1e308\n      inner_huge: n.big > 1e308\n      lone: text + '!'\n"
      "      inner_lone: n.text + '!'\n"
      "  - select: [top, nested, listed, huge, inner_huge, lone, inner_lone, text]\n");
  live.send("a", R"({"a":1,"b":0,"a":2,"big":1e999,"text":"\ud800","l":[{"a":1,"a":4}],)"
                 R"("n":{"a":1,"a":3,"big":1e999,"text":"\udc00"}})");
  CHECK(live.out["main"] ==
        Texts{R"({"top":2,"nested":3,"listed":4,"huge":true,"inner_huge":true,)"
              "\"lone\":\"\xEF\xBF\xBD!\",\"inner_lone\":\"\xEF\xBF\xBD!\",\"text\":\"\\ud800\"}"});
  CHECK(live.pipeline->errors().empty());
}

TEST_CASE("live source: the memory of a large message is let go of, that of small ones is used again") {
  Live live("from: {script: a}\nsteps:\n  - filter: x > 0\n");
  std::weak_ptr<const Block> block;
  live.pipeline->capture("main", [&block](const Batch& batch) { block = batch.origin->block; });
  live.send("a", R"({"x":1})");
  CHECK_FALSE(block.expired());
  live.send("a", "{\"x\":2,\"text\":\"" + std::string(2 * kKeptBytesMax, 'x') + "\"}");
  CHECK(block.expired());
  CHECK(live.out["main"].size() == 2);
}
