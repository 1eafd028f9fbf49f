#include "daemon/pipeline_tests.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/decode/json_cell.h"
#include "core/encode.h"
#include "core/plan.h"
#include "core/sim_loop.h"
#include "daemon/replay.h"
#include "daemon/status.h"

namespace streamflow {
namespace {

struct GivenRecord {
  std::string json;
  std::optional<Micros> time;
};
struct Given {
  std::string stream;
  std::vector<GivenRecord> records;
};
struct Expected {
  std::string stream;
  std::vector<const SpecValue*> records;
};
struct Test {
  std::string name;
  std::vector<Given> given;
  std::vector<Expected> expect;
  bool exact = false;
};

struct Record {
  std::string json;
  Micros time;
};
using Output = std::map<std::string, std::vector<Record>>;

std::optional<Micros> parse_time(const SpecValue& value) {
  if (const auto since = parse_duration(value.text)) return since;
  return parse_rfc3339(value.text);
}

// --- reading the section -------------------------------------------------------------------------
class Reader {
 public:
  Reader(const PipelineSpec& spec, Diagnostics& diagnostics) : spec_(spec), diagnostics_(diagnostics) {}

  std::vector<Test> read() {
    std::vector<Test> tests;
    for (const SpecValue& item : spec_.tests.items) {
      Test test;
      const SpecValue* name = item.find("name");
      test.name = name ? name->text : "test " + std::to_string(tests.size() + 1);
      if (const SpecValue* exact = item.find("exact")) test.exact = exact->text == "true";
      by_stream(item, "given", [&](const std::string& stream, const SpecValue& records) {
        Given given{stream, {}};
        for (const SpecValue& record : records.items) read_given(record, given);
        test.given.push_back(std::move(given));
      });
      by_stream(item, "expect", [&](const std::string& stream, const SpecValue& records) {
        Expected expected{stream, {}};
        for (const SpecValue& record : records.items) expected.records.push_back(&record);
        test.expect.push_back(std::move(expected));
      });
      if (test.expect.empty())
        diagnostics_.error("E0220", item.span, "test '" + test.name + "' expects nothing",
                           "write expect: with the records that should come out");
      tests.push_back(std::move(test));
    }
    return tests;
  }

 private:
  template <class Fn>
  void by_stream(const SpecValue& test, std::string_view key, Fn fn) {
    const SpecValue* value = test.find(key);
    if (value == nullptr) return;
    if (value->is_list()) return fn(spec_.streams.front().name.text, *value);
    for (const auto& [stream, records] : value->entries) {
      std::string name = stream.text;
      for (const std::string_view suffix : {".late", ".errors"})
        if (key == "expect" && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
      std::vector<std::string> names;
      for (const StreamSpec& s : spec_.streams) names.push_back(s.name.text);
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        const std::string likely = nearest(name, names);
        diagnostics_.error("E0221", stream.span, "there is no stream '" + name + "'",
                           likely.empty() ? "" : "did you mean '" + likely + "'?");
        continue;
      }
      fn(stream.text, records);
    }
  }

  void read_given(const SpecValue& record, Given& given) {
    GivenRecord out;
    if (!record.is_map()) {
      append_json(record, out.json);
      given.records.push_back(std::move(out));
      return;
    }
    SpecValue fields = record;
    std::erase_if(fields.entries, [&](const auto& entry) {
      if (entry.first.text != "time" || !entry.second.is_scalar()) return false;
      out.time = parse_time(entry.second);
      if (!out.time)
        diagnostics_.error("E0222", entry.second.span,
                           "'" + entry.second.text + "' is no time: RFC 3339, or a duration since 1970");
      return true;
    });
    append_json(fields, out.json);
    given.records.push_back(std::move(out));
  }

  const PipelineSpec& spec_;
  Diagnostics& diagnostics_;
};

// --- running -------------------------------------------------------------------------------------
class Run {
 public:
  Run(const PipelineSpec& spec, const Registry& registry, const TestOptions& options)
      : spec_(spec), registry_(registry), options_(options) {}

  // What came out of the captured streams; nothing with `problem` set when it cannot run.
  std::optional<Output> output(const Test& test, std::string& problem) {
    output_.clear();
    if (!fresh(test, problem)) return std::nullopt;
    if (options_.cut ? !feed_cutting(test, problem) : !feed_all(test, problem)) return std::nullopt;
    if (!unbalanced_.empty()) {
      problem = unbalanced_;
      return std::nullopt;
    }
    return output_;
  }

