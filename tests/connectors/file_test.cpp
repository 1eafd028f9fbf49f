#include "connectors/file/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "connectors/file/sink.h"
#include "connectors/file/source.h"
#include "core/decode/json.h"
#include "core/sim_loop.h"
#include "core/state_bytes.h"
#include "tests/support/fake_host.h"
#include "tests/support/poll_loop.h"

using namespace streamflow;
using namespace streamflow::test;
using file::FileSink;
using file::FileSource;

namespace {

// Puts a descriptor in the place of standard input or output while it lives.
class Replaced {
 public:
  Replaced(int standard, int fd) : standard_(standard), saved_(::dup(standard)) {
    ::fflush(stdout);
    ::dup2(fd, standard_);
  }
  ~Replaced() {
    ::dup2(saved_, standard_);
    ::close(saved_);
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

 private:
  int standard_;
  int saved_;
};

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"n\":" + std::to_string(i) + "}\n";
  return text;
}

// Closed records {"device": …, "n": …}.
Batch readings(const std::vector<std::pair<std::string, int>>& rows) {
  auto device = std::make_shared<Column>(rows.size());
  auto n = std::make_shared<Column>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    device->set_string(i, rows[i].first);
    n->set_int(i, rows[i].second);
  }
  Batch batch;
  batch.rows = rows.size();
  batch.set("device", device);
  batch.set("n", n);
  return batch;
}

// Open records, as they come from JSON.
Batch records(const std::vector<std::string>& texts) {
  auto origin = std::make_shared<Origin>();
  std::string all;
  for (const std::string& text : texts) {
    const auto begin = static_cast<uint32_t>(all.size());
    all += text;
    origin->rows.push_back({begin, static_cast<uint32_t>(all.size())});
    all += '\n';
  }
  auto block = std::make_shared<Block>(all.size());
  std::copy(all.begin(), all.end(), block->data.get());
  block->size = all.size();
  origin->block = block;
  origin->one_line = true;
  Batch batch;
  batch.rows = texts.size();
  batch.origin = origin;
  return batch;
}

file::SinkOptions sink_options(const std::string& path) {
  file::SinkOptions options;
  options.path = Template::parse(path);
  options.shown = "file:" + path;
  return options;
}

struct SinkRun {
  explicit SinkRun(file::SinkOptions options) : sink(std::move(options)) { sink.start(loop, host); }
  ~SinkRun() { sink.stop(); }
  void write(const Batch& batch) {
    sink.write(batch);
    sink.flush();
  }
  SimLoop loop;
  FakeSinkHost host;
  FileSink sink;
};

std::vector<std::pair<SpecValue, SpecValue>> written(
    const std::vector<std::pair<std::string, std::string>>& options) {
  std::vector<std::pair<SpecValue, SpecValue>> out;
  for (const auto& [name, value] : options) {
    out.emplace_back(SpecValue::scalar(name), SpecValue::scalar(value));
  }
  return out;
}

SourceBuild build_source(const std::string& address, const std::string& folder,
                         const std::vector<std::pair<std::string, std::string>>& options,
                         Diagnostics& diagnostics) {
  Registry registry;
  register_file(registry);
  const SourceDescriptor& descriptor = *registry.find_source("file");
  const OptionDescriptor argument{.name = "file", .type = OptionType::kText};
  std::vector<OptionDescriptor> all = descriptor.options;
  all.insert(all.end(), source_options().begin(), source_options().end());
  const SpecValue value = SpecValue::scalar(address);
  Params params =
      validate("source 'file'", "", value, &value, &argument, written(options), all, diagnostics);
  params.folder = folder;
  const Schema none;
  BuildContext context{params, none, diagnostics, "test", "main", "", {}, {}, {}};
  return descriptor.build(context);
}

struct BuiltSink {
  SinkBuild build;
  std::set<std::string> reads, meta;
};

