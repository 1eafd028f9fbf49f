// Crashes in simulation: pipelines on virtual time, with a source, a sink and a disk that lose what was not
// acknowledged or synced.  A failure names its seed; STREAMFLOW_SEED runs it alone.
#include "core/journal.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "core/encode.h"
#include "core/log.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"

namespace streamflow {
namespace {

using Dice = std::mt19937_64;
size_t roll(Dice& dice, size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(dice); }

// What outlives a process.
struct World {
  explicit World(uint64_t seed) : dice(seed), part_least(seed % 2 == 0 ? 1 : PartStore::kLeast) {}
  Dice dice;
  // The peer of the source.
  std::vector<std::string> messages;
  size_t published = 0;         // messages before it may be delivered
  std::set<size_t> unconfirmed;  // delivered and not acknowledged
  size_t next = 0;              // never delivered from here on
  // The output file.
  std::string output;
  size_t output_synced = 0;
  bool stalled = false;  // it takes no more
  size_t buffered = 0;   // chunks of what waited for it
  // The state folder.
  std::map<std::string, std::string> files;
  size_t part_least;  // see Journal
  size_t part_files = 0;  // written
  size_t taken_over = 0;  // times that a reload kept the source
  bool refuses = false;
  size_t reads = 0;  // of whole files
  std::string unreadable;  // a path
};

class FakeDisk final : public Disk {
 public:
  FakeDisk(World& world, Loop& loop) : world_(world), loop_(loop) {}
  // The process died: what was under way is done in part, what came after it is not.
  ~FakeDisk() override {
    if (jobs_.empty()) return;
    const Job& job = jobs_.front();
    if (job.append) world_.files[job.path] += job.bytes.substr(0, roll(world_.dice, job.bytes.size() + 1));
    if (job.replace && roll(world_.dice, 2) == 0) world_.files[job.path] = job.bytes;
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> names;
    for (const auto& [path, text] : world_.files)
      if (path.starts_with(folder + "/") && path.find('/', folder.size() + 1) == std::string::npos)
        names.push_back(path.substr(folder.size() + 1));
    return names;
  }
  Result<std::string> read(const std::string& path) override {
    ++world_.reads;
    if (path == world_.unreadable) return fail(ErrorKind::kIo, "cannot read " + path);
    return world_.files.at(path);
  }
  Status truncate(const std::string& path, size_t size) override {
    world_.files[path].resize(size);
    return {};
  }
  Status write(const std::string& path, const std::string& bytes) override {
    if (world_.refuses) return fail(ErrorKind::kIo, "the disk is full");
    world_.files[path] = bytes;
    return {};
  }
  Status remove(const std::string& path) override {
    world_.files.erase(path);
    return {};
  }
  void append(const std::string& path, std::string bytes, Done done) override {
    add({path, std::move(bytes), true, false, std::move(done)});
  }
  void replace(const std::string& path, std::string bytes, Done done) override {
    if (path.find("/buffer-") != std::string::npos) ++world_.buffered;
    if (path.find("/parts/") != std::string::npos) ++world_.part_files;
    add({path, std::move(bytes), false, true, std::move(done)});
  }
  void sync(std::vector<int>, Done done) override { add({"", "", false, false, std::move(done)}); }

