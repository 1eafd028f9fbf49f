// Recorded input through a pipeline in virtual time, at full speed: `streamflowd replay` and `test`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline.h"
#include "core/sim_loop.h"

namespace streamflow {

// Feeds one source: hands over some input (lines, or messages and a flush) and returns true, or returns
// false at the end.
using Feed = std::function<bool(Inlet&)>;

// Lines of a file, `-` for standard input, in blocks.  Where reading fails later the input ends, and the first
// such reason is in `error`, which must outlive the feed.
Result<Feed> file_feed(const std::string& path, std::string& error);

struct ReplayInput {
  SourceNode* source = nullptr;
  Feed feed;
};

// Runs all inputs to their end.  Each keeps its own order; of several the one whose next record is
// earliest goes first, ties by their order here; an ended one no longer holds the watermark back.
// Sources of the pipeline that are not among them end at once.
void replay(Pipeline& pipeline, SimLoop& loop, std::vector<ReplayInput> inputs);

}  // namespace streamflow
