#include "daemon/against_running.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/plan.h"
#include "core/sealed_file.h"
#include "core/sim_loop.h"
#include "core/value.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"
#include "web/fetch.h"

namespace streamflow {
namespace {

struct RunningStep {
  std::string id, verb, argument, key, unfinished;
  std::string words() const { return id + " (" + verb + (argument.empty() ? "" : " " + argument) + ")"; }
};
struct RunningConnector {
  std::string id, address, key;
  uint64_t queued = 0;  // records that wait for a sink
};
struct RunningPipeline {
  std::string name, version;
  std::vector<RunningStep> steps;
  std::vector<RunningConnector> sources, sinks;
};

std::string text_of(const Value& map, std::string_view name) {
  const Value value = member(map, name);
  return value.is(Kind::kString) ? std::string(value.text()) : std::string();
}

Value::List list_of(const Value& map, std::string_view name) {
  const Value value = member(map, name);
  return value.is(Kind::kList) ? value.items() : Value::List();
}

std::vector<RunningConnector> connectors_of(const Value& pipeline, std::string_view member_name) {
  std::vector<RunningConnector> out;
  for (const Value& connector : list_of(pipeline, member_name)) {
    const Value queued = member(connector, "queued");
    out.push_back({text_of(connector, "id"), text_of(connector, "address"), text_of(connector, "key"),
                   is_number(queued.kind()) ? static_cast<uint64_t>(queued.to_double()) : 0});
  }
  return out;
}

Result<std::vector<RunningPipeline>> running_pipelines(const std::string& address) {
  const Result<web::Fetched> status = web::fetch(address, "/api/v1/pipelines");
  if (!status) return tl::unexpected(status.error());
  const Value document = parse_json(status->body);
  if (!member(document, "pipelines").is(Kind::kList))
    return fail(ErrorKind::kIo, address + " does not answer as a streamflowd of this version");
  std::vector<RunningPipeline> out;
  for (const Value& pipeline : list_of(document, "pipelines")) {
    RunningPipeline running;
    running.name = text_of(pipeline, "name");
    running.version = text_of(pipeline, "version");
    running.sources = connectors_of(pipeline, "sources");
    running.sinks = connectors_of(pipeline, "sinks");
    for (const Value& step : list_of(pipeline, "steps"))
      running.steps.push_back({text_of(step, "id"), text_of(step, "verb"), text_of(step, "argument"),
                               text_of(step, "key"), text_of(step, "unfinished")});
    out.push_back(std::move(running));
  }
  return out;
}

template <class Nodes>
bool has_key(const Nodes& nodes, const std::string& key) {
  return std::any_of(nodes.begin(), nodes.end(), [&key](const auto& node) { return node->info.key == key; });
}

// Which sources go on, and what becomes of what waits for sinks.
void compare_connectors(const RunningPipeline& old, const Pipeline& next, std::vector<std::string>& lines) {
  for (const RunningConnector& source : old.sources) {
    lines.push_back("  source " + source.id + " (" + source.address + ") " +
                    (has_key(next.sources, source.key) ? "goes on" : "is gone, or begins anew"));
  }
  for (const RunningConnector& sink : old.sinks) {
    if (sink.queued == 0) continue;
    lines.push_back("  " + sink.id + " " + (has_key(next.sinks, sink.key) ? "keeps " : "loses ") +
                    std::to_string(sink.queued) + " records that wait for " + sink.address);
  }
}

// What a changed pipeline's steps keep and lose.
void compare_steps(const RunningPipeline& old, const Pipeline& next, std::vector<std::string>& lines) {
  for (const RunningStep& step : old.steps) {
    if (has_key(next.operators, step.key)) {
      if (!step.unfinished.empty()) lines.push_back("  " + step.words() + " keeps " + step.unfinished);
    } else if (!step.unfinished.empty()) {
      lines.push_back("  " + step.words() + " loses " + step.unfinished +
                      ": it is gone, or it or a step before it has changed");
    } else {
      lines.push_back("  " + step.words() + " is gone, or it or a step before it has changed");
    }
  }
  for (const auto& node : next.operators) {
    const bool known = std::any_of(old.steps.begin(), old.steps.end(),
                                   [&node](const RunningStep& step) { return step.key == node->info.key; });
    if (!known) lines.push_back("  " + node->info.id + " (" + node->info.verb + " " + node->info.argument + ") begins anew");
  }
}

}  // namespace

std::string version_of(const std::string& fingerprint) {
  return hash_text(fingerprint);
}

Result<std::vector<std::string>> compare_with_running(const std::string& path, const std::string& address) {
  const auto running = running_pipelines(address);
  if (!running) return tl::unexpected(running.error());
  Diagnostics diagnostics;
  const Registry registry = make_registry();
  SimLoop loop;
  PlanOptions options;
  options.durable = true;
  std::vector<std::string> lines;
  std::vector<std::string> names;
  for (const PipelineSpec& spec : load_path(path, registry, diagnostics)) {
    const auto next = plan(spec, registry, loop, options, diagnostics);
    if (!next) continue;
    names.push_back(next->name);
    const auto old = std::find_if(running->begin(), running->end(),
                                  [&next](const RunningPipeline& p) { return p.name == next->name; });
    if (old == running->end()) {
      lines.push_back(next->name + ": new");
    } else if (old->version == version_of(next->fingerprint)) {
      lines.push_back(next->name + ": unchanged, runs on untouched");
    } else {
      lines.push_back(next->name + ": changed, restarts");
      compare_connectors(*old, *next, lines);
      compare_steps(*old, *next, lines);
    }
  }
  for (const RunningPipeline& old : *running) {
    if (std::find(names.begin(), names.end(), old.name) != names.end()) continue;
    lines.push_back(old.name + ": not in these files: a reload with them alone ends it");
    for (const RunningStep& step : old.steps)
      if (!step.unfinished.empty()) lines.push_back("  " + step.words() + " loses " + step.unfinished);
    for (const RunningConnector& sink : old.sinks)
      if (sink.queued > 0)
        lines.push_back("  " + sink.id + " gets the " + std::to_string(sink.queued) +
                        " records that wait for it within --stop-timeout, or they stay in the state folder");
  }
  return lines;
}

}  // namespace streamflow
