#include "daemon/config_yaml.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "core/option_value.h"
#include "daemon/yaml_parts.h"
#include "daemon/yaml_tree.h"

namespace streamflow {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameBytesMax = 100;
constexpr size_t kProblemsMax = 200;  // then further steps are not looked at

const std::vector<std::string> kTopLevelKeys = {"name",    "delivery",  "from", "steps",
                                                "streams", "input_log", "tests"};
const std::vector<std::string> kStreamKeys = {"from", "steps"};
const std::vector<std::string> kTestKeys = {"name", "given", "expect", "exact"};

// What other tools call these keys.
std::string_view key_hint(std::string_view key) {
  constexpr std::pair<std::string_view, std::string_view> kHints[] = {
      {"source", "write 'from'"},
      {"sources", "write 'from', or 'streams' for several"},
      {"input", "write 'from'"},
      {"inputs", "write 'from', or 'streams' for several"},
      {"pipeline", "write 'steps'"},
      {"transforms", "write 'steps'"},
      {"operators", "write 'steps'"},
      {"processors", "write 'steps'"},
      {"sink", "write a 'save' step"},
      {"sinks", "write 'save' steps"},
      {"output", "write a 'save' step"},
      {"outputs", "write 'save' steps"},
      {"pipelines", "a file holds one pipeline; 'streams' names its streams"},
  };
  for (const auto& [word, hint] : kHints) {
    if (word == key) return hint;
  }
  return {};
}

class Reader {
 public:
  Reader(PipelineSpec& spec, const Registry& registry, Diagnostics& diagnostics)
      : spec_(spec), registry_(registry), diagnostics_(diagnostics) {}

  void read(const SpecValue& root) {
    for (const auto& [key, value] : root.entries) top_level(key, value);
    const SpecValue* const streams = root.find("streams");
    const SpecValue* const from = root.find("from");
    const SpecValue* const steps = root.find("steps");
    if (streams != nullptr) {
      if (from != nullptr || steps != nullptr) mixed(root);
      read_streams(*streams);
      return;
    }
    if (from == nullptr) {
      diagnostics_.error("E0114", root.entries.front().first.span, "this pipeline has no 'from:'",
                         "'from:' names its source", "streamflowd list source");
    }
    SpecValue name = SpecValue::scalar("main");
    name.span = spec_.name_span;
    read_stream(std::move(name), from, steps);
  }

 private:
  void top_level(const SpecValue& key, const SpecValue& value) {
    const std::string& word = key.text;
    if (word == "name") {
      read_name(value);
    } else if (word == "delivery") {
      read_delivery(key, value);
    } else if (word == "input_log") {
      read_input_log(key, value);
    } else if (word == "tests") {
      read_tests(value);
    } else {
      known(key, kTopLevelKeys, "");
    }
  }

  bool known(const SpecValue& key, const std::vector<std::string>& keys, const std::string& where) {
    if (std::find(keys.begin(), keys.end(), key.text) != keys.end()) return true;
    std::string label(key_hint(key.text));
    const std::vector<std::string> verbs = registry_.verbs();
    const std::string likely = nearest(key.text, keys);
    std::string help;
    for (const std::string& each : keys) help += (help.empty() ? "one of " : ", ") + each;
    if (label.empty() && !likely.empty()) label = "did you mean '" + likely + "'?";
    if (label.empty() && std::find(verbs.begin(), verbs.end(), key.text) != verbs.end()) {
      label = "a step: write it under 'steps:' with '- '";
    }
    diagnostics_.error("E0113", key.span, "unknown key '" + key.text + "'" + where,
                       std::move(label), std::move(help));
    return false;
  }

  void read_name(const SpecValue& value) {
    const bool good = value.is_scalar() && !value.text.empty() &&
                      value.text.size() <= kNameBytesMax && value.text.front() != '.' &&
                      std::none_of(value.text.begin(), value.text.end(), [](char c) {
                        return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
                      });
    if (!good) {
      diagnostics_.error("E0125", value.span, "this cannot be the name of a pipeline",
                         "a text of at most 100 bytes, without '/', not beginning with '.'");
      return;
    }
    spec_.name = value.text;
    spec_.name_span = value.span;
  }

