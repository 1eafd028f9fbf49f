#include <doctest/doctest.h>

#include "tests/operators/capture.h"

using namespace streamflow;
using namespace streamflow::test;

namespace {

using Texts = std::vector<std::string>;

Stream records(std::vector<std::string> json) {
  Stream stream;
  Micros time = 0;
  for (std::string& text : json) stream.records.push_back({time++, std::move(text)});
  return stream;
}

// Runs the step over open records and over closed ones, in one batch and row by row.
Capture apply(const std::string& verb, const std::string& argument, const Options& options,
              Stream stream) {
  const MakeOperator make = [&] {
    Built built = build_step(verb, argument, options);
    REQUIRE_MESSAGE(built.op != nullptr, built.problems);
    return std::move(built.op);
  };
  const Capture open = run(make, stream);
  CHECK(run(make, stream, {.batch = 1}) == open);
  stream.open = false;
  const Capture closed = run(make, stream);
  CHECK(run(make, stream, {.batch = 1}) == closed);
  CHECK(closed.failures.size() == open.failures.size());
  CHECK(closed.cell_errors == open.cell_errors);
  CHECK(closed.rows.size() == open.rows.size());
  return open;
}

Schema closed_schema() {
  Schema schema;
  schema.open = false;
  schema.set("device", Type::kString);
  schema.set("temperature", Type::kNumber);
  schema.keys = {"device"};
  return schema;
}

}  // namespace

TEST_CASE("filter: keeps records for which the expression is true, as they came") {
  const Capture out =
      apply("filter", "temperature > 25", {},
            records({R"({"temperature": 25.0})", R"({ "temperature": 25.500 , "x":1})",
                     R"({"temperature":26,"é":[1, 2]})"}));
  CHECK(out.rows ==
        Texts{R"({ "temperature": 25.500 , "x":1})", R"({"temperature":26,"é":[1, 2]})"});
  CHECK(out.counts.passed == 2);
  CHECK(out.counts.filtered == 1);
}

TEST_CASE("filter: a record for which it fails is failed, or with on_error null filtered") {
  const Stream stream = records(
      {R"({"temperature":30})", R"({"temperature":"hot"})", R"({})", R"({"temperature":1})"});
  const Capture out = apply("filter", "temperature > 25", {}, stream);
  CHECK(out.rows == Texts{R"({"temperature":30})"});
  CHECK(out.counts.failed == 2);
  CHECK(out.counts.filtered == 1);
  CHECK(out.failures.size() == 2);
  const Capture null = apply("filter", "temperature > 25", {{"on_error", "null"}}, stream);
  CHECK(null.counts.failed == 0);
  CHECK(null.counts.filtered == 3);
  CHECK(null.cell_errors.size() == 2);
}

TEST_CASE("filter: needs a condition") {
  const Built built = build_step("filter", "temperature + 1");
  CHECK(built.op == nullptr);
  CHECK(built.problems.find("E0306") != std::string::npos);
  CHECK(build_step("filter", "temperature >").op == nullptr);
  CHECK(build_step("filter", "temperature > 1").reads == std::set<std::string>{"temperature"});
}

TEST_CASE("derive: adds and replaces fields, each seeing those above") {
  const Capture out =
      apply("derive", "{b: a + 1, c: b * 2, a: 0}", {}, records({R"({"a":1,"z":5.00})"}));
  CHECK(out.rows == Texts{R"({"a":0,"z":5.00,"b":2,"c":4})"});
}

TEST_CASE("derive: an expression that fails gives null and is counted, or fails the record") {
  const Stream stream = records({R"({"a":1})", R"({"a":"x"})", R"({"a":3})"});
  const Capture out = apply("derive", "{b: a * 2}", {}, stream);
  CHECK(out.rows == Texts{R"({"a":1,"b":2})", R"({"a":"x","b":null})", R"({"a":3,"b":6})"});
  CHECK(out.cell_errors.size() == 1);
  const Capture failed = apply("derive", "{b: a * 2, c: b}", {{"on_error", "fail_record"}}, stream);
  CHECK(failed.rows == Texts{R"({"a":1,"b":2,"c":2})", R"({"a":3,"b":6,"c":6})"});
  CHECK(failed.counts.failed == 1);
}