 private:
  bool fresh(const Test& test, std::string& problem) {
    Diagnostics diagnostics;
    PlanOptions plan_options;
    plan_options.replay = true;
    plan_options.interval = kMicrosPerSecond;
    pipeline_.reset();
    loop_ = std::make_unique<SimLoop>();
    pipeline_ = plan(spec_, registry_, *loop_, plan_options, diagnostics);
    if (!pipeline_) {
      problem = diagnostics.render();
      return false;
    }
    for (const Expected& expected : test.expect) {
      auto& records = output_[expected.stream];
      pipeline_->capture(expected.stream, [&records](const Batch& batch) {
        for (size_t i = 0; i < batch.count(); ++i) {
          const uint32_t row = batch.row_at(i);
          Record record;
          append_record(batch, row, TimestampStyle::kRfc3339, record.json);
          record.time = batch.time ? (*batch.time)[row] : kTimeMin;
          records.push_back(std::move(record));
        }
      });
    }
    pipeline_->on_turn = [this] { check_ledger(); };
    for (auto& source : pipeline_->sources) {
      source->inlet.rows_max(options_.rows_max);
      source->inlet.watch({});  // a handful of records says nothing of the names that are missing
    }
    return true;
  }

  void check_ledger() {
    const Ledger ledger = pipeline_->ledger();
    if (!ledger.balanced() && unbalanced_.empty())
      unbalanced_ = "the ledger does not balance: " + ledger_json(ledger);
  }

  static void hand_over(Inlet& inlet, const GivenRecord& record) {
    inlet.explicit_time(record.time);
    inlet.message(record.json, {}, {});
  }

  bool feed_all(const Test& test, std::string& problem) {
    std::vector<ReplayInput> inputs;
    for (const Given& given : test.given) {
      SourceNode* source = pipeline_->source_of(given.stream);
      if (source == nullptr) {
        problem = "stream '" + given.stream + "' has no source to replace";
        return false;
      }
      auto done = std::make_shared<bool>(false);
      inputs.push_back({source, [&given, done](Inlet& inlet) {
                          if (*done) return false;
                          *done = true;
                          for (const GivenRecord& record : given.records) hand_over(inlet, record);
                          inlet.flush();
                          return true;
                        }});
    }
    replay(*pipeline_, *loop_, std::move(inputs));
    return true;
  }

  // One record, then everything saved and loaded into a new pipeline; single inputs only.
  bool feed_cutting(const Test& test, std::string& problem) {
    if (test.given.size() != 1) return feed_all(test, problem);
    const Given& given = test.given.front();
    for (const GivenRecord& record : given.records) {
      SourceNode* source = pipeline_->source_of(given.stream);
      if (source == nullptr) {
        problem = "stream '" + given.stream + "' has no source to replace";
        return false;
      }
      hand_over(source->inlet, record);
      source->inlet.flush();
      loop_->run_turn();
      const std::string state = pipeline_->save();
      Output kept = std::move(output_);
      output_.clear();
      if (!fresh(test, problem)) return false;
      for (auto& [stream, records] : kept) output_[stream] = std::move(records);
      std::vector<std::string> remarks;
      if (const auto status = pipeline_->load(state, false, remarks); !status || !remarks.empty()) {
        problem = "state does not load: " + (status ? remarks.front() : status.error().message);
        return false;
      }
    }
    std::vector<ReplayInput> inputs = {
        {pipeline_->source_of(given.stream), [](Inlet&) { return false; }}};
    replay(*pipeline_, *loop_, std::move(inputs));
    return true;
  }

