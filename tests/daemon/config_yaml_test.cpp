#include "daemon/config_yaml.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "daemon/yaml_tree.h"
#include "tests/daemon/sample_registry.h"

namespace streamflow {
namespace {

namespace fs = std::filesystem;

SourceFilePtr file_of(std::string text) {
  return std::make_shared<const SourceFile>(SourceFile{"p.yaml", std::move(text)});
}

std::string codes(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics.all()) out += (out.empty() ? "" : " ") + d.code;
  return out;
}

struct Loaded {
  SourceFilePtr file;
  Diagnostics diagnostics;
  std::optional<PipelineSpec> spec;
};

Lookup fake_lookup() {
  Lookup lookup;
  lookup.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOST") return "broker.example";
    if (name == "EMPTY") return "";
    if (name == "TRICKY") return "a: [b\n# ${HOST}";
    return {};
  };
  lookup.file = [](const std::string& path) -> Result<std::string> {
    if (path == "/run/secrets/x") return "hunter2";
    return fail(ErrorKind::kConfig, "cannot read '" + path + "'");
  };
  return lookup;
}

Loaded load_text(std::string text) {
  static const Registry registry = sample_registry();
  Loaded out;
  out.file = file_of(std::move(text));
  out.spec = load(out.file, ".", registry, fake_lookup(), out.diagnostics);
  return out;
}

// The value at the top-level key `a`.
struct Parsed {
  Diagnostics diagnostics;
  std::optional<SpecValue> root;
  const SpecValue& a() const { return *root->find("a"); }
};
Parsed parse(std::string text) {
  Parsed out;
  out.root = parse_yaml(file_of(std::move(text)), out.diagnostics);
  return out;
}

std::string_view at(const SpecValue& value, size_t begin, size_t end) {
  return source_text(value.part(begin, end));
}

TEST_CASE("the short form is one stream called main") {
  const Loaded loaded = load_text(
      "name: temperature\n"
      "from: \"mqtt://localhost:1883/sensors/#\"\n"
      "steps:\n"
      "  - filter: temperature > 25\n"
      "  - window: 60s\n"
      "    mean: temperature              # gives temperature_mean\n"
      "  - chart: line\n"
      "    y: temperature_mean\n"
      "    title: \"Température moyenne par minute\"\n");
  CHECK(loaded.diagnostics.render() == "");
  const PipelineSpec& spec = *loaded.spec;
  CHECK(spec.name == "temperature");
  CHECK(spec.delivery == "at_least_once");
  REQUIRE(spec.streams.size() == 1);
  const StreamSpec& main = spec.streams[0];
  CHECK(main.name.text == "main");
  REQUIRE(main.from.size() == 1);
  CHECK_FALSE(main.from[0].is_stream);
  CHECK(main.from[0].name.text == "mqtt://localhost:1883/sensors/#");
  CHECK(main.from[0].value.is_null());
  REQUIRE(main.steps.size() == 3);
  CHECK(main.steps[1].verb.text == "window");
  CHECK(main.steps[1].argument.text == "60s");
  CHECK(main.steps[1].options[0].first.text == "mean");
  CHECK(main.steps[2].options[1].second.text == "Température moyenne par minute");
}

TEST_CASE("the long form keeps its streams in written order") {
  const Loaded loaded = load_text(
      "delivery: exactly_once\n"
      "input_log: {keep: 2h}\n"
      "streams:\n"
      "  z:\n"
      "    from: {mqtt: \"mqtt://localhost\", topics: [a], format: number}\n"
      "  a:\n"
      "    from: [z, z.late, \"file:-\", {file: data.csv, follow: true}]\n"
      "    steps:\n"
      "      - by: device\n"
      "        select: {m: max(t) - min(t)}\n"
      "        window: 60s\n");
  CHECK(loaded.diagnostics.render() == "");
  const PipelineSpec& spec = *loaded.spec;
  CHECK(spec.name == "p");  // the file's stem
  CHECK(spec.delivery == "exactly_once");
  REQUIRE(spec.streams.size() == 2);
  CHECK(spec.streams[0].name.text == "z");
  CHECK(spec.streams[0].from[0].name.text == "mqtt");
  CHECK(spec.streams[0].from[0].value.text == "mqtt://localhost");
  CHECK(spec.streams[0].from[0].options.size() == 2);
  const auto& from = spec.streams[1].from;
  REQUIRE(from.size() == 4);
  CHECK(from[0].is_stream);
  CHECK(from[1].is_stream);
  CHECK_FALSE(from[2].is_stream);
  CHECK(from[3].name.text == "file");
  // The verb is the key that takes the others as options, wherever it stands.
  CHECK(spec.streams[1].steps[0].verb.text == "window");
  CHECK(spec.streams[1].steps[0].options.size() == 2);
}

