// The verb `log`: records in the daemon's log, for looking at a pipeline.
#pragma once

#include <string>

#include "core/encode.h"
#include "core/node.h"
#include "core/registry.h"

namespace streamflow {

// At most `limit` records a second; how many more there were is one line at the second's end.
class LogSink final : public Sink {
 public:
  static constexpr size_t kRecordBytesMax = 2000;  // longer ones are cut

  LogSink(std::string label, int64_t limit) : label_(std::move(label)), limit_(limit) {}

  void start(Loop& loop, SinkHost& host) override;
  void write(const Batch& batch) override;
  void stop() override;

 private:
  void end_second();

  std::string label_;
  int64_t limit_;
  Loop* loop_ = nullptr;
  SinkHost* host_ = nullptr;
  Loop::Id timer_ = 0;    // of the second that runs
  int64_t written_ = 0;   // in this second
  uint64_t skipped_ = 0;  // in this second
};

void register_log(Registry& registry);

}  // namespace streamflow