  const PipelineSpec& spec_;
  const Registry& registry_;
  const TestOptions& options_;
  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<Pipeline> pipeline_;
  Output output_;
  std::string unbalanced_;
};

// --- comparing -----------------------------------------------------------------------------------
bool same(const Value& expected, const Value& got) {
  if (is_number(expected.kind()) && is_number(got.kind())) {
    if (equal(expected, got)) return true;
    const double a = expected.to_double();
    const double b = got.to_double();
    return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
  }
  if (expected.is(Kind::kList) && got.is(Kind::kList))
    return std::equal(expected.items().begin(), expected.items().end(), got.items().begin(),
                      got.items().end(), same);
  return equal(expected, got);
}

std::string text_of(const Value& value) {
  if (value.is(Kind::kMissing)) return "nothing";
  std::string out;
  append_json(value, out);
  return out;
}

// What differs between an expected record and one that came; empty: nothing.
std::string difference(const SpecValue& expected, const Record& got, bool exact) {
  std::string text;
  append_json(expected, text);
  const Value wanted = parse_json(text);
  const Value record = parse_json(got.json);
  if (!wanted.is(Kind::kMap)) return same(wanted, record) ? "" : "expected " + text + ", got " + got.json;
  std::string out;
  for (const auto& [key, value] : wanted.entries()) {
    const std::string name(key.text());
    Value found = member(record, name);
    if (name == "time" && found.is(Kind::kMissing)) {
      const SpecValue* written = expected.find("time");
      const auto time = written ? parse_time(*written) : std::nullopt;
      if (time && *time == got.time) continue;
      found = Value::string(format_rfc3339(got.time));
    }
    if (same(value, found)) continue;
    out += (out.empty() ? "" : ", ") + name + ": expected " + text_of(value) + ", got " + text_of(found);
  }
  if (exact && record.is(Kind::kMap))
    for (const auto& [key, value] : record.entries())
      if (member(wanted, key.text()).is(Kind::kMissing))
        out += (out.empty() ? "" : ", ") + std::string(key.text()) + ": not expected, got " + text_of(value);
  return out;
}

std::string compare(const Test& test, const Output& output) {
  std::string out;
  for (const Expected& expected : test.expect) {
    const auto& got = output.at(expected.stream);
    const size_t n = std::max(expected.records.size(), got.size());
    for (size_t i = 0; i < n; ++i) {
      const std::string where = "  " + expected.stream + "[" + std::to_string(i) + "] ";
      if (i >= got.size()) {
        std::string text;
        append_json(*expected.records[i], text);
        out += where + "expected " + text + ", got no more records\n";
      } else if (i >= expected.records.size()) {
        out += where + "not expected, got " + got[i].json + "\n";
      } else if (const std::string d = difference(*expected.records[i], got[i], test.exact); !d.empty()) {
        out += where + d + "\n      in " + got[i].json + "\n";
      }
    }
  }
  return out;
}

bool core_number(const std::string& text, std::string& json) {
  if (valid_json_number(text.data(), text.data() + text.size())) {
    json = text;
    return true;
  }
  // The rest of YAML's core schema: 010, +5, .5, 1., 0x1F, 0o17.
  if (text.empty() || text.find_first_not_of("0123456789+-.eExXoOabcdefABCDEF") != std::string::npos)
    return false;
  char* end = nullptr;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    const long long value = std::strtoll(text.c_str() + 2, &end, text[1] == 'x' ? 16 : 8);
    json = std::to_string(value);
    return *end == 0 && text.size() > 2;
  }
  if (text.find_first_of("xXoOabcdfABCDF") != std::string::npos) return false;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != 0 || text.find_first_of("0123456789") == std::string::npos) return false;
  if (text.find_first_of(".eE") == std::string::npos) {
    json = std::to_string(static_cast<int64_t>(value));
  } else {
    json.clear();
    append_json_double(value, json);
  }
  return true;
}

}  // namespace

void append_json(const SpecValue& value, std::string& out) {
  switch (value.type) {
    case SpecValue::Type::kNull:
      out += "null";
      return;
    case SpecValue::Type::kList: {
      out += '[';
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i) out += ',';
        append_json(value.items[i], out);
      }
      out += ']';
      return;
    }
    case SpecValue::Type::kMap: {
      out += '{';
      bool first = true;
      for (const auto& [key, entry] : value.entries) {
        if (!first) out += ',';
        first = false;
        append_json_string(key.text, out);
        out += ':';
        append_json(entry, out);
      }
      out += '}';
      return;
    }
    case SpecValue::Type::kScalar:
      break;
  }
  std::string number;
  if (value.quoted) return append_json_string(value.text, out);
  if (value.text.empty() || value.text == "~" || value.text == "null" || value.text == "Null" || value.text == "NULL") {
    out += "null";
  } else if (value.text == "true" || value.text == "True" || value.text == "TRUE") {
    out += "true";
  } else if (value.text == "false" || value.text == "False" || value.text == "FALSE") {
    out += "false";
  } else if (core_number(value.text, number)) {
    out += number;
  } else {
    append_json_string(value.text, out);
  }
}

std::vector<TestResult> run_tests(const PipelineSpec& spec, const Registry& registry,
                                  const TestOptions& options, Diagnostics& diagnostics) {
  std::vector<TestResult> results;
  const std::vector<Test> tests = Reader(spec, diagnostics).read();
  if (!diagnostics.ok()) return results;
  for (const Test& test : tests) {
    TestResult result{test.name, false, ""};
    std::string problem;
    Run run(spec, registry, options);
    if (const auto output = run.output(test, problem)) {
      result.failure = compare(test, *output);
      result.passed = result.failure.empty();
    } else {
      result.failure = "  " + problem + "\n";
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace streamflow