TEST_CASE("keys and scalars stay text: on, y, off and 010 mean what the option says") {
  const Loaded loaded = load_text(
      "from: file:-\nsteps:\n  - chart: line\n    y: off\n    x: on\n    title: 010\n  - log\n");
  CHECK(loaded.diagnostics.render() == "");
  const auto& options = loaded.spec->streams[0].steps[0].options;
  CHECK(options[0].first.text == "y");
  CHECK(options[0].second.text == "off");
  CHECK(options[1].second.text == "on");
  CHECK(options[2].second.text == "010");
  CHECK_FALSE(options[2].second.quoted);
  CHECK(loaded.spec->streams[0].steps[1].verb.text == "log");
}

TEST_CASE("null and ~ keep their text, quotes are remembered") {
  const Parsed parsed = parse("a: [null, ~, 'null', \"~\", |-\n  x\n  ]\n");
  CHECK_FALSE(parsed.root);  // a block scalar has no place in brackets
  const Parsed good = parse("a: [null, ~, 'null', \"1\"]\nb:\n");
  const auto& items = good.a().items;
  CHECK(items[0].is_null());
  CHECK(items[0].text == "null");
  CHECK(items[1].text == "~");
  CHECK(items[2].quoted);
  CHECK(items[2].is_scalar());
  CHECK(items[3].quoted);
  const SpecValue& b = *good.root->find("b");
  CHECK(b.is_null());
  CHECK(b.text.empty());
  CHECK(source_text(b.span) == "b");
}

TEST_CASE("places in plain scalars, also behind French text") {
  const Parsed parsed = parse("é: ü\na: température > 25  # été\n");
  CHECK(at(parsed.a(), 0, 12) == "température");
  CHECK(at(parsed.a(), 15, 17) == "25");
  CHECK(source_text(parsed.a().span) == "température > 25");
}

TEST_CASE("places in folded plain scalars") {
  const Parsed parsed = parse("a: x > 1 &&  \n   yy < 2 &&\n\n   zz\nb: 1\n");
  CHECK(parsed.a().text == "x > 1 && yy < 2 &&\nzz");
  CHECK(at(parsed.a(), 9, 11) == "yy");
  CHECK(at(parsed.a(), 19, 21) == "zz");
}

TEST_CASE("places in single-quoted scalars") {
  const Parsed parsed = parse("a: 'name == ''x'' && yy'\n");
  CHECK(parsed.a().text == "name == 'x' && yy");
  CHECK(at(parsed.a(), 0, 4) == "name");
  CHECK(at(parsed.a(), 8, 9) == "''");
  CHECK(at(parsed.a(), 15, 17) == "yy");
  const Parsed folded = parse("a: 'one\n\n   two\n   three'\n");
  CHECK(folded.a().text == "one\ntwo three");
  CHECK(at(folded.a(), 4, 7) == "two");
  CHECK(at(folded.a(), 8, 13) == "three");
}

TEST_CASE("places in double-quoted scalars") {
  const Parsed parsed = parse("a: \"x == \\\"\\u00e9\\t\\x41\\\" && yy\"\n");
  CHECK(parsed.a().text == "x == \"é\tA\" && yy");
  CHECK(at(parsed.a(), 6, 8) == "\\u00e9");
  CHECK(at(parsed.a(), 8, 9) == "\\t");
  CHECK(at(parsed.a(), 15, 17) == "yy");
  CHECK(source_text(parsed.a().span).front() == '"');
  CHECK(source_text(parsed.a().span).back() == '"');
  const Parsed joined = parse("a: \"one \\\n   two\n   three\"\n");
  CHECK(joined.a().text == "one two three");
  CHECK(at(joined.a(), 4, 7) == "two");
  CHECK(at(joined.a(), 8, 13) == "three");
}

