#include "connectors/http/http.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "connectors/http/ingest_source.h"
#include "core/ascii.h"

namespace streamflow {
namespace http {
namespace {

constexpr const char* kBadPath = "E0631";
constexpr const char* kBadHeader = "E0632";
constexpr const char* kBadLimit = "E0633";
constexpr const char* kNotYet = "E0110";
constexpr size_t kPathBytesMax = 256;
constexpr int64_t kBodyMax = int64_t{16} << 20;

// What the server itself answers.
constexpr std::array<std::string_view, 6> kServersOwn = {"api",     "assets",  "export",
                                                         "metrics", "healthz", "readyz"};
// Headers whose values are secrets or the server's business.
constexpr std::array<std::string_view, 4> kNotForRecords = {"authorization", "cookie",
                                                            "proxy-authorization", "host"};

template <size_t n>
bool has(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_path_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

// Empty: it is a path that a source may have.
std::string path_problem(std::string_view path) {
  if (path.empty() || path.front() != '/') return "a path begins with '/'";
  if (path.size() > kPathBytesMax) return "a path has at most 256 bytes";
  bool first = true;
  for (std::string_view rest = path; !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == "..")
      return "a part of the path is empty or made of dots";
    if (!std::all_of(segment.begin(), segment.end(), is_path_char))
      return "a path has letters, digits and - . _ ~ only";
    if (std::exchange(first, false) && has(kServersOwn, segment))
      return "the server has this path itself";
    rest.remove_prefix(segment.size());
  }
  return {};
}

void read_headers(BuildContext& context, IngestOptions& options) {
  for (const SpecValue* value : context.params.list("headers")) {
    std::string name = lower(value->text);
    if (has(kNotForRecords, name))
      context.diagnostics.error(kBadHeader, value->span,
                                "'" + value->text + "' is not given to records");
    else if (name.empty() || !std::all_of(name.begin(), name.end(), is_path_char))
      context.diagnostics.error(kBadHeader, value->span,
                                "'" + value->text + "' is no header's name");
    options.headers.push_back(std::move(name));
  }
}

SourceBuild build_source(BuildContext& context, Ingest* ingest) {
  const Params& params = context.params;
  const size_t errors = context.diagnostics.errors();
  IngestOptions options;
  options.ingest = context.live ? ingest : nullptr;
  const SpecValue* const path = params.value("listen");
  if (path == nullptr) {
    context.diagnostics.error(kNotYet, params.span(params.verb),
                              "source 'http' that asks a URL is not in this version yet",
                              "what takes records is written http: {listen: /ingest/NAME}",
                              "streamflowd list source http");
    return {};
  }
  options.path = path->text;
  if (std::string problem = path_problem(options.path); !problem.empty())
    context.diagnostics.error(kBadPath, path->span,
                              "'" + (path->secret ? "***" : path->text) + "' takes no records",
                              std::move(problem), "as in listen: /ingest/readings");
  options.token = params.text("token");
  read_headers(context, options);
  const int64_t body_max = params.size("max_body");
  if (body_max < 1 || body_max > kBodyMax)
    context.diagnostics.error(kBadLimit, params.span("max_body"), "'max_body' is from 1B to 16MiB");
  options.body_bytes_max = static_cast<size_t>(body_max);
  SourceBuild out;
  if (context.diagnostics.errors() != errors) return out;
  out.address = path->secret ? "***" : options.path;
  out.claim = {"the path " + out.address + " of the daemon's server", path->span};
  out.meta.assign(std::begin(IngestSource::kMeta), std::end(IngestSource::kMeta));
  out.source = std::make_unique<IngestSource>(std::move(options));
  return out;
}

}  // namespace
}  // namespace http

void register_http(Registry& registry, Ingest* ingest) {
  using enum OptionType;
  SourceDescriptor source;
  source.kind = "http";
  source.schemes = {"http"};
  source.summary = "records that clients POST to a path of the daemon's own server";
  source.options = {
      {.name = "listen", .type = kText, .help = "the path, as in /ingest/readings"},
      {.name = "token",
       .type = kText,
       .help = "what clients must send as 'Authorization: Bearer …'; by default anybody who "
               "reaches the server may send"},
      {.name = "headers",
       .type = kTexts,
       .help = "request headers that become meta.headers, a map by names in small letters"},
      {.name = "max_body",
       .type = kSize,
       .help = "larger bodies are answered 413; at most 16MiB",
       .fallback = "1MiB"},
  };
  source.formats = {"json"};
  source.example = "http: {listen: /ingest/readings}\ntime: ts";
  source.build = [ingest](BuildContext& context) { return http::build_source(context, ingest); };
  registry.source(std::move(source));
}

}  // namespace streamflow