  // One option of the file itself, checked as an option of a step is.
  Params check(const SpecValue& key, const SpecValue& value, const OptionDescriptor& descriptor) {
    static const std::vector<OptionDescriptor> none;
    return validate("'" + key.text + "'", "", key, &value, &descriptor, {}, none, diagnostics_);
  }

  void read_delivery(const SpecValue& key, const SpecValue& value) {
    const OptionDescriptor descriptor{.name = "delivery",
                                      .type = OptionType::kChoice,
                                      .help = "at_least_once is the default",
                                      .choices = {"at_most_once", "at_least_once", "exactly_once"},
                                      .required = true};
    const Params params = check(key, value, descriptor);
    if (!params.has("delivery")) return;
    spec_.delivery = value.text;
    spec_.delivery_span = value.span;
  }

  void read_input_log(const SpecValue& key, const SpecValue& value) {
    spec_.input_log = value;
    if (!value.is_map()) {
      diagnostics_.error("E0104", value.span, "'input_log' takes a map", "as in {keep: 2h}");
      return;
    }
    static const std::vector<OptionDescriptor> options = {
        {.name = "keep", .type = OptionType::kDuration, .help = "how long the log reaches back"}};
    validate("'input_log'", "", key, nullptr, nullptr, value.entries, options, diagnostics_);
  }

  void read_tests(const SpecValue& value) {
    spec_.tests = value;
    if (!value.is_list()) {
      diagnostics_.error("E0126", value.span, "'tests' is a list: begin each test with '- '");
      return;
    }
    for (const SpecValue& test : value.items) {
      if (!test.is_map()) {
        diagnostics_.error("E0126", test.span, "a test has 'given' and 'expect'");
        continue;
      }
      for (const auto& [key, part] : test.entries) known(key, kTestKeys, " in a test");
      for (const char* needed : {"given", "expect"}) {
        if (test.find(needed) == nullptr) {
          diagnostics_.error("E0126", test.entries.front().first.span,
                             std::string("this test has no '") + needed + "'");
        }
      }
    }
  }

  void mixed(const SpecValue& root) {
    for (const auto& [key, value] : root.entries) {
      if (key.text != "from" && key.text != "steps") continue;
      diagnostics_.error("E0124", key.span, "'" + key.text + "' beside 'streams'",
                         "write it under one of the streams");
    }
  }

  void read_streams(const SpecValue& streams) {
    if (!streams.is_map() || streams.entries.empty()) {
      diagnostics_.error("E0104", streams.span, "'streams' is a map of names to streams",
                         "as in temperature: {from: …, steps: […]}");
      return;
    }
    for (const auto& [name, body] : streams.entries) {
      if (!is_stream_name(name.text)) {
        diagnostics_.error("E0117", name.span, "'" + name.text + "' cannot name a stream",
                           "letters, digits, _ and -, a letter or _ first");
        continue;
      }
      if (!body.is_map() || body.entries.empty()) {
        diagnostics_.error("E0104", body.span,
                           "stream '" + name.text + "' takes 'from' and 'steps'",
                           "as in " + name.text + ": {from: …, steps: […]}");
        continue;
      }
      for (const auto& [key, value] : body.entries) {
        known(key, kStreamKeys, " in stream '" + name.text + "'");
      }
      const SpecValue* const from = body.find("from");
      if (from == nullptr) {
        diagnostics_.error("E0114", name.span, "stream '" + name.text + "' has no 'from:'",
                           "a source or another stream");
      }
      read_stream(name, from, body.find("steps"));
    }
  }

  void read_stream(SpecValue name, const SpecValue* from, const SpecValue* steps) {
    StreamSpec stream;
    stream.name = std::move(name);
    if (from != nullptr) stream.from = read_inputs(*from, registry_, diagnostics_);
    if (steps != nullptr && !steps->is_list() && !steps->is_null()) {
      diagnostics_.error("E0104", steps->span, "'steps' is a list", "begin each step with '- '");
    } else if (steps != nullptr) {
      for (const SpecValue& item : steps->items) {
        if (diagnostics_.errors() > kProblemsMax) break;
        if (auto step = read_step(item, registry_, diagnostics_)) {
          stream.steps.push_back(std::move(*step));
        }
      }
    }
    spec_.streams.push_back(std::move(stream));
  }

