// `streamflowd replay`: files in, files out.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

#include "connectors/file/csv_writer.h"
#include "core/encode.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/builtin.h"
#include "daemon/commands.h"
#include "daemon/config_yaml.h"
#include "daemon/replay.h"
#include "daemon/status.h"

namespace streamflow {
namespace {

constexpr int kUsage = 2;
constexpr int kRuntimeFailure = 3;
constexpr size_t kOutputBytes = 256 * 1024;

// Records of one stream to one file, as NDJSON or, by its name, CSV.
class Output {
 public:
  Output(int fd, std::string path, TimestampStyle style)
      : fd_(fd), path_(std::move(path)), style_(style), csv_(path_.ends_with(".csv")), csv_writer_(style) {}
  ~Output() {
    if (fd_ > 2) close(fd_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(const Batch& batch) {
    if (!error_.empty()) return;
    if (csv_) {
      write_csv(batch);
    } else {
      append_records(batch, 0, style_, text_);
    }
    if (text_.size() >= kOutputBytes) flush();
  }

  void flush() {
    std::string_view rest = text_;
    while (!rest.empty() && !broken_) {
      const ssize_t done = ::write(fd_, rest.data(), rest.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) {
        broken_ = true;
        if (error_.empty()) error_ = "cannot write " + path_ + ": " + std::strerror(errno);
      } else {
        rest.remove_prefix(static_cast<size_t>(done));
      }
    }
    text_.clear();
  }
  const std::string& error() const { return error_; }

 private:
  // The first record makes the header; one that does not fit it ends the output.
  void write_csv(const Batch& batch) {
    ++batch_number_;
    for (size_t i = 0; i < batch.count() && error_.empty(); ++i) {
      const uint32_t row = batch.row_at(i);
      std::string reason = "a record without fields has no CSV header";
      if (csv_writer_.has_names() || csv_writer_.make_header(batch, row, text_)) {
        csv_writer_.bind(batch, batch_number_);
        if (csv_writer_.append(row, text_, reason)) continue;
      }
      error_ = "cannot write " + path_ + ": " + reason + "; choose the fields with `select`";
    }
  }

  int fd_;
  std::string path_;
  TimestampStyle style_;
  bool csv_;
  file::CsvWriter csv_writer_;
  uint64_t batch_number_ = 0;
  std::string text_;
  std::string error_;    // the first; nothing more is written
  bool broken_ = false;  // the descriptor takes no more
};

struct Target {
  std::string stream;  // empty: the default one
  std::string path;
};

// `STREAM=FILE` where STREAM is one of the pipeline's, else a file.
Target parse_target(const std::string& text, const PipelineSpec& spec) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {"", text};
  std::string stream = text.substr(0, equals);
  std::string base = stream;
  for (const std::string_view suffix : {".late", ".errors"})
    if (base.ends_with(suffix)) base.resize(base.size() - suffix.size());
  const bool known = std::any_of(spec.streams.begin(), spec.streams.end(),
                                 [&](const StreamSpec& s) { return s.name.text == base; });
  return known ? Target{stream, text.substr(equals + 1)} : Target{"", text};
}

// main, or the only stream that has a source (nobody reads); empty when that is not one.
std::string default_stream(const PipelineSpec& spec, bool input) {
  std::set<std::string> read;
  for (const StreamSpec& s : spec.streams)
    for (const InputSpec& i : s.from)
      if (i.is_stream) read.insert(i.name.text);
  std::string only;
  size_t candidates = 0;
  for (const StreamSpec& s : spec.streams) {
    if (s.name.text == "main") return "main";
    const bool source =
        std::any_of(s.from.begin(), s.from.end(), [](const InputSpec& i) { return !i.is_stream; });
    if (input ? !source : read.contains(s.name.text)) continue;
    ++candidates;
    only = s.name.text;
  }
  return candidates == 1 ? only : "";
}

int usage(const std::string& text) {
  std::fprintf(stderr, "streamflowd replay: %s\n", text.c_str());
  return kUsage;
}

int failure(const std::string& text) {
  std::fprintf(stderr, "streamflowd replay: %s\n", text.c_str());
  return kRuntimeFailure;
}

std::string first_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(64 * 1024, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

std::string replay_ledger(const Pipeline& pipeline) {
  std::string out = "{\"ledger\":" + ledger_json(pipeline.ledger()) + ",\"steps\":{";
  bool first = true;
  for (const auto& node : pipeline.operators) {
    if (!first) out += ',';
    first = false;
    append_json_string(node->info.id, out);
    const Tally& t = node->counts;
    const auto part = [&](const char* name, uint64_t n) {
      out += std::string(",\"") + name + "\":" + std::to_string(n);
    };
    out += ":{\"verb\":";
    append_json_string(node->info.verb, out);
    part("in", t.in), part("out", t.out), part("filtered", t.filtered), part("absorbed", t.absorbed);
    part("late", t.late), part("failed", t.failed), part("created", t.created);
    out += '}';
  }
  return out + "}}\n";
}

// Files take rows in virtual time; a broker would need the real one.
bool is_started_by_replay(const SinkNode& sink) { return sink.info.verb == "file"; }

// Lets the sinks that were started write what waits; which one did not write all, in words, or empty.
std::string drain_sinks(Pipeline& pipeline, SimLoop& loop) {
  std::string unwritten;
  for (const auto& sink : pipeline.sinks) {
    if (!sink->on) continue;
    sink->sink->flush();
    sink->sink->drain([] {});
    loop.run_turn();
    const uint64_t rows = sink->in - sink->written_rows;
    if (rows == 0 || !unwritten.empty()) continue;
    unwritten = sink->info.id + " (" + sink->info.argument + ") did not write " + std::to_string(rows) +
                (rows == 1 ? " record" : " records");
    if (!sink->status.reason.empty()) unwritten += ": " + sink->status.reason;
    for (const ErrorSample& error : pipeline.errors())
      if (sink->status.reason.empty() && error.step == sink->info.id) unwritten += ": " + error.reason;
  }
  return unwritten;
}

}  // namespace

int run_replay(const ReplayCommand& command) {
  const Registry registry = make_registry();
  Diagnostics diagnostics;
  const auto specs = load_path(command.path, registry, diagnostics);
  const auto refuse = [&diagnostics] {
    std::fputs(diagnostics.render(isatty(STDERR_FILENO) != 0).c_str(), stderr);
    return 1;
  };
  if (!diagnostics.ok()) return refuse();
  if (specs.size() != 1) return usage("give one pipeline file");
  const PipelineSpec& spec = specs.front();

  PlanOptions options;
  options.replay = true;
  options.time_field = command.time_field;
  if (!command.interval.empty()) options.interval = *parse_duration(command.interval);
  std::vector<Target> inputs, outputs;
  for (const std::string& text : command.inputs) {
    Target input = parse_target(text, spec);
    if (input.stream.empty()) input.stream = default_stream(spec, true);
    if (input.stream.empty()) return usage("several streams have sources: write --input STREAM=" + input.path);
    if (input.path.ends_with(".csv"))
      options.inputs[input.stream] = {"csv", first_bytes(input.path)};
    inputs.push_back(std::move(input));
  }
  const std::vector<std::string> written =
      command.outputs.empty() ? std::vector<std::string>{"-"} : command.outputs;
  for (const std::string& text : written) {
    Target output = parse_target(text, spec);
    if (output.stream.empty()) output.stream = default_stream(spec, false);
    if (output.stream.empty()) return usage("several streams end: write --output STREAM=" + output.path);
    outputs.push_back(std::move(output));
  }

  SimLoop loop;
  const auto pipeline = plan(spec, registry, loop, options, diagnostics);
  if (!pipeline) return refuse();
  if (command.with_sinks) {
    for (const auto& sink : pipeline->sinks)
      if (!is_started_by_replay(*sink) && sink->info.verb != "log" && !sink->info.is_chart)
        return usage("--with-sinks lets file sinks write; this pipeline saves to " + sink->info.verb + " too (" +
                     sink->info.id + ")");
  }
  std::string read_error;
  std::vector<ReplayInput> feeds;
  for (const Target& input : inputs) {
    SourceNode* source = pipeline->source_of(input.stream);
    if (source == nullptr) return usage("stream '" + input.stream + "' has no source");
    if (!source->inlet.has_time())
      return usage("stream '" + input.stream + "' has no `time:`: give --time FIELD or --interval 1s");
    auto feed = file_feed(input.path, read_error);
    if (!feed) return failure(feed.error().message);
    feeds.push_back({source, std::move(*feed)});
  }
  std::vector<std::unique_ptr<Output>> files;
  for (const Target& output : outputs) {
    const int fd = output.path == "-" ? 1
                                      : open(output.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return failure("cannot write " + output.path + ": " + std::strerror(errno));
    files.push_back(std::make_unique<Output>(fd, output.path, timestamp_style(command.timestamps)));
    Output* file = files.back().get();
    if (!pipeline->capture(output.stream, [file](const Batch& batch) { file->write(batch); }))
      return usage("there is no stream '" + output.stream + "'");
  }
  if (command.with_sinks)
    for (auto& sink : pipeline->sinks)
      if (is_started_by_replay(*sink)) sink->start(loop);
  replay(*pipeline, loop, std::move(feeds));
  loop.run_turn();
  const std::string unwritten = drain_sinks(*pipeline, loop);
  for (auto& file : files) {
    file->flush();
    if (!file->error().empty()) return failure(file->error());
  }
  if (!command.ledger.empty()) {
    std::ofstream out(command.ledger);
    out << replay_ledger(*pipeline);
    out.flush();
    if (!out) return failure("cannot write " + command.ledger);
  }
  if (!read_error.empty()) return failure(read_error);
  if (!unwritten.empty()) return failure(unwritten);
  return 0;
}

}  // namespace streamflow