BuiltSink build_sink(const std::string& address, const std::string& folder,
                     const std::vector<std::pair<std::string, std::string>>& options,
                     Diagnostics& diagnostics, bool secret = false) {
  Registry registry;
  register_file(registry);
  const SinkDescriptor& descriptor = *registry.find_sink("file");
  const OptionDescriptor argument{.name = "save", .type = OptionType::kUrl};
  SpecValue value = SpecValue::scalar(address);
  value.secret = secret;
  Params params = validate("sink 'file'", "", SpecValue::scalar("save"), &value, &argument,
                           written(options), descriptor.options, diagnostics);
  params.folder = folder;
  const Schema open;
  BuildContext context{params, open, diagnostics, "test", "main.1", "", {}, {}, {}};
  SinkBuild build = descriptor.build(context);
  return {std::move(build), context.reads, context.meta};
}

}  // namespace

// --- source ---

TEST_CASE("file source: whole lines in order whatever the block size, then the end") {
  TempFolder folder;
  const std::string text = numbered_lines(300) + "{\"n\":\"last\"}";
  put_file(folder / "in.ndjson", text);
  for (const size_t block_bytes : {1, 2, 7, 64, 1000, 1 << 18}) {
    CAPTURE(block_bytes);
    SimLoop loop;
    FakeSourceHost host;
    std::string seen;
    bool whole = true;
    FileSource source({.path = folder / "in.ndjson", .block_bytes = block_bytes});
    host.on_lines = [&] {
      whole = whole && seen.size() < host.text.size();
      seen = host.text;
      whole = whole && (seen.back() == '\n' || seen == text);
    };
    source.start(loop, host);
    loop.run_turn();
    CHECK(host.text == text);
    CHECK(whole);
    CHECK(host.ends == 1);
    CHECK(host.flushes > 0);
    CHECK(loop.idle());
    source.stop();
  }
}

TEST_CASE("file source: an empty file ends at once") {
  TempFolder folder;
  put_file(folder / "in", "");
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in"});
  source.start(loop, host);
  loop.run_turn();
  CHECK(host.text.empty());
  CHECK(host.ends == 1);
}

TEST_CASE("file source: a line that is too long is skipped and said so, its neighbours are read") {
  TempFolder folder;
  put_file(folder / "in", "first\n" + std::string(5000, 'x') + "\nlast\n" + std::string(300, 'y'));
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .line_bytes_max = 100, .block_bytes = 16});
  source.start(loop, host);
  loop.run_turn();
  CHECK(host.text == "first\nlast\n");
  CHECK(host.rejections ==
        std::vector<std::string>(2, "a line of more than 100B (max_record)"));
  CHECK(host.samples == std::vector<std::string>{std::string(100, 'x'), std::string(100, 'y')});
  CHECK(host.ends == 1);
}

TEST_CASE("file source: a missing file is down with the reason, and read when it comes") {
  TempFolder folder;
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in"});
  source.start(loop, host);
  CHECK(host.last_state() == ConnectorState::kDown);
  CHECK(host.last_reason().find("No such file") != std::string::npos);
  CHECK(host.retry_at > loop.now());
  loop.run_until(10 * kMicrosPerSecond);
  CHECK(host.ends == 0);
  CHECK(host.states.size() > 6);  // at most 1.5 s between two tries
  put_file(folder / "in", "a\n");
  loop.run_until(12 * kMicrosPerSecond);
  CHECK(host.text == "a\n");
  CHECK(host.ends == 1);
}

TEST_CASE("file source: a folder and a missing folder say what they are") {
  TempFolder folder;
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder.path()});
  source.start(loop, host);
  CHECK(host.last_reason().find("Is a directory") == 0);
  source.stop();
  FileSource other({.path = folder / "none/in"});
  other.start(loop, host);
  CHECK(host.last_reason() == "there is no folder '" + folder / "none" + "'");
  other.stop();
}