 private:
  struct Job {
    std::string path, bytes;
    bool append, replace;
    Done done;
  };
  void add(Job job) {
    jobs_.push_back(std::move(job));
    if (jobs_.size() == 1) begin();
  }
  void begin() {
    loop_.after(static_cast<Micros>(100 + roll(world_.dice, 3'000)), [this] { finish(); });
  }
  void finish() {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    Status status;
    if (world_.refuses) {
      status = fail(ErrorKind::kIo, "the disk is full");
      if (job.append) world_.files[job.path] += job.bytes.substr(0, roll(world_.dice, job.bytes.size() + 1));
      // It may be there though its folder could not be synced.
      if (job.replace && roll(world_.dice, 4) == 0) world_.files[job.path] = job.bytes;
    } else if (job.append) {
      world_.files[job.path] += job.bytes;
    } else if (job.replace) {
      world_.files[job.path] = job.bytes;
    } else {
      world_.output_synced = world_.output.size();
    }
    if (!jobs_.empty()) begin();
    job.done(status);
  }

  World& world_;
  Loop& loop_;
  std::deque<Job> jobs_;
};

// Delivers at least once, as a broker does at QoS 1.
class ScriptSource final : public Source {
 public:
  explicit ScriptSource(World& world) : world_(world) {}
  void start(Loop&, SourceHost& host) override {
    host_ = &host;
    host.state(ConnectorState::kUp, "");
    if (std::exchange(detached_, false)) return;
    for (const size_t n : std::set<size_t>(world_.unconfirmed)) again_.push_back(n);
  }
  void pause() override {
    REQUIRE_FALSE(detached_);
    paused_ = true;
  }
  void resume() override {
    REQUIRE_FALSE(detached_);
    paused_ = false;
  }
  bool detach() override {
    REQUIRE_FALSE(paused_);
    host_ = nullptr;
    detached_ = true;
    return true;
  }
  void stop() override { host_ = nullptr; }
  std::string position() const override {
    std::string out;
    for (const size_t n : seen_) out += std::to_string(n) + " ";
    return out;
  }
  void restore(std::string_view position) override {
    size_t end = 0;
    for (; (end = position.find(' ')) != std::string_view::npos; position.remove_prefix(end + 1))
      replayed(position.substr(0, end));
  }
  void replayed(std::string_view ident) override { seen_.insert(std::stoull(std::string(ident))); }

  void deliver(size_t count) {
    if (host_ == nullptr || paused_) return;
    std::vector<size_t> handed;
    for (; count > 0; --count) {
      size_t n = 0;
      if (!again_.empty()) {
        n = again_.front();
        again_.pop_front();
      } else if (world_.next < world_.published) {
        n = world_.next++;
        world_.unconfirmed.insert(n);
      } else {
        break;
      }
      handed.push_back(n);
      if (!seen_.insert(n).second) continue;
      const std::string ident = std::to_string(n);
      host_->ident(ident);
      host_->message(world_.messages[n], {}, {});
    }
    if (handed.empty()) return;
    host_->flush();
    host_->when_durable([this, handed] {
      for (const size_t n : handed) world_.unconfirmed.erase(n);
    });
  }

 private:
  World& world_;
  SourceHost* host_ = nullptr;
  bool paused_ = false, detached_ = false;
  std::deque<size_t> again_;
  std::set<size_t> seen_;
};

class NotebookSink final : public Sink {
 public:
  explicit NotebookSink(World& world) : world_(world) {}
  void start(Loop&, SinkHost& host) override {
    host_ = &host;
    if (!world_.output.empty() && world_.output.back() != '\n') world_.output += '\n';  // a torn row
  }
  void write(const Batch& batch) override {
    append_records(batch, 0, TimestampStyle::kRfc3339, waiting_);
    rows_ += batch.count();
    host_->queued(rows_, waiting_.size());
    flush();
  }
  void flush() override {
    if (world_.stalled || rows_ == 0) return;
    world_.output += std::exchange(waiting_, {});
    host_->written(std::exchange(rows_, 0));
    host_->queued(0, 0);
    if (drained_) std::exchange(drained_, nullptr)();
  }
  void drain(std::function<void()> done) override {
    drained_ = std::move(done);
    if (rows_ == 0) std::exchange(drained_, nullptr)();
  }
  // As real ones: what it cannot get rid of any more is said to be dropped.
  void stop() override {
    drained_ = nullptr;
    waiting_.clear();
    if (const uint64_t rows = std::exchange(rows_, 0); rows > 0 && host_ != nullptr) host_->dropped(rows, "stopped");
  }
  void save(std::string& out) override {
    out = std::to_string(world_.output.size()) + " " + std::to_string(rows_) + " " + waiting_;
  }
  Status load(std::string_view bytes, bool exactly) override {
    size_t size = 0, at = 0;
    size = std::stoull(std::string(bytes), &at);
    bytes.remove_prefix(at + 1);
    rows_ = std::stoull(std::string(bytes), &at);
    waiting_ = bytes.substr(at + 1);
    if (exactly) world_.output.resize(size);
    return {};
  }

 private:
  World& world_;
  SinkHost* host_ = nullptr;
  std::string waiting_;
  uint64_t rows_ = 0;
  std::function<void()> drained_;
};

World* the_world = nullptr;
NotebookSink* the_sink = nullptr;

Registry registry_of_test() {
  Registry registry = make_registry();
  SourceDescriptor script;
  script.kind = "script";
  script.schemes = {"script"};
  script.formats = {"json"};
  script.build = [](BuildContext&) {
    SourceBuild made;
    made.source = std::make_unique<ScriptSource>(*the_world);
    return made;
  };
  registry.source(std::move(script));
  SinkDescriptor notebook;
  notebook.kind = "notebook";
  notebook.schemes = {"notebook"};
  notebook.build = [](BuildContext&) {
    SinkBuild made;
    made.guarantee = "exactly_once";
    auto sink = std::make_unique<NotebookSink>(*the_world);
    the_sink = sink.get();
    made.sink = std::move(sink);
    return made;
  };
  registry.sink(std::move(notebook));
  return registry;
}

std::unique_ptr<Pipeline> build(const std::string& yaml, const Registry& registry, Loop& loop) {
  Diagnostics diagnostics;
  const auto file = std::make_shared<SourceFile>(SourceFile{"sim.yaml", yaml});
  const auto spec = load(file, ".", registry, Lookup{}, diagnostics);
  PlanOptions options;
  options.durable = true;
  auto pipeline = spec ? plan(*spec, registry, loop, options, diagnostics) : nullptr;
  REQUIRE_MESSAGE(pipeline, diagnostics.render());
  return pipeline;
}

// A process: everything that a crash takes away.
class Life {
 public:
  Life(World& world, const std::string& yaml, const Registry& registry, Micros now)
      : loop(now), disk(world, loop), world_(world) {
    std::vector<DetachedSource> none;
    begin(build_version(yaml, registry), none);
  }
  void run(Micros duration) { loop.run_until(loop.now() + duration); }
  void terminate() {
    bool done = false;
    pipeline->drain([&done] { done = true; });
    for (int i = 0; i < 50 && !done; ++i) run(100 * kMicrosPerMilli);
    CHECK((done || world_.refuses || world_.stalled));  // then the daemon's stop timeout ends it, as a crash would
    run(6 * kMicrosPerSecond);  // other pipelines take longer
    pipeline->stop();
  }
  // A changed version takes over, as the daemon does it.  Whether it got the source.
  bool reload(const std::string& yaml, const Registry& registry) {
    auto next = build_version(yaml, registry);
    bool done = false;
    pipeline->drain([&done] { done = true; }, Pipeline::Leave::kHandOver);
    for (int i = 0; i < 50 && !done; ++i) run(100 * kMicrosPerMilli);
    pipeline->journal->close();
    bool settled = false;
    disk.sync({}, [&settled](const Status&) { settled = true; });
    while (!settled) run(kMicrosPerMilli);
    auto sources = pipeline->take_detached(*next);
    pipeline->stop();
    pipeline.reset();
    const bool any = !sources.empty();
    begin(std::move(next), sources);
    return any && (sources[0].source == nullptr);
  }

  SimLoop loop;
  FakeDisk disk;
  std::unique_ptr<Pipeline> pipeline;
  ScriptSource* source = nullptr;
  NotebookSink* sink = nullptr;

 private:
  std::unique_ptr<Pipeline> build_version(const std::string& yaml, const Registry& registry) {
    the_world = &world_;
    return build(yaml, registry, loop);
  }
  void begin(std::unique_ptr<Pipeline> version, std::vector<DetachedSource>& sources) {
    pipeline = std::move(version);
    pipeline->journal = std::make_unique<Journal>(*pipeline, disk, "sim", pipeline->delivery == "exactly_once",
                                                  world_.part_least);
    std::vector<std::string> remarks;
    const Status opened = pipeline->journal->open(remarks);
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    pipeline->attach(sources);
    pipeline->on_turn = [this] {
      const Ledger ledger = pipeline->ledger();
      CHECK(ledger.balanced());
    };
    source = static_cast<ScriptSource*>(pipeline->sources[0]->source.get());
    sink = the_sink;
    pipeline->start();
  }

  World& world_;
};

std::vector<std::string> script(Dice& dice, size_t count) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) {
    const size_t ts = 1'700'000'000'000 + i * 300 - roll(dice, 4'000);
    out.push_back("{\"ts\":" + std::to_string(ts) + ",\"k\":\"k" + std::to_string(roll(dice, 4)) +
                  "\",\"v\":" + std::to_string(roll(dice, 20)) + "}");
  }
  out.push_back("{\"ts\":1900000000000,\"k\":\"end\",\"v\":1}");
  return out;
}

struct Faults {
  bool crashes = false, stops = false, refusals = false, stalls = false;
};

// Thousands of processes have much to say.
struct Quiet {
  Quiet() {
    set_log_sink([](LogLevel, std::string_view) {});
  }
  ~Quiet() { set_log_sink(nullptr); }
};

// Makes a changed pipeline of one, with the same results.
constexpr std::string_view kMore = "  - log: 1\n";

std::string simulate(const std::string& yaml, uint64_t seed, const Faults& faults, World& world) {
  const Quiet quiet;
  static const Registry registry = registry_of_test();
  Dice data(seed);
  world.messages = script(data, 200);
  Micros now = 1'700'000'000 * kMicrosPerSecond;
  auto life = std::make_unique<Life>(world, yaml, registry, now);
  const auto again = [&](bool crash) {
    now = life->loop.now();
    if (crash && world.output_synced < world.output.size())
      world.output.resize(world.output_synced + roll(world.dice, world.output.size() - world.output_synced + 1));
    life.reset();
    life = std::make_unique<Life>(world, yaml, registry, now);
  };
  for (int step = 0; step < 120; ++step) {
    world.published = std::min(world.messages.size() - 1, world.published + roll(world.dice, 5));
    const size_t what = roll(world.dice, 100);
    if (what < 60) life->source->deliver(1 + roll(world.dice, 12));
    else if (what < 85) life->run(static_cast<Micros>(roll(world.dice, roll(world.dice, 2) == 0 ? 11'000'000 : 3'000)));
    else if (what < 92 && faults.crashes) again(true);
    else if (what < 94 && faults.stops) life->terminate(), again(world.refuses);
    else if (what < 96 && faults.stops) world.taken_over += life->reload(step % 2 == 0 ? yaml + std::string(kMore) : yaml, registry) ? 1 : 0;
    else if (what < 98 && faults.refusals) world.refuses = !world.refuses;
    else if (faults.stalls) {
      world.stalled = !world.stalled;
      life->sink->flush();
    }
  }
  world.refuses = world.stalled = false;
  life->sink->flush();
  world.published = world.messages.size();
  for (int i = 0; i < 60; ++i) {
    life->run(500 * kMicrosPerMilli);
    life->source->deliver(10);
  }
  life->run(10 * kMicrosPerSecond);
  CHECK(world.next == world.messages.size());
  CHECK(world.unconfirmed.empty());
  return world.output;
}

std::string pipeline_text(const std::string& delivery) {
  return "name: sim\ndelivery: " + delivery + R"(
from: {script: x, time: ts, lateness: 4s, idle: 9999h}
steps:
  - filter: v != 7
  - window: 10s
    by: k
    select: {n: count(), s: sum(v), first: first(v), last: last(v)}
  - derive: {mean: s / n}
  - save: notebook:out
)";
}

// Every record is sent on, to a sink that has little room, with little memory beside it.
std::string forwarding_text(const std::string& delivery, const std::string& disk) {
  return "name: sim\ndelivery: " + delivery + R"(
from: {script: x, time: ts, lateness: 4s, idle: 9999h}
steps:
  - filter: v != 7
  - save: notebook:out
    buffer: {memory: 2KiB, disk: )" + disk + "}\n";
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  for (size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (text[end - 1] == '}') out.push_back(text.substr(begin, end - begin));  // else torn
  return out;
}

uint64_t seeds() {
  const char* count = std::getenv("STREAMFLOW_SEEDS");  // scripts/long: many
  return count ? std::strtoull(count, nullptr, 10) : 700;
}

template <class Check>
void for_each_seed(Check check) {
  if (const char* one = std::getenv("STREAMFLOW_SEED")) return check(std::strtoull(one, nullptr, 10));
  for (uint64_t seed = 1; seed <= seeds(); ++seed) check(seed);
}

TEST_CASE("journal: exactly once, whatever crashes, stops and disks that refuse do in between") {
  size_t part_files = 0, taken_over = 0;
  for_each_seed([&](uint64_t seed) {
    CAPTURE(seed);
    World quiet(seed), rough(seed + 1'000'000);
    const std::string expected = simulate(pipeline_text("exactly_once"), seed, {}, quiet);
    REQUIRE(lines(expected).size() > 20);
    CHECK(simulate(pipeline_text("exactly_once"), seed, {true, true, true}, rough) == expected);
    part_files += rough.part_files;
    taken_over += rough.taken_over;
  });
  if (std::getenv("STREAMFLOW_SEED") != nullptr) return;
  CHECK(part_files > seeds());
  CHECK(taken_over > seeds() / 2);
}

TEST_CASE("journal: at least once, nothing acknowledged is lost and no result is wrong") {
  for_each_seed([](uint64_t seed) {
    CAPTURE(seed);
    World quiet(seed), rough(seed + 2'000'000);
    const auto expected = lines(simulate(pipeline_text("at_least_once"), seed, {}, quiet));
    const auto got = lines(simulate(pipeline_text("at_least_once"), seed, {true, true, true}, rough));
    CHECK(std::set<std::string>(got.begin(), got.end()) == std::set<std::string>(expected.begin(), expected.end()));
  });
}

TEST_CASE("journal: what waits for a sink that stalls survives all of that, in order") {
  size_t buffered = 0;
  for_each_seed([&buffered](uint64_t seed) {
    CAPTURE(seed);
    for (const char* disk : {"1MiB", "1KiB"}) {
      CAPTURE(disk);
      World quiet(seed), rough(seed + 3'000'000);
      const std::string yaml = forwarding_text("exactly_once", disk);
      const std::string expected = simulate(yaml, seed, {}, quiet);
      REQUIRE(lines(expected).size() > 100);
      CHECK(simulate(yaml, seed, {true, true, true, true}, rough) == expected);
      buffered += rough.buffered;
    }
    World quiet(seed), rough(seed + 4'000'000);
    const auto expected = lines(simulate(forwarding_text("at_least_once", "1MiB"), seed, {}, quiet));
    const auto got = lines(simulate(forwarding_text("at_least_once", "1MiB"), seed, {true, true, true, true}, rough));
    CHECK(std::set<std::string>(got.begin(), got.end()) == std::set<std::string>(expected.begin(), expected.end()));
  });
  CHECK(buffered > 0);
  MESSAGE(seeds() << " seeds, " << buffered << " chunks went to disk");
}

TEST_CASE("journal: a damaged checkpoint stops the start, with a message") {
  World world(1);
  simulate(pipeline_text("exactly_once"), 1, {}, world);
  world.files.at("sim/checkpoint").back() ^= 1;
  static const Registry registry = registry_of_test();
  SimLoop loop;
  FakeDisk disk(world, loop);
  the_world = &world;
  const auto pipeline = build(pipeline_text("exactly_once"), registry, loop);
  Journal journal(*pipeline, disk, "sim", true);
  std::vector<std::string> remarks;
  const Status opened = journal.open(remarks);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message == "sim/checkpoint is damaged");
}

TEST_CASE("journal: a torn tail is cut off and said") {
  World world(2);
  simulate(pipeline_text("exactly_once"), 2, {}, world);
  std::string& log = std::prev(world.files.lower_bound("sim/log0"))->second;
  REQUIRE(log.starts_with(InputLog::kMagic));
  log += "torn";
  SimLoop loop;
  FakeDisk disk(world, loop);
  InputLog input_log(disk, "sim/log");
  std::vector<std::string> remarks;
  REQUIRE(input_log.open(remarks));
  REQUIRE(remarks.size() == 1);
  CHECK(remarks[0].ends_with("a damaged tail of 4 bytes is cut off"));
}

void run_for(SimLoop& loop, Micros span) { loop.run_until(loop.now() + span); }

// Of `count` segments with an entry each.
void write_segments(World& world, size_t count) {
  SimLoop loop;
  FakeDisk disk(world, loop);
  InputLog log(disk, "sim/log");
  for (size_t i = 0; i < count; ++i) {
    const std::string body(InputLog::kSegmentBytes, static_cast<char>('a' + i));
    log.append({.source = i, .body = body});
    run_for(loop, kMicrosPerSecond);
  }
  REQUIRE(log.durable() == count);
  REQUIRE(world.files.size() == count);
}

std::vector<uint64_t> numbers(InputLog& log, std::vector<std::string>& remarks) {
  std::vector<uint64_t> out;
  REQUIRE(log.read(0, [&out](const LogEntry& entry) { return out.push_back(entry.number), true; }, remarks));
  return out;
}

TEST_CASE("input log: a start looks at the last two segments only, however many there are") {
  World world(3);
  write_segments(world, 6);
  SimLoop loop;
  FakeDisk disk(world, loop);
  InputLog log(disk, "sim/log");
  std::vector<std::string> remarks;
  REQUIRE(log.open(remarks));
  CHECK(world.reads == 2);
  CHECK(log.last() == 6);
  CHECK(numbers(log, remarks) == std::vector<uint64_t>{1, 2, 3, 4, 5, 6});
  CHECK(remarks.empty());
}

TEST_CASE("input log: damage in the middle is found when it is read, and said with what it costs") {
  World world(4);
  write_segments(world, 6);
  auto damaged = std::next(world.files.begin());  // entry 2
  damaged->second[1000] ^= 1;
  SimLoop loop;
  FakeDisk disk(world, loop);
  {
    InputLog log(disk, "sim/log");
    std::vector<std::string> remarks;
    REQUIRE(log.open(remarks));
    CHECK(remarks.empty());
    CHECK(numbers(log, remarks) == std::vector<uint64_t>{1, 3, 4, 5, 6});
    REQUIRE(remarks.size() == 1);
    CHECK(remarks[0].ends_with("entries 2 to 2 are lost"));
  }
  InputLog log(disk, "sim/log");
  std::vector<std::string> remarks;
  REQUIRE(log.open(remarks, InputLog::Check::kAll));
  REQUIRE(remarks.size() == 1);
  CHECK(remarks[0].find("a damaged tail of ") != std::string::npos);
}

TEST_CASE("journal: a log that cannot be read now is not left out: its recovery waits") {
  World world(7);
  write_segments(world, 3);
  static const Registry registry = registry_of_test();
  SimLoop loop;
  FakeDisk disk(world, loop);
  the_world = &world;
  const auto pipeline = build(pipeline_text("exactly_once"), registry, loop);
  Journal journal(*pipeline, disk, "sim", true);
  std::vector<std::string> remarks;
  REQUIRE(journal.open(remarks));
  world.unreadable = world.files.begin()->first;
  bool done = false;
  journal.recover([&done] { done = true; });
  run_for(loop, 3 * kMicrosPerSecond);
  CHECK_FALSE(done);
  CHECK(journal.recovering());
  world.unreadable.clear();
  run_for(loop, 3 * kMicrosPerSecond);
  CHECK(done);
  CHECK(journal.recovered_entries() == 3);
}

TEST_CASE("input log: segments stay as long as they are to be kept, also those of an earlier process") {
  World world(7);
  SimLoop loop(1'000'000'000);
  FakeDisk disk(world, loop);
  const std::string body(InputLog::kSegmentBytes, 'x');  // a segment each
  const auto keep = [&](InputLog& log, Micros until) {
    log.trim(log.last(), until);
    return world.files.size();
  };
  InputLog log(disk, "sim/log");
  for (Micros stamp = 1; stamp <= 5; ++stamp) {
    log.append({.stamp = stamp * kMicrosPerSecond, .body = body});
    log.flush();
    run_for(loop, kMicrosPerSecond);
  }
  REQUIRE(world.files.size() == 5);
  CHECK(keep(log, 2 * kMicrosPerSecond) == 5);  // the first one ends where the second begins
  CHECK(keep(log, 2 * kMicrosPerSecond + 1) == 4);
  InputLog next(disk, "sim/log");
  std::vector<std::string> remarks;
  REQUIRE(next.open(remarks));
  CHECK(keep(next, 3 * kMicrosPerSecond) == 4);
  CHECK(keep(next, 4 * kMicrosPerSecond + 1) == 2);
  CHECK(keep(next, kTimeMax) == 1);
}

TEST_CASE("input log: what a failed append left whole is counted though its repetition was cut short") {
  World world(5);
  write_segments(world, 2);
  // Entry 3 was begun in a third segment and its disk failed after the whole of 3 and 4; the repetition from 3 on
  // got no further than 3.
  SimLoop loop;
  FakeDisk disk(world, loop);
  const auto text_of = [&](uint64_t first, size_t count) {
    World other(6);
    FakeDisk other_disk(other, loop);
    InputLog log(other_disk, "sim/log");
    log.continue_after(first - 1);
    for (size_t i = 0; i < count; ++i) log.append({.body = "x"});
    log.flush();
    run_for(loop, kMicrosPerSecond);
    std::string text(InputLog::kMagic);
    for (const auto& [path, part] : other.files) text += part.substr(InputLog::kMagic.size());
    return text;
  };
  world.files.begin()->second = text_of(1, 4);  // 1 to 4, of which 3 and 4 were never acknowledged
  world.files.erase(std::next(world.files.begin()));
  world.files["sim/log/00000000000000000003.log"] = text_of(3, 1);
  InputLog log(disk, "sim/log");
  std::vector<std::string> remarks;
  REQUIRE(log.open(remarks));
  CHECK(log.last() == 4);
  CHECK(numbers(log, remarks) == std::vector<uint64_t>{1, 2, 3, 4});
}

}  // namespace
}  // namespace streamflow