TEST_CASE("derive: infinity and NaN are null in a field") {
  const Capture out =
      apply("derive", "{b: 1 / a, c: a / a}", {}, records({R"({"a":0})", R"({"a":2})"}));
  CHECK(out.rows == Texts{R"({"a":0,"b":null,"c":null})", R"({"a":2,"b":0.5,"c":1.0})"});
  CHECK(out.cell_errors.empty());
}

TEST_CASE("derive: a plain field is copied with its text") {
  const Capture out = apply("derive", "{b: a}", {}, records({R"({"a":"x\u0041"})", R"({})"}));
  CHECK(out.rows == Texts{R"({"a":"x\u0041","b":"x\u0041"})", R"({})"});
}

TEST_CASE("select: keeps and computes only these, in written order") {
  const Capture out =
      apply("select", "[b, a, {c: a + b}]", {},
            records({R"({"a":1,"x":0,"b":2.50})", R"({"a":null,"b":1})", R"({"b":1})"}));
  CHECK(out.rows == Texts{R"({"b":2.50,"a":1,"c":3.5})", R"({"b":1,"a":null,"c":null})",
                          R"({"b":1,"c":null})"});
  CHECK(out.cell_errors.size() == 2);
  const Capture map = apply("select", "{b: a, a: b}", {}, records({R"({"a":1,"b":2})"}));
  CHECK(map.rows == Texts{R"({"b":1,"a":1})"});
}

TEST_CASE("select: fields that are computed need names, each once") {
  CHECK(build_step("select", "[a + b]").problems.find("E0404") != std::string::npos);
  CHECK(build_step("select", "[a, {a: b}]").problems.find("E0405") != std::string::npos);
  const Built built = build_step("select", "{x: device, y: temperature}", {}, closed_schema());
  REQUIRE(built.op != nullptr);
  CHECK(built.output.names() == Texts{"x", "y"});
  CHECK(!built.output.open);
  CHECK(built.output.keys.empty());
  CHECK(build_step("select", "[device]", {}, closed_schema()).output.keys == Texts{"device"});
}

TEST_CASE("drop: removes fields from open and closed records") {
  const Capture out = apply("drop", "[a, nothing]", {},
                            records({R"({"a":1,"b":{"a":2}})", R"({"b":3})", R"({"a":1})"}));
  CHECK(out.rows == Texts{R"({"b":{"a":2}})", R"({"b":3})", R"({})"});
  CHECK(build_step("drop", "temprature", {}, closed_schema()).problems.find("E0406") !=
        std::string::npos);
  CHECK(build_step("drop", "device", {}, closed_schema()).output.keys.empty());
}

TEST_CASE("rename: all at once, keeping values as they came") {
  const Capture out = apply("rename", "{a: x, b: a}", {}, records({R"({"a":1.50,"b":2,"c":3})"}));
  REQUIRE(out.rows.size() == 1);
  const Value record = parse_json(out.rows[0]);
  REQUIRE(record.is(Kind::kMap));
  CHECK(record.entries().size() == 3);
  CHECK(out.rows[0].find(R"("x":1.5)") != std::string::npos);
  CHECK(out.rows[0].find(R"("a":2)") != std::string::npos);
  CHECK(out.rows[0].find(R"("c":3)") != std::string::npos);
  const Capture swapped = apply("rename", "{a: b, b: a}", {}, records({R"({"a":1,"b":2})"}));
  CHECK(swapped.rows[0].find(R"("a":2)") != std::string::npos);
  CHECK(swapped.rows[0].find(R"("b":1)") != std::string::npos);
  CHECK(apply("rename", "{a: b}", {}, records({R"({"c":1})"})).rows == Texts{R"({"c":1})"});
  const Capture kept = apply("rename", "{a: b}", {},
                             records({R"({"b":1.50})", R"({"a":2.50,"b":0})", R"({"a":"x"})", R"({"a":null,"b":1})"}));
  CHECK(kept.rows == Texts{R"({"b":1.50})", R"({"b":2.50})", R"({"b":"x"})", R"({"b":null})"});
  CHECK(apply("rename", "{a: b, b: a}", {}, records({R"({"b":1})"})).rows == Texts{R"({"a":1})"});
  const Built built = build_step("rename", "{device: sensor}", {}, closed_schema());
  CHECK(built.output.names() == Texts{"sensor", "temperature"});
  CHECK(built.output.keys == Texts{"sensor"});
  CHECK(build_step("rename", "{a: x, b: x}").problems.find("E0405") != std::string::npos);
  CHECK(build_step("rename", "{devise: x}", {}, closed_schema()).problems.find("E0406") !=
        std::string::npos);
}