TEST_CASE("file source: pause stops between two blocks, resume goes on") {
  TempFolder folder;
  const std::string text = numbered_lines(100);
  put_file(folder / "in", text);
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .block_bytes = 128});
  host.on_lines = [&] {
    if (host.text.size() < 500) return;
    host.on_lines = nullptr;
    source.pause();
  };
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  const size_t paused_at = host.text.size();
  CHECK(paused_at >= 500);
  CHECK(paused_at < 700);
  CHECK(host.last_state() == ConnectorState::kPaused);
  source.resume();
  loop.run_turn();
  CHECK(host.text == text);
  CHECK(host.ends == 1);
}

TEST_CASE("file source: stopped by what its lines do, it says nothing more") {
  TempFolder folder;
  put_file(folder / "in", numbered_lines(100));
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .block_bytes = 64});
  host.on_lines = [&] { source.stop(); };
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  CHECK(host.text.size() <= 64);
  CHECK(host.ends == 0);
  CHECK(loop.idle());
}

TEST_CASE("file source: the position is behind the last line handed over") {
  TempFolder folder;
  put_file(folder / "in", "one\ntwo\nthr");
  struct stat status {};
  REQUIRE(::stat((folder / "in").c_str(), &status) == 0);
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .follow = true});
  source.start(loop, host);
  loop.run_turn();
  CHECK(source.position() == std::to_string(status.st_ino) + ":8");
  source.stop();
}

TEST_CASE("file source: a line that is too long is rejected once, also with a restart in its middle") {
  TempFolder folder;
  put_file(folder / "in", "one\n" + std::string(500, 'x'));
  SimLoop loop;
  std::string position;
  const auto run = [&] {
    FakeSourceHost host;
    FileSource source({.path = folder / "in", .follow = true, .line_bytes_max = 100, .block_bytes = 16});
    if (!position.empty()) source.restore(position);
    source.start(loop, host);
    loop.run_turn();
    position = source.position();
    source.stop();
    return std::make_pair(host.text, host.rejections.size());
  };
  CHECK(run() == std::make_pair(std::string("one\n"), size_t{0}));
  CHECK(position.ends_with(":4"));
  put_file(folder / "in", "xxx\ntwo\n", true);
  CHECK(run() == std::make_pair(std::string("two\n"), size_t{1}));
  CHECK(run() == std::make_pair(std::string(), size_t{0}));
}

TEST_CASE("file source: blocks that nobody holds are used again, held ones keep their text") {
  TempFolder folder;
  const std::string text = numbered_lines(2000);
  put_file(folder / "in", text);
  for (const bool keep : {false, true}) {
    SimLoop loop;
    FakeSourceHost host;
    host.keep_blocks = keep;
    FileSource source({.path = folder / "in", .block_bytes = 512});
    source.start(loop, host);
    loop.run_turn();
    const std::set<const char*> distinct(host.addresses.begin(), host.addresses.end());
    CHECK(host.addresses.size() > 30);
    CHECK((keep ? distinct.size() == host.addresses.size() : distinct.size() <= 4));
    std::string held;
    for (const BlockPtr& block : host.blocks) held += block->view();
    CHECK(held == (keep ? text : ""));
  }
}

TEST_CASE(
    "file source: a followed file gives what is added, an unfinished line when it is finished") {
  TempFolder folder;
  put_file(folder / "in", "one\ntw");
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .follow = true});
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  CHECK(host.text == "one\n");
  put_file(folder / "in", "o\nthree\n", true);
  loop.run_until(2 * kMicrosPerSecond);
  CHECK(host.text == "one\ntwo\nthree\n");
  CHECK(host.ends == 0);
  CHECK(host.states.size() == 1);
  source.stop();
  CHECK(loop.idle());
}

TEST_CASE("file source: a followed file that became shorter is read from its start") {
  TempFolder folder;
  put_file(folder / "in", "one\ntwo\nunfini");
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .follow = true});
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  put_file(folder / "in", "new\n");
  loop.run_until(2 * kMicrosPerSecond);
  CHECK(host.text == "one\ntwo\nnew\n");
  CHECK(host.complaints.size() == 1);
  source.stop();
}

