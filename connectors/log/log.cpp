#include "connectors/log/log.h"

#include <utility>

#include "core/log.h"

namespace streamflow {

void LogSink::start(Loop& loop, SinkHost& host) {
  loop_ = &loop;
  host_ = &host;
  host_->state(ConnectorState::kUp, "");
}

void LogSink::write(const Batch& batch) {
  if (timer_ == 0) {
    timer_ = loop_->after(kMicrosPerSecond, [this] { end_second(); });
  }
  size_t i = 0;
  for (; i < batch.count() && written_ < limit_; ++i, ++written_) {
    std::string line = label_ + ": ";
    const size_t begin = line.size();
    append_record(batch, batch.row_at(i), TimestampStyle::kRfc3339, line);
    if (line.size() - begin > kRecordBytesMax) {
      size_t end = begin + kRecordBytesMax;
      while ((static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;  // no half character
      line.replace(end, std::string::npos, "…");
    }
    log(LogLevel::kInfo, line);
  }
  skipped_ += batch.count() - i;
  host_->written(batch.count());
}

void LogSink::end_second() {
  timer_ = 0;
  written_ = 0;
  if (const uint64_t skipped = std::exchange(skipped_, 0); skipped > 0) {
    log(LogLevel::kInfo, label_ + ": " + std::to_string(skipped) + " records more in this second");
  }
}

void LogSink::stop() {
  if (loop_ == nullptr || timer_ == 0) return;
  loop_->cancel(timer_);
  end_second();
}

void register_log(Registry& registry) {
  using enum OptionType;
  registry.sink({.kind = "log",
                 .schemes = {},
                 .summary = "records in the daemon's log",
                 .argument = {.name = "log", .type = kText, .help = "words before each record"},
                 .options = {{.name = "limit",
                              .type = kInteger,
                              .help = "records a second; more are counted",
                              .fallback = "10",
                              .least = 1,
                              .greatest = 1000}},
                 .example = "log: hot",
                 .build = [](BuildContext& context) {
                   std::string label = context.pipeline + ": " + context.id;
                   if (const std::string words = context.params.text("log"); !words.empty()) {
                     label += ": " + words;
                   }
                   SinkBuild out;
                   out.address = "log";
                   out.guarantee_reason = "a log is for people";
                   out.sink = std::make_unique<LogSink>(std::move(label),
                                                        context.params.integer("limit", 10));
                   return out;
                 }});
}

}  // namespace streamflow
