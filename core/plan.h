// From what the user wrote to a pipeline that can run: names resolved, options checked, types followed
// from source to sink, nodes built and wired, and each source told which fields anybody looks at.
// Nothing is opened or connected: Pipeline::start does that.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/diagnostic.h"
#include "core/pipeline.h"
#include "core/registry.h"
#include "core/spec.h"

namespace streamflow {

// What only one connector of all pipelines may use (Claim::what), and who does.
using Claims = std::map<std::string, Span>;

struct PlanOptions {
  std::string state_dir;  // empty: connectors keep nothing
  bool durable = false;   // there will be an input log and checkpoints, where the pipeline asks for them
  // Replay and `test`: sources and sinks stay off; records are NDJSON, or as `inputs` says.
  bool replay = false;
  struct Input {
    std::string format = "ndjson";  // or "csv"
    std::string sample;             // the CSV's first bytes
  };
  std::map<std::string, Input> inputs;  // by stream
  std::string time_field;               // replay --time, for sources without `time:`
  Micros interval = 0;                  // replay --interval, likewise
  Claims* claims = nullptr;             // of the pipelines that are loaded together; null: of this one alone
};

// Null when `diagnostics` has errors.  Warnings may be there in any case.
std::unique_ptr<Pipeline> plan(const PipelineSpec& spec, const Registry& registry, Loop& loop,
                               const PlanOptions& options, Diagnostics& diagnostics);

// The text of everything in the spec that matters to a running pipeline: equal texts, equal pipelines.
std::string fingerprint(const PipelineSpec& spec);

}  // namespace streamflow