TEST_CASE("places in literal block scalars") {
  const Parsed parsed = parse("a: |\n    x > 1 &&\n\n      yy < 2\nb: 1\n");
  CHECK(parsed.a().text == "x > 1 &&\n\n  yy < 2\n");
  CHECK(at(parsed.a(), 0, 1) == "x");
  CHECK(at(parsed.a(), 12, 14) == "yy");
  CHECK(parsed.a().quoted);
  CHECK(source_text(parsed.a().span).ends_with("yy < 2"));
  const Parsed keep = parse("a: |2+\n   x\n\nb: 1\n");
  CHECK(keep.a().text == " x\n\n");
  CHECK(at(keep.a(), 1, 2) == "x");
}

TEST_CASE("places in folded block scalars") {
  const Parsed parsed = parse("a: >-\n  x > 1\n  && yy\n\n  zz\n   deeper\n  end\n");
  CHECK(parsed.a().text == "x > 1 && yy\nzz\n deeper\nend");
  CHECK(at(parsed.a(), 9, 11) == "yy");
  CHECK(at(parsed.a(), 12, 14) == "zz");
  CHECK(at(parsed.a(), 16, 22) == "deeper");
  CHECK(at(parsed.a(), 23, 26) == "end");
}

TEST_CASE("places with a byte order mark and CRLF") {
  const Parsed parsed = parse("\xEF\xBB\xBFz: 1\r\na: 'x\r\n  yy'\r\nb: |\r\n  one\r\n  two\r\n");
  CHECK(parsed.a().text == "x yy");
  CHECK(at(parsed.a(), 2, 4) == "yy");
  const SpecValue& b = *parsed.root->find("b");
  const size_t two = b.text.find("two");
  REQUIRE(two != std::string::npos);
  CHECK(at(b, two, two + 3) == "two");
}

TEST_CASE("spans of collections end with their brackets or their last entry") {
  const Parsed parsed = parse("a: [1, {b: 2} , # ]\n  'x]' ]\nb:\n  - 1\n  - c: 2 # end\n");
  CHECK(source_text(parsed.a().span) == "[1, {b: 2} , # ]\n  'x]' ]");
  CHECK(source_text(parsed.a().items[1].span) == "{b: 2}");
  CHECK(source_text(parsed.root->find("b")->span) == "- 1\n  - c: 2");
}

TEST_CASE("random scalars: every byte of the value points at a byte that can have made it") {
  std::mt19937 random(20240101);
  const std::string alphabet = "ab c\n'\"\\:#é-";
  for (int round = 0; round < 2000; ++round) {
    std::string body;
    for (unsigned i = 0, n = random() % 24; i < n; ++i)
      body += alphabet[random() % alphabet.size()];
    const char quote = random() % 2 == 0 ? '\'' : '"';
    std::string text = "a: ";
    text += quote;
    for (const char c : body) {
      if (quote == '\'' && c == '\'') text += '\'';
      if (quote == '"' && (c == '"' || c == '\\')) text += '\\';
      text += c;
      if (c == '\n') text += "  ";
    }
    text += quote;
    text += "\n";
    Diagnostics diagnostics;
    const auto root = parse_yaml(file_of(text), diagnostics);
    if (!root) continue;  // broken UTF-8, a cut `é`
    const SpecValue& value = *root->find("a");
    CAPTURE(text);
    REQUIRE(value.offsets);
    REQUIRE(value.offsets->size() == value.text.size() + 1);
    for (size_t i = 0; i < value.text.size(); ++i) {
      const uint32_t offset = (*value.offsets)[i];
      const char c = text[offset];
      const bool fold = value.text[i] == ' ' || value.text[i] == '\n';
      CHECK((c == value.text[i] || (fold && (c == '\n' || c == ' ')) || (c == '\\' || c == '\'')));
      CHECK((*value.offsets)[i + 1] >= offset);
    }
  }
}