  PipelineSpec& spec_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
};

SourceFilePtr read_file(const fs::path& path, Diagnostics& diagnostics) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string text(kYamlBytesMax + 1, '\0');
  if (!stream ||
      (!stream.read(text.data(), static_cast<std::streamsize>(text.size())) && !stream.eof())) {
    const std::string reason = errno != 0 ? std::strerror(errno) : "it is no file";
    diagnostics.error("E0001", {}, "cannot read '" + path.string() + "': " + reason);
    return {};
  }
  text.resize(static_cast<size_t>(stream.gcount()));
  return std::make_shared<const SourceFile>(SourceFile{path.string(), std::move(text)});
}

// The file, or the folder's pipeline files in order.
std::vector<fs::path> files_of(const std::string& path, Diagnostics& diagnostics) {
  std::error_code error;
  std::vector<fs::path> files = config_files(path, error);
  if (error) {
    diagnostics.error("E0001", {}, "cannot read '" + path + "': " + error.message());
  } else if (files.empty()) {
    diagnostics.error("E0130", {}, "no *.yaml or *.yml in folder '" + path + "'");
  }
  return files;
}

void report_same_names(const std::vector<PipelineSpec>& specs, Diagnostics& diagnostics) {
  for (size_t i = 0; i < specs.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (specs[i].name != specs[j].name) continue;
      const Span& other = specs[j].name_span;
      const LineColumn place = line_column(*other.file, other.begin);
      diagnostics.error("E0119", specs[i].name_span,
                        "two pipelines have the name '" + specs[i].name + "'",
                        "the other is at " + other.file->name + ":" + std::to_string(place.line) +
                            ":" + std::to_string(place.column));
      break;
    }
  }
}

}  // namespace

std::vector<fs::path> config_files(const std::string& path, std::error_code& error) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return {path};
  std::vector<fs::path> files;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& file = entries->path();
    const bool yaml = file.extension() == ".yaml" || file.extension() == ".yml";
    if (yaml && !file.filename().string().starts_with('.') && entries->is_regular_file(ignored)) {
      files.push_back(file);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<PipelineSpec> load(const SourceFilePtr& file, const std::string& folder,
                                 const Registry& registry, const Lookup& lookup,
                                 Diagnostics& diagnostics) {
  std::optional<SpecValue> root = parse_yaml(file, diagnostics);
  if (!root) return {};
  if (!root->is_map() || root->entries.empty()) {
    diagnostics.error("E0118", root->span, "this is no pipeline", "it takes 'from:' and 'steps:'",
                      "streamflowd demo --eject prints an example");
    return {};
  }
  interpolate(*root, lookup, diagnostics);
  PipelineSpec spec;
  spec.file = file;
  spec.folder = folder;
  spec.name = fs::path(file->name).stem().string();
  spec.name_span = {file, 0, 0};
  Reader(spec, registry, diagnostics).read(*root);
  return spec;
}

std::vector<PipelineSpec> load_path(const std::string& path, const Registry& registry,
                                    Diagnostics& diagnostics) {
  std::vector<PipelineSpec> specs;
  for (const fs::path& file : files_of(path, diagnostics)) {
    const SourceFilePtr source = read_file(file, diagnostics);
    if (!source) continue;
    const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
    auto spec = load(source, folder, registry, environment(folder), diagnostics);
    if (spec) specs.push_back(std::move(*spec));
  }
  report_same_names(specs, diagnostics);
  return specs;
}

void check_syntax(const std::string& path, Diagnostics& diagnostics) {
  for (const fs::path& file : files_of(path, diagnostics)) {
    if (const SourceFilePtr source = read_file(file, diagnostics)) parse_yaml(source, diagnostics);
  }
}

}  // namespace streamflow