TEST_CASE("cast: gives fields a type; null and missing stay") {
  const Capture out = apply(
      "cast", "{a: double, b: int, c: string, d: timestamp, e: bool}", {},
      records({R"({"a":"1.50","b":2.9,"c":12,"d":"2024-01-01T00:00:00+01:00","e":"true"})",
               R"({"a":3,"b":" -7 ","c":true,"d":1700000000000,"e":0})", R"({"a":null,"c":"x"})"}));
  CHECK(out.rows == Texts{R"({"a":1.5,"b":2,"c":"12","d":"2023-12-31T23:00:00Z","e":true})",
                          R"({"a":3.0,"b":-7,"c":"true","d":"2023-11-14T22:13:20Z","e":false})",
                          R"({"a":null,"c":"x"})"});
  CHECK(out.cell_errors.empty());
}

TEST_CASE("cast: what cannot be converted becomes null and counts, or fails the record") {
  const Stream stream = records({R"({"a":"abc"})", R"({"a":"0x10"})", R"({"a":1e30})",
                                 R"({"a":"nan"})", R"({"a":[1]})", R"({"a":"12"})"});
  const Capture out = apply("cast", "{a: int}", {}, stream);
  CHECK(out.cell_errors.size() == 5);
  CHECK(out.rows.back() == R"({"a":12})");
  CHECK(out.rows.front() == R"({"a":null})");
  const Capture failed = apply("cast", "{a: int}", {{"on_error", "fail_record"}}, stream);
  CHECK(failed.counts.failed == 5);
  CHECK(failed.rows == Texts{R"({"a":12})"});
  CHECK(build_step("cast", "{a: integer}").op == nullptr);
  CHECK(build_step("cast", "{temperature: string}", {}, closed_schema())
            .output.find("temperature")
            ->type == Type::kString);
}

TEST_CASE("limit: the first records, then none") {
  const Stream stream = records({R"({"a":1})", R"({"a":2})", R"({"a":3})"});
  const Capture out = apply("limit", "2", {}, stream);
  CHECK(out.rows == Texts{R"({"a":1})", R"({"a":2})"});
  CHECK(out.counts.filtered == 1);
  CHECK(apply("limit", "0", {}, stream).rows.empty());
}

TEST_CASE("limit: of each key, through saved state, at most max_keys of them") {
  Stream stream;
  for (int i = 0; i < 60; ++i) {
    stream.records.push_back({i, R"({"k":)" + std::to_string(i % 7) + "}"});
  }
  const MakeOperator make = [] { return build_step("limit", "3", {{"by", "k"}}).op; };
  const Capture whole = run(make, stream);
  CHECK(whole.rows.size() == 21);
  for (size_t cut = 0; cut <= 60; ++cut)
    CHECK(run(make, stream, {.batch = 7, .cut = cut}) == whole);

  const Capture few = run(
      [] {
        return build_step("limit", "3", {{"by", "k"}, {"max_keys", "2"}}).op;
      },
      stream);
  CHECK(few.rows.size() == 6);
  CHECK(few.counts.failed == 60 - 18);
  CHECK(few.failures[0].find("max_keys") != std::string::npos);
}

TEST_CASE("limit: damaged state is refused") {
  const auto op = build_step("limit", "3").op;
  CHECK(!op->load(0, "\x02").has_value());
  CHECK(!op->load(0, "\x01\x05").has_value());
}
