// The ingest source on a virtual loop, with a server that is a table.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/http/content_type.h"
#include "connectors/http/ingest_source.h"
#include "core/sim_loop.h"
#include "tests/support/fake_host.h"

namespace streamflow::http {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kLines = "application/x-ndjson";

class FakeIngest final : public Ingest {
 public:
  void expect(const std::string& path) override { ++expected[path]; }
  void forget(const std::string& path) override { --expected[path]; }
  bool open(const std::string& path, std::shared_ptr<IngestReceiver> receiver) override {
    return receivers.emplace(path, std::move(receiver)).second;
  }
  void close(const std::string& path, const IngestReceiver& receiver) override {
    const auto it = receivers.find(path);
    if (it != receivers.end() && it->second.get() == &receiver) receivers.erase(it);
  }
  std::map<std::string, int> expected;
  std::map<std::string, std::shared_ptr<IngestReceiver>> receivers;
};

// Holds back durability, and notes idents and meta values.
class Host final : public test::FakeSourceHost {
 public:
  void ident(std::string_view ident) override { idents.emplace_back(ident); }
  void message(std::string_view payload, std::span<const std::string_view> captures,
               std::span<const Value> meta) override {
    FakeSourceHost::message(payload, captures, meta);
    std::string& seen = metas.emplace_back();
    for (const Value& value : meta) append_json(value, seen += ' ');
  }
  bool wants_meta(std::string_view) const override { return true; }
  void when_durable(std::function<void()> fn) override {
    if (durable) return fn();
    waiting.push_back(std::move(fn));
  }
  void sync() {
    for (const auto& fn : std::exchange(waiting, {})) fn();
  }
  bool durable = true;
  std::vector<std::function<void()>> waiting;
  std::vector<std::string> idents, metas;
};

struct Fixture {
  explicit Fixture(IngestOptions options = {}) {
    options.ingest = &ingest;
    options.path = "/in";
    if (options.body_bytes_max == 0) options.body_bytes_max = 1 << 20;
    source = std::make_unique<IngestSource>(std::move(options));
    source->start(loop, host);
  }

  // The place of its answer in `replies`; status 0 until it comes.
  size_t send(std::string body, std::string type = kJson, IngestHeaders headers = {}) {
    const size_t at = replies.size();
    replies.push_back({0, ""});
    IngestRequest request;
    request.head = {std::move(type), "", std::move(headers)};
    request.body = std::move(body);
    request.answer = [this, at](IngestReply reply) {
      CHECK(replies[at].status == 0);  // once
      replies[at] = std::move(reply);
    };
    receiver()->receive(std::move(request));
    return at;
  }
  std::shared_ptr<IngestReceiver> receiver() { return ingest.receivers.at("/in"); }