TEST_CASE("variables are text, keep their places and are marked as secret") {
  const Loaded loaded = load_text(
      "from: {mqtt: \"mqtt://${HOST}:${PORT:-1883}/x\", topics: [\"${TRICKY}\"],\n"
      "       password: \"${file:/run/secrets/x}\"}\n"
      "steps:\n  - filter: name == '$${HOST}$' && \"$HOST\" == x\n");
  CHECK(loaded.diagnostics.render() == "");
  const InputSpec& input = loaded.spec->streams[0].from[0];
  CHECK(input.value.text == "mqtt://broker.example:1883/x");
  CHECK(input.value.secret);
  CHECK(source_text(input.value.part(10, 12)) == "${HOST}");
  CHECK(source_text(input.value.part(22, 26)) == "${PORT:-1883}");
  CHECK(source_text(input.value.part(27, 28)) == "x");
  CHECK(input.options[0].second.items[0].text ==
        "a: [b\n# ${HOST}");  // never read as YAML, nor twice
  CHECK(input.options[1].second.text == "hunter2");
  const SpecValue& filter = loaded.spec->streams[0].steps[0].argument;
  CHECK(filter.text == "name == '${HOST}$' && \"$HOST\" == x");
  CHECK_FALSE(filter.secret);
}

TEST_CASE("a default alone is no secret; an empty variable takes the default") {
  const Loaded loaded =
      load_text("from: \"file:${EMPTY:-data.csv}\"\nsteps: [{log: \"${EMPTY}\"}]\n");
  CHECK(loaded.diagnostics.render() == "");
  CHECK(loaded.spec->streams[0].from[0].name.text == "file:data.csv");
  CHECK_FALSE(loaded.spec->streams[0].from[0].name.secret);
  CHECK(loaded.spec->streams[0].steps[0].argument.text == "");
}

TEST_CASE("variables: unset, malformed, unreadable and forbidden ones are errors with places") {
  const auto reported = [](const std::string& value) {
    return codes(load_text("from: file:-\nsteps: [{log: \"" + value + "\"}]\n").diagnostics);
  };
  CHECK(reported("${NOT_SET}") == "E0120");
  CHECK(reported("${EMPTY:?}") == "E0120");
  CHECK(reported("${}") == "E0121");
  CHECK(reported("${1A}") == "E0121");
  CHECK(reported("${A B}") == "E0121");
  CHECK(reported("${A:+x}") == "E0121");
  CHECK(reported("${HOST") == "E0121");
  CHECK(reported("${file:nothing}") == "E0122");
  CHECK(reported("{HOST} $HOST $") == "");
  Lookup none;
  none.variable = [](const std::string&) { return std::nullopt; };
  Diagnostics diagnostics;
  SpecValue value = SpecValue::scalar("${file:/etc/passwd}");
  interpolate(value, none, diagnostics);
  CHECK(codes(diagnostics) == "E0122");
  CHECK(value.text.empty());
}

TEST_CASE("keys are not interpolated") {
  const Loaded loaded = load_text("from: file:-\nsteps:\n  - derive: {'${HOST}': x}\n");
  CHECK(loaded.spec->streams[0].steps[0].argument.entries[0].first.text == "${HOST}");
}