TEST_CASE("file source: a rotated file is read to its end, then the new one") {
  TempFolder folder;
  put_file(folder / "in", "one\n");
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = folder / "in", .follow = true});
  source.start(loop, host);
  loop.run_until(kMicrosPerSecond);
  std::filesystem::rename(folder / "in", folder / "in.1");
  loop.run_until(2 * kMicrosPerSecond);  // no new file yet: the old one goes on
  put_file(folder / "in.1", "two\n", true);
  put_file(folder / "in", "three\n");
  loop.run_until(loop.now() + 200 * kMicrosPerMilli);
  put_file(folder / "in.1", "last of the old", true);  // its writer was slow
  loop.run_until(loop.now() + 2 * kMicrosPerSecond);
  CHECK(host.text == "one\ntwo\nlast of the oldthree\n");
  put_file(folder / "in", "four\n", true);
  loop.run_until(loop.now() + kMicrosPerSecond);
  CHECK(host.text == "one\ntwo\nlast of the oldthree\nfour\n");
  source.stop();
}

TEST_CASE("file source: standard input from a pipe, read as it comes") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  PollLoop loop;
  FakeSourceHost host;
  FileSource source({.path = "-", .standard_input = true});
  {
    const Replaced input(STDIN_FILENO, ends[0]);
    source.start(loop, host);
  }
  REQUIRE(::write(ends[1], "one\ntw", 6) == 6);
  CHECK(loop.run_until([&] { return host.text == "one\n"; }));
  REQUIRE(::write(ends[1], "o\nthree", 7) == 7);
  CHECK(loop.run_until([&] { return host.text == "one\ntwo\n"; }));
  source.pause();
  REQUIRE(::write(ends[1], "!\n", 2) == 2);
  CHECK(loop.watching() == 0);
  source.resume();
  CHECK(loop.run_until([&] { return host.text == "one\ntwo\nthree!\n"; }));
  ::close(ends[1]);
  CHECK(loop.run_until([&] { return host.ends == 1; }));
  source.stop();
  ::close(ends[0]);
}

TEST_CASE("file source: standard input from a file") {
  TempFolder folder;
  put_file(folder / "in", "one\ntwo");
  const int fd = ::open((folder / "in").c_str(), O_RDONLY);
  SimLoop loop;
  FakeSourceHost host;
  FileSource source({.path = "-", .standard_input = true});
  {
    const Replaced input(STDIN_FILENO, fd);
    source.start(loop, host);
    loop.run_turn();
  }
  CHECK(host.text == "one\ntwo");
  CHECK(host.ends == 1);
  source.stop();
  ::close(fd);
}

TEST_CASE("file source: what is built from an address and its options") {
  TempFolder folder;
  put_file(folder / "data.csv", "a,b\n1,2\n");
  Diagnostics diagnostics;
  const SourceBuild csv = build_source("file:data.csv", folder.path(), {}, diagnostics);
  CHECK(csv.source != nullptr);
  CHECK(csv.format == "csv");
  CHECK(csv.sample == "a,b\n1,2\n");
  CHECK(csv.address == "file:data.csv");
  CHECK_FALSE(csv.has_stamps);
  const SourceBuild plain = build_source("x.log", folder.path(), {{"follow", "true"}}, diagnostics);
  CHECK(plain.format.empty());
  CHECK(plain.address == "file:x.log");
  CHECK(plain.has_stamps);
  CHECK(diagnostics.ok());
  for (const auto& [address, option, value, code] :
       {std::tuple{"file:", "follow", "false", "E0611"},
        {"file:-", "follow", "true", "E0614"},
        {"file:x", "max_record", "2GiB", "E0613"}}) {
    CAPTURE(address);
    Diagnostics problems;
    CHECK(build_source(address, "", {{option, value}}, problems).source == nullptr);
    REQUIRE(problems.errors() == 1);
    CHECK(problems.all()[0].code == code);
  }
}

// --- sink ---