  SimLoop loop;
  FakeIngest ingest;
  Host host;
  std::vector<IngestReply> replies;
  std::unique_ptr<IngestSource> source;
};

TEST_CASE("http ingest: a body is handed over, and answered when it is durable") {
  Fixture f;
  f.host.durable = false;
  const size_t a = f.send("{\"n\": 1}");
  const size_t b = f.send("{\"n\":2}\r\n\n{\"n\":3}\n", kLines);
  f.loop.run_turn();
  CHECK(f.host.messages == std::vector<std::string>{"{\"n\": 1}", "{\"n\":2}\r", "{\"n\":3}"});
  CHECK(f.host.flushes == 2);
  CHECK(f.replies[a].status == 0);
  const size_t c = f.send("[1, 2, 3]");
  f.loop.run_turn();
  CHECK(f.host.waiting.size() == 3);
  f.host.sync();
  CHECK(f.replies[a].status == 200);
  CHECK(f.replies[a].records == 1);
  CHECK(f.replies[b].records == 2);
  CHECK(f.replies[c].records == 3);
}

TEST_CASE(
    "http ingest: a bad body is refused with its place, counted, and nothing of it is taken") {
  Fixture f;
  const size_t bad = f.send("{\"n\":1}\n{\"n\":}\n", kLines);
  CHECK(f.replies[bad].status == 400);
  CHECK(f.replies[bad].error ==
        "line 2, column 6: expected a value, found '}'; nothing of this body was taken");
  f.loop.run_turn();
  CHECK(f.host.messages.empty());
  CHECK(f.host.samples == std::vector<std::string>{"{\"n\":}"});
  CHECK(f.host.rejections ==
        std::vector<std::string>{"line 2, column 6: expected a value, found '}'"});
  CHECK(f.host.flushes == 1);
}

TEST_CASE("http ingest: no records are taken too") {
  Fixture f;
  const size_t a = f.send("[]");
  const size_t b = f.send("\n", kLines);
  f.loop.run_turn();
  CHECK(f.replies[a].status == 200);
  CHECK(f.replies[a].records == 0);
  CHECK(f.replies[b].status == 200);
}

TEST_CASE("http ingest: paused, clients are told to wait; resumed, taken again") {
  Fixture f;
  f.source->pause();
  CHECK(f.host.last_state() == ConnectorState::kPaused);
  CHECK(f.receiver()->admit({kJson, "", {}}).status == 429);
  CHECK(f.receiver()->admit({kJson, "", {}}).retry_after_s == 1);
  CHECK(f.replies[f.send("{}")].status == 429);  // paused while its body came
  f.source->resume();
  CHECK(f.host.last_state() == ConnectorState::kUp);
  CHECK(f.receiver()->admit({kJson, "", {}}).status == 200);
  const size_t taken = f.send("{}");
  f.loop.run_turn();
  CHECK(f.replies[taken].status == 200);
}

TEST_CASE("http ingest: too much on its way is 429, and one body may always come") {
  Fixture f;
  f.host.durable = false;
  const std::string half = "\"" + std::string(Intake::kInFlightMax * 5 / 8, 'x') + "\"";
  const size_t first = f.send(half);
  const size_t second = f.send(half);
  CHECK(f.replies[second].status == 429);
  const size_t small = f.send("{}");
  f.loop.run_turn();
  f.host.sync();
  CHECK(f.replies[first].status == 200);
  CHECK(f.replies[small].status == 200);
  const size_t huge = f.send("\"" + std::string(Intake::kInFlightMax + 1, 'x') + "\"");
  f.loop.run_turn();
  f.host.sync();
  CHECK(f.replies[huge].status == 200);
}

TEST_CASE("http ingest: stopped, what waits and what still comes is answered 503") {
  Fixture f;
  f.host.durable = false;
  const size_t waiting = f.send("{\"n\":1}");
  f.loop.run_turn();
  const auto late = f.receiver();
  const size_t posted = f.send("{\"n\":2}");
  f.source->stop();
  CHECK(f.replies[waiting].status == 503);
  CHECK(f.replies[waiting].retry_after_s > 0);
  CHECK(f.ingest.receivers.empty());
  CHECK(f.ingest.expected["/in"] == 1);  // 503, not 404
  f.loop.run_turn();
  CHECK(f.replies[posted].status == 503);
  CHECK(f.host.messages.size() == 1);
  f.host.sync();  // too late
  f.source.reset();
  CHECK(f.ingest.expected["/in"] == 0);
  late->receive({{kJson, "", {}}, "{}", [](const IngestReply&) {}});
  f.loop.run_turn();
}

TEST_CASE("http ingest: a path that another pipeline has still is waited for") {
  FakeIngest ingest;
  SimLoop loop;
  Host host;
  IngestOptions options;
  options.ingest = &ingest;
  options.path = "/in";
  options.body_bytes_max = 100;
  IngestSource old(options);
  old.start(loop, host);
  Host next_host;
  IngestSource next(options);
  next.start(loop, next_host);
  CHECK(next_host.last_state() == ConnectorState::kConnecting);
  loop.run_until(loop.now() + IngestSource::kOpenAgain);
  CHECK(next_host.last_state() == ConnectorState::kConnecting);
  old.stop();
  loop.run_until(loop.now() + IngestSource::kOpenAgain);
  CHECK(next_host.last_state() == ConnectorState::kUp);
  next.stop();
}

TEST_CASE("http ingest: a key that was seen is not taken twice, also after a restart") {
  Fixture f;
  const IngestHeaders key = {{"idempotency-key", "a"}};
  const size_t first = f.send("[1, 2]", kJson, key);
  const size_t again = f.send("[1, 2]", kJson, key);
  const size_t other = f.send("[3]", kJson, {{"idempotency-key", "b"}});
  f.loop.run_turn();
  CHECK_FALSE(f.replies[first].repeated);
  CHECK(f.replies[again].status == 200);
  CHECK(f.replies[again].repeated);
  CHECK(f.replies[again].records == 2);
  CHECK_FALSE(f.replies[other].repeated);
  CHECK(f.host.messages == std::vector<std::string>{"[1, 2]", "[3]"});
  REQUIRE(f.host.idents.size() == 2);

  Fixture restored;  // from the checkpoint and from the log
  restored.source->restore(f.source->position());
  CHECK(restored.source->position() == f.source->position());
  Fixture replayed;
  for (const std::string& ident : f.host.idents) replayed.source->replayed(ident);
  for (Fixture* g : {&restored, &replayed}) {
    const size_t known = g->send("[1, 2]", kJson, key);
    g->loop.run_turn();
    CHECK(g->replies[known].repeated);
    CHECK(g->host.messages.empty());
  }
}

TEST_CASE("http ingest: the oldest keys are forgotten") {
  Fixture f;
  for (size_t i = 0; i <= IngestSource::kRememberedMax; ++i)
    f.source->replayed("0123456789" + std::to_string(100000 + i));
  CHECK(f.source->position().size() == IngestSource::kRememberedMax * 16);
  CHECK(f.source->position().substr(0, 16) == "0123456789100001");
}

TEST_CASE("http ingest: meta has the path and the headers that were asked for") {
  IngestOptions options;
  options.headers = {"x-device", "x-none"};
  Fixture f(options);
  f.send("{}\n{}\n", kLines, {{"x-other", "o"}, {"x-device", "d\xff"}});
  f.loop.run_turn();
  CHECK(f.host.metas == std::vector<std::string>(2, " \"/in\" {\"x-device\":\"d\xEF\xBF\xBD\"}"));
}

TEST_CASE("http ingest: the token") {
  IngestOptions options;
  options.token = "s3cret";
  Fixture f(options);
  const auto status = [&f](std::string authorization) {
    return f.receiver()->admit({kJson, std::move(authorization), {}}).status;
  };
  CHECK(status("Bearer s3cret") == 200);
  CHECK(status("bearer s3cret") == 200);
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets",
                            "Bearer S3cret", "Basic s3cret", "s3cret"})
    CHECK(status(wrong) == 401);
}

TEST_CASE("http ingest: content types") {
  std::string why;
  for (const char* type : {"", "application/json", "Application/JSON; charset=UTF-8",
                           "application/json;charset=\"utf-8\"", "application/cloudevents+json",
                           "application/json; v=1; charset=utf8"})
    CHECK(body_kind(type, why) == BodyKind::kDocument);
  for (const char* type :
       {"application/x-ndjson", "application/ndjson; charset=utf-8", "application/jsonl"})
    CHECK(body_kind(type, why) == BodyKind::kLines);
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "text/json+json",
                           "application/xml", "json", "application/json; charset=latin1", ";"})
    CHECK_FALSE(body_kind(type, why));
}

}  // namespace
}  // namespace streamflow::http
