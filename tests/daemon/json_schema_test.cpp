#include "daemon/json_schema.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/value.h"
#include "daemon/list.h"
#include "tests/daemon/sample_registry.h"

namespace streamflow {
namespace {

const Value* find_member(const Value& map, std::string_view name) {
  for (const auto& [key, value] : map.entries()) {
    if (key.text() == name) return &value;
  }
  return nullptr;
}

// Every reference must have its definition.
void check_references(const Value& value, const Value& definitions) {
  if (value.is(Kind::kList)) {
    for (const Value& item : value.items()) check_references(item, definitions);
  }
  if (!value.is(Kind::kMap)) return;
  for (const auto& [key, entry] : value.entries()) {
    if (key.text() == "$ref") {
      const std::string target(entry.text());
      CAPTURE(target);
      REQUIRE(target.starts_with("#/definitions/"));
      CHECK(find_member(definitions, target.substr(14)) != nullptr);
    } else {
      check_references(entry, definitions);
    }
  }
}

TEST_CASE("the schema is JSON, draft-07, and every reference has its definition") {
  const std::string text = json_schema(sample_registry());
  const Value schema = parse_json(text);
  REQUIRE(schema.is(Kind::kMap));
  CHECK(find_member(schema, "$schema")->text() == "http://json-schema.org/draft-07/schema#");
  REQUIRE(find_member(schema, "definitions") != nullptr);
  check_references(schema, *find_member(schema, "definitions"));
  for (const char* word :
       {"\"filter\"", "\"window\"", "\"mqtt\"", "\"lateness\"", "\"plot\"", "\"id\""}) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}

constexpr char kValidator[] = R"(
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
wrong = []
for document in yaml.safe_load(open(sys.argv[2])):
    good = not list(validator.iter_errors(document['pipeline']))
    if good != document['good']:
        wrong.append(document)
if wrong: print(wrong)
sys.exit(1 if wrong else 0)
)";

constexpr char kDocuments[] = R"(
- {good: true, pipeline: {name: a, from: "mqtt://localhost/a/#", steps: [{filter: x > 1}, log]}}
- {good: true, pipeline: {from: {mqtt: mqtt://localhost, topics: [a, b], qos: 1, lateness: 5s}}}
- {good: true, pipeline: {from: {mqtt: "${URL}", topics: a, qos: "${QOS}"}, steps: null}}
- {good: true, pipeline: {from: [a, b.late, "file:-"], steps: [{limit: 3}, {plot: line, y: [a, b]}]}}
- {good: true, pipeline: {streams: {a: {from: "file:-"}, b: {from: a, steps: [{window: 60s, by: {z: x}, select: {m: mean(x)}, id: w}]}}}}
- {good: true, pipeline: {from: "file:-", steps: [{save: "file:out.csv", rotate: 8MiB}, {log: null}], tests: [{given: [{a: 1}], expect: {main: []}}]}}
- {good: true, pipeline: {from: "file:-", steps: [{derive: {a: null, b: 1, c: x}}, {select: [a, {b: c}]}]}}
- {good: false, pipeline: {steps: []}}
- {good: false, pipeline: {from: "file:-", streams: {a: {from: "file:-"}}}}
- {good: false, pipeline: {from: "file:-", unknown: 1}}
- {good: false, pipeline: {from: {mqtt: mqtt://localhost, topcs: [a]}}}
- {good: false, pipeline: {from: {mqtt: mqtt://localhost, topics: [a], qos: 3}}}
- {good: false, pipeline: {from: {mqtt: mqtt://localhost, topics: [a], format: jsn}}}
- {good: false, pipeline: {from: data.csv}}
- {good: false, pipeline: {from: "file:-", steps: [{filtr: x}]}}
- {good: false, pipeline: {from: "file:-", steps: [{filter: x, window: 60s}]}}
- {good: false, pipeline: {from: "file:-", steps: [{window: 60}]}}
- {good: false, pipeline: {from: "file:-", steps: [{chart: lines}]}}
- {good: false, pipeline: {from: "file:-", steps: [{save: nowhere}]}}
- {good: false, pipeline: {from: "file:-", steps: [filter]}}
- {good: false, pipeline: {from: "file:-", delivery: twice}}
)";

TEST_CASE("a validator accepts good pipelines by the schema and refuses bad ones") {
  namespace fs = std::filesystem;
  if (std::system("python3 -c 'import jsonschema, yaml' 2>/dev/null") != 0) {
    MESSAGE("python3 jsonschema is not installed: not run");
    return;
  }
  std::string name = (fs::temp_directory_path() / "streamflow-XXXXXX").string();
  const fs::path folder = mkdtemp(name.data());
  const auto write = [&](const char* file, std::string_view text) {
    std::ofstream(folder / file, std::ios::binary) << text;
    return (folder / file).string();
  };
  const std::string command = "python3 -W ignore " + write("check.py", kValidator) + " " +
                              write("schema.json", json_schema(sample_registry())) + " " +
                              write("documents.yaml", kDocuments);
  CHECK(std::system(command.c_str()) == 0);
  fs::remove_all(folder);
}

TEST_CASE("list: an overview, one entry whole, and the nearest word for an unknown one") {
  const Registry registry = sample_registry();
  const std::string all = list_text(registry, "", "").value();
  for (const char* word : {"Verbs", "filter", "save", "Sources", "mqtt", "Sinks", "Functions"}) {
    CHECK(all.find(word) != std::string::npos);
  }
  const std::string window = list_text(registry, "verb", "window").value();
  CHECK(window.find("pandas: resample().agg") != std::string::npos);
  CHECK(window.find("skip | zero | null | previous") != std::string::npos);
  CHECK(window.find("(required)") != std::string::npos);
  CHECK(window.find("  window: 60s\n  mean: temperature\n") != std::string::npos);
  const std::string mqtt = list_text(registry, "source", "mqtts").value();
  CHECK(mqtt.find("schemes: mqtt, mqtts") != std::string::npos);
  CHECK(mqtt.find("lateness:") != std::string::npos);
  CHECK(list_text(registry, "verb", "chart").value().find("bins:") != std::string::npos);
  CHECK(list_text(registry, "verb", "save").value().find("file") != std::string::npos);
  CHECK(list_text(registry, "sink", "file").value().find("rotate:") != std::string::npos);
  CHECK(list_text(registry, "verb", "filtr").error().message ==
        "there is no verb 'filtr'; did you mean 'filter'?");
  CHECK(list_text(registry, "verbs", "").error().message ==
        "there is no list of 'verbs'; did you mean 'verb'?");
  CHECK_FALSE(list_text(registry, "sink", "nowhere"));
  CHECK_FALSE(list_text(registry, "function", "no_such_function"));
}

}  // namespace
}  // namespace streamflow