TEST_CASE("file sink: NDJSON is added to a file, or replaces it") {
  TempFolder folder;
  put_file(folder / "out.ndjson", "old\n");
  {
    SinkRun run(sink_options(folder / "out.ndjson"));
    run.write(readings({{"a", 1}}));
    run.write(records({"{\"x\": 1.50}", "{}"}));
    CHECK(run.host.written_rows == 3);
    CHECK(run.host.last_state() == ConnectorState::kUp);
  }
  CHECK(file_text(folder / "out.ndjson") == "old\n{\"device\":\"a\",\"n\":1}\n{\"x\": 1.50}\n{}\n");
  file::SinkOptions options = sink_options(folder / "out.ndjson");
  options.truncate = true;
  SinkRun run(options);
  CHECK(file_text(folder / "out.ndjson").empty());
  run.write(readings({{"b", 2}}));
  run.write(readings({{"c", 3}}));
  CHECK(file_text(folder / "out.ndjson") ==
        "{\"device\":\"b\",\"n\":2}\n{\"device\":\"c\",\"n\":3}\n");
}

TEST_CASE("file sink: a last line without its line break is ended first, an own one is gone on with") {
  TempFolder folder;
  put_file(folder / "out.ndjson", "{\"old\":1}");
  put_file(folder / "out.csv", "device,n\nold,1");
  SinkRun run(sink_options(folder / "out.ndjson"));
  run.write(readings({{"a", 1}}));
  CHECK(file_text(folder / "out.ndjson") == "{\"old\":1}\n{\"device\":\"a\",\"n\":1}\n");
  file::SinkOptions options = sink_options(folder / "out.csv");
  options.csv = true;
  SinkRun csv(options);
  csv.write(readings({{"a", 1}}));
  CHECK(file_text(folder / "out.csv") == "device,n\nold,1\na,1\n");
}

TEST_CASE("file sink: after a restart what was half written is gone on with, where the file still ends there") {
  TempFolder folder;
  const auto state_of = [&](const std::string& path, int64_t size) {
    std::string state;
    save_count(1, state);
    save_text(path, state);
    save_micros(size, state);
    save_text("\":2}\n", state);
    save_count(1, state);
    save_count(0, state);
    return state;
  };
  const auto run = [&](const std::string& path, int64_t size, bool exactly) {
    FileSink sink(sink_options(path));
    REQUIRE(sink.load(state_of(path, size), exactly));
    SimLoop loop;
    FakeSinkHost host;
    sink.start(loop, host);
    sink.flush();
    sink.stop();
    return file_text(path);
  };
  put_file(folder / "same", "{\"n\":1}\n{\"n");
  CHECK(run(folder / "same", 11, false) == "{\"n\":1}\n{\"n\":2}\n");
  put_file(folder / "longer", "{\"n\":1}\n{\"n\":2");
  CHECK(run(folder / "longer", 11, true) == "{\"n\":1}\n{\"n\":2}\n");
  // It may be sent again here, but a line stays a line.
  put_file(folder / "not taken back", "{\"n\":1}\n{\"n\":2");
  CHECK(run(folder / "not taken back", 11, false) == "{\"n\":1}\n{\"n\":2\n\":2}\n");
}

TEST_CASE("file sink: many files that cannot be written are one state, said once a second at most") {
  TempFolder folder;
  SinkRun run(sink_options(folder / "{device}/out"));
  for (int turn = 0; turn < 20; ++turn) {
    run.write(readings({{"a", turn}, {"b", turn}, {"c", turn}}));
    run.loop.run_until(run.loop.now() + 250 * kMicrosPerMilli);
  }
  CHECK(run.host.states.size() <= 3);  // up, down, and how many more
  CHECK(run.host.last_reason() == "there is no folder '" + folder / "a" + "' (and 2 more files)");
  std::filesystem::create_directory(folder / "a");
  run.loop.run_until(run.loop.now() + 2 * kMicrosPerSecond);
  CHECK(run.host.last_state() == ConnectorState::kDown);
  CHECK(run.host.last_reason().find("(and 1 more files)") != std::string::npos);
  for (const char* name : {"b", "c"}) std::filesystem::create_directory(folder / name);
  run.loop.run_until(run.loop.now() + 2 * kMicrosPerSecond);
  CHECK(run.host.last_state() == ConnectorState::kUp);
  CHECK(run.host.written_rows == 60);
}

