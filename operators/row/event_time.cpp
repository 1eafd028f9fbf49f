#include "operators/row/event_time.h"

#include <algorithm>

#include "core/event_time.h"
#include "operators/expression_option.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

class SetTime final : public Operator {
 public:
  SetTime(std::unique_ptr<expr::Program> time, EventTime reader, Micros lateness)
      : time_(std::move(time)), times_(std::move(reader)), lateness_(lateness) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const ColumnPtr column = column_of(*time_, batch, begin);
    auto times = std::make_shared<Times>(batch.rows);
    auto marks = std::make_shared<Times>(batch.rows);
    auto good = std::make_shared<Selection>();
    size_t marked = 0;  // rows that are not selected have the watermark too
    const auto mark_until = [&](size_t end) {
      while (marked < end) (*marks)[marked++] = mark_;
    };
    std::string reason;
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      mark_until(row + 1);
      const auto time = times_.read(*column, row, reason);
      if (!time) {
        out.fail(batch, row, reason);
        continue;
      }
      (*times)[row] = *time;
      good->push_back(row);
      if (start_ == kTimeMin) start_ = *time;
      mark_ = std::max(mark_, *time < kTimeMin + lateness_ ? kTimeMin : *time - lateness_);
    }
    mark_until(batch.rows);
    dirty_ = true;
    out.tally().passed += good->size();
    if (good->empty()) return batch.count();
    Batch made = batch;
    if (good->size() < batch.count()) made.selected = std::move(good);
    made.time = std::move(times);
    made.watermark = std::move(marks);
    made.watermark_after = mark_;
    made.stream_start = start_;
    out.emit(std::move(made));
    return batch.count();
  }

  Micros output_watermark(Micros input) const override {
    return input == kTimeMax ? kTimeMax : mark_;
  }

  void save(StateParts& parts) const override {
    if (!parts.wants(0) || start_ == kTimeMin) return;
    std::string& out = parts[0];
    out.push_back(static_cast<char>(kVersion));
    save_micros(start_, out);
    save_micros(mark_, out);
    out.push_back(static_cast<char>(times_.unit()));
  }

  Status load(unsigned partition, std::string_view bytes) override {
    if (partition != 0) return {};
    start_ = mark_ = kTimeMin;
    if (bytes.empty()) return {};
    StateReader in(bytes);
    if (in.byte() != kVersion) return fail(ErrorKind::kData, "time: unknown version of the state");
    start_ = in.micros();
    mark_ = in.micros();
    const unsigned char unit = in.byte();
    if (!in.ok() || !in.at_end() || unit > static_cast<unsigned char>(TimeUnit::kNanos))
      return fail(ErrorKind::kData, "time: damaged state");
    times_.set_unit(static_cast<TimeUnit>(unit));
    return {};
  }
  std::bitset<kPartitions> take_dirty() override {
    return std::bitset<kPartitions>(std::exchange(dirty_, false) ? 1 : 0);
  }

 private:
  std::unique_ptr<expr::Program> time_;
  EventTime times_;
  Micros lateness_;
  Micros start_ = kTimeMin;  // time of the first record
  Micros mark_ = kTimeMin;   // the watermark with all records counted in
  bool dirty_ = false;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  const SpecValue& value = *params.value("time");
  auto program = compile_option(context, value, context.input);
  if (!program) return nullptr;
  const size_t errors = context.diagnostics.errors();
  EventTime reader = EventTime::build(value.text, params, context.diagnostics);
  if (context.diagnostics.errors() != errors) return nullptr;
  context.sets_time = true;
  return std::make_unique<SetTime>(std::move(program), std::move(reader),
                                   params.duration("lateness"));
}

}  // namespace

StepDescriptor time_step() {
  StepDescriptor step;
  step.verb = "time";
  step.summary = "set the event time from a field";
  step.argument = {"time", OptionType::kExpression, "a field or an expression: the event time"};
  step.argument.required = true;
  step.options = EventTime::options();
  step.options.push_back({.name = "lateness",
                          .type = OptionType::kDuration,
                          .help = "how much older than the newest record one may be",
                          .fallback = "0s"});
  step.example =
      "- time: measured_at\n  time_format: '%d/%m/%Y %H:%M:%S'\n  timezone: Europe/Paris";
  step.build = build;
  return step;
}

}  // namespace streamflow
