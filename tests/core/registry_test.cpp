#include "core/registry.h"

#include <doctest/doctest.h>

#include "core/option_value.h"
#include "core/vocabulary.h"

namespace streamflow {
namespace {

using enum OptionType;

SpecValue map(std::vector<std::pair<std::string, SpecValue>> entries) {
  SpecValue value;
  value.type = SpecValue::Type::kMap;
  for (auto& [key, entry] : entries) {
    value.entries.emplace_back(SpecValue::scalar(key), std::move(entry));
  }
  return value;
}
SpecValue scalar(std::string text) { return SpecValue::scalar(std::move(text)); }

const std::vector<OptionDescriptor>& options() {
  static const std::vector<OptionDescriptor> all = {
      {.name = "every", .type = kDuration, .help = "", .fallback = "10s"},
      {.name = "memory", .type = kSize, .help = "", .fallback = "8MiB"},
      {.name = "bins",
       .type = kInteger,
       .help = "",
       .fallback = "20",
       .least = 1,
       .greatest = 1000},
      {.name = "share", .type = kNumber, .help = "", .least = 0, .greatest = 1},
      {.name = "follow", .type = kBool, .help = "", .fallback = "true"},
      {.name = "empty",
       .type = kChoice,
       .help = "",
       .fallback = "skip",
       .choices = {"skip", "zero"}},
      {.name = "by", .type = kKeys},
      {.name = "select", .type = kExpressions},
      {.name = "mean", .type = kNames},
      {.name = "topics", .type = kTexts, .help = "", .fallback = "all/#"},
      {.name = "types", .type = kTypes, .help = "", .choices = {"int", "string"}},
      {.name = "new", .type = kRenames},
      {.name = "to", .type = kUrl},
      {.name = "stream", .type = kStream},
      {.name = "free", .type = kAny},
      {.name = "title", .type = kText},
  };
  return all;
}

struct Checked {
  Params params;
  Diagnostics diagnostics;
  std::string codes() const {
    std::string out;
    for (const Diagnostic& d : diagnostics.all()) out += (out.empty() ? "" : " ") + d.code;
    return out;
  }
  const Diagnostic& first() const { return diagnostics.all().front(); }
};

Checked check(const SpecValue& written) {
  Checked out;
  out.params = validate("verb 'window'", "streamflowd list verb window", scalar("window"), nullptr,
                        nullptr, written.entries, options(), out.diagnostics);
  return out;
}
Checked check(const std::string& name, SpecValue value) {
  return check(map({{name, std::move(value)}}));
}

TEST_CASE("options that were not written have their defaults, and has() tells them apart") {
  const Params params = check(map({})).params;
  CHECK_FALSE(params.has("every"));
  CHECK(params.duration("every") == 10 * kMicrosPerSecond);
  CHECK(params.size("memory") == 8 << 20);
  CHECK(params.integer("bins") == 20);
  CHECK(params.flag("follow"));
  CHECK(params.choice("empty") == "skip");
  CHECK(params.texts("topics") == std::vector<std::string>{"all/#"});
  CHECK(params.list("topics").empty());
  CHECK(params.text("title").empty());
  CHECK(params.number("share", 0.5) == 0.5);
  CHECK(params.integer("no such option", 7) == 7);
  CHECK(params.value("every") == nullptr);
}

TEST_CASE("written options are read as their types") {
  const Checked checked = check(map({{"every", scalar("1h30m")},
                                     {"memory", scalar("64KiB")},
                                     {"bins", scalar("010")},
                                     {"share", scalar("2.5e-1")},
                                     {"follow", scalar("false")},
                                     {"topics", SpecValue::list({scalar("a"), scalar("b")})},
                                     {"mean", scalar("t")}}));
  CHECK(checked.codes() == "");
  const Params& params = checked.params;
  CHECK(params.duration("every") == 5400 * kMicrosPerSecond);
  CHECK(params.size("memory") == 65'536);
  CHECK(params.integer("bins") == 10);
  CHECK(params.number("share") == 0.25);
  CHECK_FALSE(params.flag("follow", true));
  CHECK(params.texts("topics") == std::vector<std::string>{"a", "b"});
  CHECK(params.list("mean").size() == 1);
}

TEST_CASE("entries keep their order over maps, lists and bare names") {
  const auto names = [](const Params& params, std::string_view option) {
    std::string out;
    for (const auto& [name, value] : params.entries(option))
      out += name->text + "=" + value->text + ";";
    return out;
  };
  CHECK(names(check("select", map({{"z", scalar("x + 1")}, {"a", scalar("z")}})).params,
              "select") == "z=x + 1;a=z;");
  CHECK(names(check("select", SpecValue::list({scalar("b"), map({{"c", scalar("a")}})})).params,
              "select") == "b=b;c=a;");
  CHECK(names(check("by", scalar("meta.topic")).params, "by") == "meta.topic=meta.topic;");
  CHECK(names(check("new", map({{"old", scalar("new")}})).params, "new") == "old=new;");
}

TEST_CASE("an unknown option is E0102 with the nearest name") {
  const Checked checked = check("evry", scalar("1s"));
  CHECK(checked.codes() == "E0102");
  CHECK(checked.first().message == "unknown option 'evry' for verb 'window'");
  CHECK(checked.first().label == "did you mean 'every'?");
  CHECK(checked.first().help == "streamflowd list verb window");
}

TEST_CASE("a duration without a unit is told which to write") {
  CHECK(check("every", scalar("60")).first().label == "write 60s for seconds");
  CHECK(check("every", scalar("1.5")).codes() == "E0105");
  CHECK(check("every", scalar("60 seconds")).first().label == "did you mean '60s'?");
  CHECK(check("every", scalar("1 hour 30 min")).first().label == "did you mean '1h30m'?");
  CHECK(check("every", scalar("5M")).first().label == "did you mean '5m'?");
  CHECK(check("every", scalar("soon")).first().label == "");
  CHECK(check("every", map({})).codes() == "E0104");
}

TEST_CASE("a size without a unit is told which to write") {
  CHECK(check("memory", scalar("8")).first().label == "write 8MiB, 8KiB or 8B");
  CHECK(check("memory", scalar("8 MB")).first().label == "did you mean '8MiB'?");
  CHECK(check("memory", scalar("9999999999TiB")).codes() == "E0106");
}

TEST_CASE("numbers are whole where they must be and within their range") {
  CHECK(check("bins", scalar("0")).first().message ==
        "option 'bins' of verb 'window' is at least 1, not 0");
  CHECK(check("bins", scalar("1001")).codes() == "E0107");
  CHECK(check("bins", scalar("2.5")).codes() == "E0107");
  CHECK(check("bins", scalar("1e3")).codes() == "E0107");
  CHECK(check("bins", scalar("99999999999999999999")).codes() == "E0107");
  CHECK(check("bins", scalar("")).codes() == "E0107");
  CHECK(check("share", scalar("nan")).codes() == "E0107");
  CHECK(check("share", scalar("0x1")).codes() == "E0107");
  CHECK(check("share", scalar("1.5")).codes() == "E0107");
  CHECK(check("share", scalar("1")).codes() == "");
}

TEST_CASE("other spellings of true and false are named") {
  CHECK(check("follow", scalar("yes")).first().label == "did you mean 'true'?");
  CHECK(check("follow", scalar("Off")).first().label == "did you mean 'false'?");
  CHECK(check("follow", scalar("maybe")).first().label == "");
}

TEST_CASE("a choice that is none lists them") {
  CHECK(check("empty", scalar("zeros")).first().label == "did you mean 'zero'?");
  CHECK(check("empty", scalar("previous")).first().label == "one of skip, zero");
  CHECK(check("types", map({{"a", scalar("text")}})).codes() == "E0109");
  CHECK(check("types", map({{"a", scalar("int")}})).codes() == "");
}

TEST_CASE("shapes: lists and maps where a scalar belongs, and the other way round") {
  CHECK(check("title", SpecValue::list({})).codes() == "E0104");
  CHECK(check("mean", map({})).codes() == "E0104");
  CHECK(check("select", scalar("a")).codes() == "E0104");
  CHECK(check("new", scalar("a")).codes() == "E0104");
  CHECK(check("topics", SpecValue::list({SpecValue::list({})})).codes() == "E0104");
  CHECK(check("mean", scalar("")).codes() == "E0104");
  CHECK(check("title", SpecValue()).codes() == "E0104");
  CHECK(check("free", SpecValue()).codes() == "");
  CHECK(check("to", scalar("out.csv")).codes() == "E0129");
  CHECK(check("stream", scalar("a b")).codes() == "E0117");
  CHECK(check("stream", scalar("a.late")).codes() == "");
}

TEST_CASE("an expression that YAML took for a list or a map is to be quoted") {
  CHECK(check("select", map({{"a", SpecValue::list({scalar("1")})}})).codes() == "E0128");
  SpecValue null;
  null.text = "null";  // `a: null` is an expression
  CHECK(check("select", map({{"a", null}})).codes() == "");
  CHECK(check("select", map({{"a", SpecValue()}})).codes() == "E0104");
}

TEST_CASE("a wrong option is not kept, so that accessors give the default") {
  const Checked checked = check("every", scalar("60"));
  CHECK_FALSE(checked.params.has("every"));
  CHECK(checked.params.duration("every") == 10 * kMicrosPerSecond);
}

TEST_CASE("a secret is never in a message") {
  for (const char* option : {"every", "memory", "bins", "follow", "empty", "to"}) {
    SpecValue value = scalar("60 hunter2");
    value.secret = true;
    const Checked checked = check(option, value);
    REQUIRE(checked.diagnostics.errors() == 1);
    CHECK(checked.diagnostics.render().find("hunter2") == std::string::npos);
  }
}

TEST_CASE("required: the argument, and options unless misspelt") {
  const OptionDescriptor argument{
      .name = "alert", .type = kExpression, .help = "", .required = true};
  const std::vector<OptionDescriptor> needed = {
      {.name = "topics", .type = kTexts, .help = "", .required = true}};
  const auto codes = [&](const SpecValue* value, const SpecValue& written) {
    Diagnostics diagnostics;
    validate("verb 'alert'", "", scalar("alert"), value, &argument, written.entries, needed,
             diagnostics);
    std::string out;
    for (const Diagnostic& d : diagnostics.all()) out += d.code + " ";
    return out;
  };
  const SpecValue expression = scalar("x > 1");
  const SpecValue nothing;
  CHECK(codes(&expression, map({{"topics", scalar("a")}})) == "");
  CHECK(codes(nullptr, map({{"topics", scalar("a")}})) == "E0103 ");
  CHECK(codes(&nothing, map({})) == "E0103 E0103 ");
  CHECK(codes(&expression, map({{"topcs", scalar("a")}})) == "E0102 ");
  CHECK(codes(&expression, map({{"topics", scalar("a")}, {"topics", scalar("b")}})) == "E0123 ");
}

TEST_CASE("the registry finds by kind and scheme, and plot is chart") {
  Registry registry;
  registry.step({.verb = "filter",
                 .summary = "",
                 .pandas = "",
                 .argument = {},
                 .options = {},
                 .example = "",
                 .build = {}});
  registry.source({.kind = "mqtt",
                   .schemes = {"mqtt", "mqtts"},
                   .summary = "",
                   .options = {},
                   .formats = {},
                   .example = "",
                   .build = {}});
  registry.sink({.kind = "chart",
                 .schemes = {},
                 .summary = "",
                 .argument = {},
                 .options = {},
                 .example = "",
                 .build = {}});
  registry.sink({.kind = "file",
                 .schemes = {"file"},
                 .summary = "",
                 .argument = {},
                 .options = {},
                 .example = "",
                 .build = {}});
  CHECK(registry.find_source("mqtts")->kind == "mqtt");
  CHECK(registry.find_source("http") == nullptr);
  CHECK(registry.find_sink("plot")->kind == "chart");
  CHECK(registry.verbs() == std::vector<std::string>{"filter", "chart", "save"});
  CHECK(registry.find_step("filter")->options.back().name == "id");
}

TEST_CASE("words of other tools get a hint, planned verbs say so, others the nearest") {
  Registry registry;
  registry.step({.verb = "filter",
                 .summary = "",
                 .pandas = "",
                 .argument = {},
                 .options = {},
                 .example = "",
                 .build = {}});
  const auto first = [&](const char* verb) {
    Diagnostics diagnostics;
    report_unknown_verb(scalar(verb), registry, diagnostics);
    report_unknown_verb(scalar(verb), registry, diagnostics);
    REQUIRE(diagnostics.errors() == 1);
    return diagnostics.all().front();
  };
  CHECK(first("query").label == "write 'filter'");
  CHECK(first("infer").code == "E0110");
  CHECK(first("filtre").label == "did you mean 'filter'?");
  CHECK(first("infre").label == "did you mean 'infer'?");
  for (const char* word :
       {"map", "query", "assign", "groupby", "agg", "merge", "plot_line", "where", "mean"}) {
    CHECK_FALSE(verb_hint(word).empty());
  }
}

TEST_CASE("texts are quoted so that YAML reads them back") {
  CHECK(quoted("a: b") == "'a: b'");
  CHECK(quoted("L'heure") == "\"L'heure\"");
  CHECK(quoted("a == 'x' || b == \"y\"") == "'a == ''x'' || b == \"y\"'");
}

}  // namespace
}  // namespace streamflow