TEST_CASE("file sink: rows wait for flush unless there are many") {
  TempFolder folder;
  SinkRun run(sink_options(folder / "out"));
  run.sink.write(readings({{"a", 1}}));
  CHECK(file_text(folder / "out").empty());
  CHECK(run.host.queued_rows == 1);
  CHECK(run.host.queued_bytes > 0);
  run.sink.flush();
  CHECK(run.host.queued_rows == 0);
  CHECK(run.host.queued_bytes == 0);
  run.sink.write(readings({{std::string(FileSink::kBufferBytes, 'x'), 2}}));
  CHECK(run.host.written_rows == 2);
}

TEST_CASE("file sink: a missing folder is down with its name; nothing is lost when it comes") {
  TempFolder folder;
  SinkRun run(sink_options(folder / "sub/out"));
  CHECK(run.host.last_state() == ConnectorState::kDown);
  CHECK(run.host.last_reason() == "there is no folder '" + folder / "sub" + "'");
  run.write(readings({{"a", 1}}));
  run.loop.run_until(3 * kMicrosPerSecond);
  CHECK(run.host.queued_rows == 1);
  CHECK(run.host.states.size() == 1);  // said once
  std::filesystem::create_directory(folder / "sub");
  run.write(readings({{"b", 2}}));
  CHECK(run.host.queued_rows == 2);
  run.loop.run_until(5 * kMicrosPerSecond);
  CHECK(run.host.last_state() == ConnectorState::kUp);
  CHECK(run.host.written_rows == 2);
  CHECK(file_text(folder / "sub/out") ==
        "{\"device\":\"a\",\"n\":1}\n{\"device\":\"b\",\"n\":2}\n");
}

TEST_CASE("file sink: a full disk is down, rows wait, and are counted as dropped at the stop") {
  SimLoop loop;
  FakeSinkHost host;
  FileSink sink(sink_options("/dev/full"));
  sink.start(loop, host);
  CHECK(host.last_state() == ConnectorState::kUp);
  sink.write(readings({{"a", 1}, {"b", 2}}));
  sink.flush();
  CHECK(host.last_state() == ConnectorState::kDown);
  CHECK(host.last_reason().find("No space left on device") == 0);
  CHECK(host.queued_rows == 2);
  loop.run_until(5 * kMicrosPerSecond);
  bool drained = false;
  sink.drain([&] { drained = true; });
  CHECK_FALSE(drained);
  sink.stop();
  CHECK(host.written_rows == 0);
  CHECK(host.dropped_rows == 2);
  CHECK(loop.idle());
}

TEST_CASE("file sink: beyond its bound rows are dropped and counted") {
  SinkRun run(sink_options("/dev/full"));
  const Batch large = readings({{std::string(size_t{16} << 20, 'x'), 1}});
  for (int i = 0; i < 6; ++i) run.write(large);
  CHECK(run.host.queued_rows == 4);
  CHECK(run.host.dropped_rows == 2);
  CHECK(run.host.reasons[0].find("64 MiB wait") != std::string::npos);
}

TEST_CASE("file sink: a path that can never be written fails its rows") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "out");
  SinkRun run(sink_options(folder / "out"));
  CHECK(run.host.last_reason().find("Is a directory") == 0);
  run.write(readings({{"a", 1}}));
  run.loop.run_until(2 * kMicrosPerSecond);
  CHECK(run.host.failed_rows == 1);
  CHECK(run.host.queued_rows == 0);
  SinkRun many(sink_options(folder / "{device}.ndjson"));
  many.write(readings({{std::string(300, 'x'), 1}, {"fine", 2}}));
  CHECK(many.host.failed_rows == 1);
  CHECK(many.host.written_rows == 1);
  CHECK(many.host.last_state() == ConnectorState::kUp);
}