TEST_CASE("hostile files get an error and no crash") {
  const auto reported = [](std::string text) { return codes(parse(std::move(text)).diagnostics); };
  std::string bomb = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [*" + static_cast<char>(c - 1) + ", *" +
            static_cast<char>(c - 1) + "]\n";
  }
  CHECK(reported(bomb).starts_with("E0005"));
  CHECK(reported("a: &x [*x]\n").starts_with("E0005"));
  CHECK(reported(std::string(100'000, '[')) == "E0008");
  CHECK(reported(std::string(100'000, '{')).starts_with("E00"));
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  CHECK(reported(deep.substr(0, 900'000)) == "E0008");
  CHECK(reported("a: " + std::string(70'000, 'x')) == "E0010");
  CHECK(reported(std::string(kYamlBytesMax + 1, ' ')) == "E0009");
  std::string many = "a: [";
  for (int i = 0; i < 200'000; ++i) many += "1,";
  CHECK(reported(many + "1]") == "E0009");
  CHECK(reported(std::string("a: \0b", 5)) == "E0014");
  CHECK(reported("a: \x1b[31m\n") == "E0014");
  CHECK(reported("\xFF\xFE"
                 "a\0:\0") == "E0014");  // UTF-16
  CHECK(reported("a: !!binary x\n") == "E0007");
  CHECK(reported("? [a]\n: b\n") == "E0015");
  CHECK(reported("a: 1\na: 2\n'a': 3\n") == "E0004 E0004");
  CHECK(reported("{a: {b: 1, b: 2}}\n") == "E0004");
  CHECK(reported("a: b: c\n") == "E0012");
  CHECK(reported("a: 1\n...\nb: 2\n") != "");
  CHECK(reported("") == "E0022");
  CHECK(reported("---\n") == "");
}

TEST_CASE("random damage to a good file is reported or loaded, never anything else") {
  const std::string good =
      "name: x\nfrom: {mqtt: \"mqtt://localhost\", topics: ['a/#', \"b\"]}\nsteps:\n"
      "  - filter: x > 1 && y == 'é'\n  - derive:\n      a: |\n        x + 1\n      b: >-\n        "
      "y\n"
      "  - window: 60s\n    by: [a, {b: c}]\n    select: {m: mean(x)}\n  - chart: line # end\n";
  const std::string pieces = "[]{}'\"#:&*!|>%@`,-? \n\t\\$x";
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (unsigned i = 0, n = 1 + random() % 4; i < n; ++i) {
      const size_t place = random() % text.size();
      switch (random() % 3) {
        case 0:
          text.erase(place, 1 + random() % 3);
          break;
        case 1:
          text.insert(place, 1, pieces[random() % pieces.size()]);
          break;
        default:
          text[place] = pieces[random() % pieces.size()];
      }
    }
    const Loaded loaded = load_text(text);
    CAPTURE(text);
    CHECK((loaded.spec || !loaded.diagnostics.ok()));
    for (const Diagnostic& d : loaded.diagnostics.all()) {
      CHECK(d.span.begin <= text.size());
      CHECK(d.span.end <= text.size() + 1);
    }
    CHECK(loaded.diagnostics.render().size() < 100'000);
  }
}

TEST_CASE("after structural problems there is still a spec to go on with") {
  const Loaded loaded = load_text("nam: x\nfrom: file:-\nsteps:\n  - filtr: x\n  - log: y\n");
  CHECK(codes(loaded.diagnostics) == "E0113 E0101");
  REQUIRE(loaded.spec);
  CHECK(loaded.spec->streams[0].steps.size() == 2);
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "streamflow-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST_CASE("a folder gives its pipelines in order of name, and one name only once") {
  const Folder folder;
  folder.write("b.yml", "from: file:-\n");
  folder.write("a.yaml", "name: one\nfrom: file:-\n");
  folder.write("c.yaml", "from: file:-\nname: one\n");
  folder.write("d.txt", "not a pipeline");
  folder.write(".e.yaml", "not: one\n");
  const Registry registry = sample_registry();
  Diagnostics diagnostics;
  const auto specs = load_path(folder.path().string(), registry, diagnostics);
  REQUIRE(specs.size() == 3);
  CHECK(specs[0].name == "one");
  CHECK(specs[1].name == "b");
  CHECK(specs[0].folder == folder.path().string());
  REQUIRE(codes(diagnostics) == "E0119");
  CHECK(diagnostics.all()[0].label ==
        "the other is at " + (folder.path() / "a.yaml").string() + ":1:7");
}

TEST_CASE("paths that hold nothing to load say so") {
  const Folder folder;
  const Registry registry = sample_registry();
  Diagnostics missing, empty;
  CHECK(load_path((folder.path() / "no.yaml").string(), registry, missing).empty());
  CHECK(codes(missing) == "E0001");
  CHECK(missing.render().find("No such file") != std::string::npos);
  CHECK(load_path(folder.path().string(), registry, empty).empty());
  CHECK(codes(empty) == "E0130");
}

TEST_CASE("${file:} in a file is read beside it, without its last line break") {
  const Folder folder;
  folder.write("secret", "hunter2\n");
  folder.write("a.yaml", "from: file:-\nsteps: [{log: '${file:secret}'}]\n");
  const Registry registry = sample_registry();
  Diagnostics diagnostics;
  const auto specs = load_path((folder.path() / "a.yaml").string(), registry, diagnostics);
  CHECK(diagnostics.render() == "");
  CHECK(specs.at(0).streams[0].steps[0].argument.text == "hunter2");
}

TEST_CASE("syntax alone: problems of YAML, none of the pipeline") {
  const Folder folder;
  folder.write("a.yaml", "nonsense: [1\n");
  folder.write("b.yaml", "nonsense: 1\n");
  Diagnostics diagnostics;
  check_syntax(folder.path().string(), diagnostics);
  CHECK(codes(diagnostics) == "E0017");
}

}  // namespace
}  // namespace streamflow
