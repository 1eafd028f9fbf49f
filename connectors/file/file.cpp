// Options of the file connectors, and what is built from them.
#include "connectors/file/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "connectors/file/path.h"
#include "connectors/file/sink.h"
#include "connectors/file/source.h"

namespace streamflow {
namespace file {
namespace {

constexpr size_t kSampleBytes = size_t{16} << 10;
constexpr std::string_view kMetaPrefix = "meta.";

// The first whole lines of a regular file, or nothing.
std::string read_sample(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {};
  struct stat status {};
  std::string sample(kSampleBytes, '\0');
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const ssize_t n = regular ? ::read(fd, sample.data(), sample.size()) : 0;
  ::close(fd);
  sample.resize(n > 0 ? static_cast<size_t>(n) : 0);
  const size_t feed = sample.rfind('\n');
  if (sample.size() == kSampleBytes && feed != std::string::npos) sample.resize(feed + 1);
  return sample;
}

SourceBuild build_source(BuildContext& context) {
  const Params& params = context.params;
  SourceBuild out;
  const FileAddress address = read_address(context, "file");
  if (address.shown.empty()) return out;
  SourceOptions options;
  options.path = address.path;
  options.path_secret = address.secret;
  options.standard_input = address.standard;
  options.follow = params.flag("follow");
  options.line_bytes_max = static_cast<size_t>(params.size("max_record", int64_t{64} << 20));
  if (options.line_bytes_max < 1 || options.line_bytes_max > size_t{1} << 30) {
    context.diagnostics.error("E0613", params.span("max_record"),
                              "'max_record' is from 1B to 1GiB");
    return out;
  }
  options.block_bytes = std::min(options.block_bytes, options.line_bytes_max);
  if (options.follow && options.standard_input) {
    context.diagnostics.error("E0614", params.span("follow"),
                              "standard input cannot be followed: it is read until its end");
    return out;
  }
  out.address = address.shown;
  out.has_stamps = options.follow;
  if (address.is_csv) out.format = "csv";
  const bool csv = params.has("format") ? params.choice("format") == "csv" : address.is_csv;
  if (csv && !address.standard) out.sample = read_sample(address.path);
  out.source = std::make_unique<FileSource>(std::move(options));
  return out;
}

SinkBuild build_sink(BuildContext& context) {
  const Params& params = context.params;
  SinkBuild out;
  const FileAddress address = read_address(context, "save");
  if (address.shown.empty()) return out;
  SinkOptions options;
  options.shown = address.shown;
  options.path_secret = address.secret;
  options.standard_output = address.standard;
  const std::string& written = address.written;
  if (!address.standard && written.front() != '/') options.folder = params.folder;
  options.path = Template::parse(written);
  if (written.back() == '/') {
    context.diagnostics.error("E0612", params.span("save"), "this is a folder, not a file",
                              "add a file name");
    return out;
  }
  for (const std::string& field : options.path.fields()) {
    if (field.substr(0, kMetaPrefix.size()) == kMetaPrefix) {
      context.meta.insert(field.substr(kMetaPrefix.size()));
    } else {
      context.reads.insert(field);
    }
  }
  options.csv = params.has("format") ? params.choice("format") == "csv" : address.is_csv;
  options.truncate = params.choice("mode") == "truncate";
  options.timestamps = timestamp_style(params.choice("timestamps"));
  out.address = address.shown;
  const bool can_cut = !options.standard_output && !options.path.has_fields();
  out.guarantee = can_cut ? "exactly_once" : "at_least_once";
  if (!can_cut)
    out.guarantee_reason = options.standard_output ? "what was written to standard output cannot be taken back"
                                                   : "of paths with fields it is not known which are new";
  out.sink = std::make_unique<FileSink>(std::move(options));
  return out;
}

std::vector<OptionDescriptor> source_options() {
  using enum OptionType;
  return {
      {.name = "follow",
       .type = kBool,
       .help = "go on as the file grows, is cut or replaced",
       .fallback = "false"},
      {.name = "max_record",
       .type = kSize,
       .help = "longer lines are skipped and counted",
       .fallback = "64MiB"},
  };
}

std::vector<OptionDescriptor> sink_options() {
  using enum OptionType;
  return {
      {.name = "format",
       .type = kChoice,
       .help = "by default csv where the path ends in .csv, else ndjson",
       .choices = {"ndjson", "csv"}},
      {.name = "mode",
       .type = kChoice,
       .help = "what happens to a file that is there",
       .fallback = "append",
       .choices = {"append", "truncate"}},
      {.name = "timestamps",
       .type = kChoice,
       .help = "how times are written",
       .fallback = "rfc3339",
       .choices = {"rfc3339", "s", "ms", "us", "ns"}},
  };
}

}  // namespace
}  // namespace file

void register_file(Registry& registry) {
  registry.source({.kind = "file",
                   .schemes = {"file"},
                   .summary = "lines of a file, whole or as it grows; file:- is standard input",
                   .options = file::source_options(),
                   .formats = {"ndjson", "csv", "json", "text", "number"},
                   .example = "file: data.ndjson\nfollow: true",
                   .build = file::build_source});
  registry.sink(
      {.kind = "file",
       .schemes = {"file"},
       .summary = "lines into a file, or one for each value of a field; file:- is standard output",
       .argument = {},
       .options = file::sink_options(),
       .example = "save: \"file:out/{device}.ndjson\"",
       .build = file::build_sink});
}

}  // namespace streamflow