TEST_CASE("file sink: one file for each value, which cannot leave the folder") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "out");
  SinkRun run(sink_options(folder / "out/{device}.ndjson"));
  run.write(readings({{"a", 1}, {"../evil", 2}, {"a", 3}, {"..", 4}, {"", 5}, {"/etc/x", 6}}));
  CHECK(run.host.written_rows == 6);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "out")) {
    names.insert(entry.path().filename().string());
  }
  CHECK(names == std::set<std::string>{"a.ndjson", "_._evil.ndjson", "_..ndjson", ".ndjson",
                                       "_etc_x.ndjson"});
  CHECK(file_text(folder / "out/a.ndjson") ==
        "{\"device\":\"a\",\"n\":1}\n{\"device\":\"a\",\"n\":3}\n");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("file sink: more files than may be open, in turn") {
  TempFolder folder;
  file::SinkOptions options = sink_options(folder / "{device}.csv");
  options.csv = true;
  options.truncate = true;
  constexpr int kFiles = 150;
  {
    SinkRun run(options);
    for (int round = 0; round < 3; ++round) {
      std::vector<std::pair<std::string, int>> rows;
      for (int i = 0; i < kFiles; ++i) rows.emplace_back("d" + std::to_string(i), round);
      run.write(readings(rows));
    }
    CHECK(run.host.written_rows == 3 * kFiles);
  }
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "d" + std::to_string(i);
    REQUIRE(file_text(folder / (name + ".csv")) ==
            "device,n\n" + name + ",0\n" + name + ",1\n" + name + ",2\n");
  }
}

TEST_CASE("file sink: CSV has one header; other fields fail, missing ones are empty") {
  TempFolder folder;
  file::SinkOptions options = sink_options(folder / "out.csv");
  options.csv = true;
  {
    SinkRun run(options);
    run.write(records({R"({"a":"x,\"y\"","b":[1, 2]})", R"({"b":2.50})", R"({"a":null,"c":1})"}));
    CHECK(run.host.written_rows == 2);
    CHECK(run.host.failed_rows == 1);
    CHECK(run.host.reasons[0] == "field 'c' is not in the CSV header");
    CHECK(run.host.samples[0] == R"({"a":null,"c":1})");
    run.write(readings({{"d", 1}}));
    CHECK(run.host.failed_rows == 2);
  }
  SinkRun again(options);  // goes on in the same file
  Batch batch = records({R"({"c":1,"b":7})"});
  batch.drop("c");
  again.write(batch);
  CHECK(file_text(folder / "out.csv") == "a,b\n\"x,\"\"y\"\"\",\"[1, 2]\"\n,2.50\n,7\n");
}

TEST_CASE("file sink: CSV of a record without fields fails") {
  TempFolder folder;
  file::SinkOptions options = sink_options(folder / "out.csv");
  options.csv = true;
  SinkRun run(options);
  run.write(records({"{}", R"({"a":1})"}));
  CHECK(run.host.failed_rows == 1);
  CHECK(file_text(folder / "out.csv") == "a\n1\n");
}

TEST_CASE("file sink: times in the style that was asked for") {
  TempFolder folder;
  file::SinkOptions options = sink_options(folder / "out");
  options.timestamps = TimestampStyle::kMillis;
  SinkRun run(options);
  auto at = std::make_shared<Column>(1);
  at->set_timestamp(0, 1'500'000);
  Batch batch;
  batch.rows = 1;
  batch.set("at", at);
  run.write(batch);
  CHECK(file_text(folder / "out") == "{\"at\":1500}\n");
}

TEST_CASE("file sink: standard output into a slow pipe, without blocking, and whole") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  PollLoop loop;
  FakeSinkHost host;
  file::SinkOptions options = sink_options("-");
  options.standard_output = true;
  FileSink sink(options);
  {
    const Replaced output(STDOUT_FILENO, ends[1]);
    sink.start(loop, host);
  }
  ::close(ends[1]);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string device(5000, static_cast<char>('a' + i % 26));
    sink.write(readings({{device, i}}));
    expected += "{\"device\":\"" + device + "\",\"n\":" + std::to_string(i) + "}\n";
  }
  bool drained = false;
  sink.drain([&] { drained = true; });
  CHECK_FALSE(drained);  // a pipe holds 64 KiB
  CHECK(host.queued_rows > 0);
  std::string got;
  const auto read_some = [&] {
    char bytes[10'000];
    const ssize_t n = ::read(ends[0], bytes, sizeof bytes);
    if (n > 0) got.append(bytes, static_cast<size_t>(n));
    return n > 0;
  };
  CHECK(loop.run_until([&] { return drained || !read_some(); }));
  CHECK(drained);
  sink.stop();  // closes the pipe
  while (read_some()) {
  }
  CHECK(got.size() == expected.size());
  CHECK((got == expected));
  CHECK(host.written_rows == 100);
  ::close(ends[0]);
}

TEST_CASE("file sink: standard output that nobody reads fails its rows") {
  ::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  SimLoop loop;
  FakeSinkHost host;
  file::SinkOptions options = sink_options("-");
  options.standard_output = true;
  FileSink sink(options);
  {
    const Replaced output(STDOUT_FILENO, ends[1]);
    sink.start(loop, host);
  }
  ::close(ends[1]);
  ::close(ends[0]);
  sink.write(readings({{"a", 1}}));
  sink.flush();
  CHECK(host.failed_rows == 1);
  CHECK(host.last_state() == ConnectorState::kDown);
  CHECK(host.last_reason() == "nobody reads it any more");
  sink.stop();
}

TEST_CASE("file sink: what is built from an address and its options") {
  TempFolder folder;
  Diagnostics diagnostics;
  BuiltSink built = build_sink("file:{site}-{meta.topic}.csv", folder.path(),
                               {{"timestamps", "ms"}}, diagnostics);
  REQUIRE(built.build.sink != nullptr);
  CHECK(built.reads == std::set<std::string>{"site"});
  CHECK(built.meta == std::set<std::string>{"topic"});
  CHECK(built.build.address == "file:{site}-{meta.topic}.csv");
  CHECK(built.build.guarantee == "at_least_once");
  SimLoop loop;
  FakeSinkHost host;
  built.build.sink->start(loop, host);
  built.build.sink->write(records({R"({"site":"lyon","n":1})"}));
  built.build.sink->stop();
  CHECK(file_text(folder / "lyon-.csv") == "site,n\nlyon,1\n");
  for (const auto& [address, code] : {std::pair{"file:", "E0611"}, {"file:out/", "E0612"}}) {
    CAPTURE(address);
    Diagnostics problems;
    CHECK(build_sink(address, "", {}, problems).build.sink == nullptr);
    REQUIRE(problems.errors() == 1);
    CHECK(problems.all()[0].code == code);
  }
}

TEST_CASE("file sink: a secret path starts at the pipeline's folder, once, and is not shown") {
  TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory("sub");
  Diagnostics diagnostics;
  BuiltSink built = build_sink("file:{site}.ndjson", "sub", {}, diagnostics, true);
  REQUIRE(built.build.sink != nullptr);
  CHECK(built.build.address == "file:***");
  SimLoop loop;
  FakeSinkHost host;
  built.build.sink->start(loop, host);
  built.build.sink->write(records({R"({"site":"lyon"})"}));
  built.build.sink->stop();
  BuiltSink missing = build_sink("file:none/out.ndjson", "sub", {}, diagnostics, true);
  missing.build.sink->start(loop, host);
  CHECK(host.last_reason() == "No such file or directory");
  missing.build.sink->stop();
  std::filesystem::current_path(before);
  CHECK(file_text(folder / "sub/lyon.ndjson") == "{\"site\":\"lyon\"}\n");
}
