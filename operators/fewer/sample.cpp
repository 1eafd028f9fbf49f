#include "operators/fewer/sample.h"

#include "core/keys.h"
#include "operators/key_columns.h"
#include "operators/order/time_order.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

// G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014: its mixing.
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Which hashes are kept.
class Part {
 public:
  Part(double part, uint64_t seed) : all_(part >= 1), seed_(mixed(seed)) {
    below_ = all_ ? 0 : static_cast<uint64_t>(part * 18446744073709551616.0);
  }
  bool keeps(uint64_t hash) const { return all_ || mixed(hash ^ seed_) < below_; }

 private:
  bool all_;
  uint64_t seed_;
  uint64_t below_;
};

void send(const Batch& batch, size_t taken, Selection passed, Emitter& out) {
  out.tally().passed += passed.size();
  out.tally().filtered += taken - passed.size();
  if (passed.empty()) return;
  Batch kept = batch;
  if (passed.size() < batch.count()) kept.selected = std::make_shared<Selection>(std::move(passed));
  out.emit(std::move(kept));
}

class SampleRows final : public Operator {
 public:
  explicit SampleRows(Part part) : part_(part) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Selection passed;
    for (size_t i = begin; i < batch.count(); ++i)
      if (part_.keeps(number_++)) passed.push_back(batch.row_at(i));
    dirty_ = true;
    send(batch, batch.count() - begin, std::move(passed), out);
    return batch.count();
  }

  void save(StateParts& parts) const override {
    if (!parts.wants(0) || number_ == 0) return;
    parts[0].push_back(static_cast<char>(kVersion));
    save_count(number_, parts[0]);
  }
  Status load(unsigned partition, std::string_view bytes) override {
    if (partition != 0) return {};
    number_ = 0;
    if (bytes.empty()) return {};
    StateReader in(bytes);
    if (in.byte() != kVersion)
      return fail(ErrorKind::kData, "sample: unknown version of the state");
    number_ = in.count();
    if (!in.ok() || !in.at_end()) return fail(ErrorKind::kData, "sample: damaged state");
    return {};
  }
  std::bitset<kPartitions> take_dirty() override {
    return std::bitset<kPartitions>(std::exchange(dirty_, false) ? 1 : 0);
  }

 private:
  Part part_;
  uint64_t number_ = 0;  // of the next record
  bool dirty_ = false;
};

class SampleKeys final : public Operator {
 public:
  SampleKeys(Part part, std::unique_ptr<KeyColumns> keys) : part_(part), keys_(std::move(keys)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const std::vector<ColumnPtr> columns = keys_->columns(batch, begin);
    Selection passed;
    size_t failed = 0;
    std::string key;
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      if (const std::string_view error = KeyColumns::error(columns, row); !error.empty()) {
        out.fail(batch, row, error);
        ++failed;
        continue;
      }
      key.clear();
      for (const ColumnPtr& column : columns) append_key_cell(*column, row, key);
      if (part_.keeps(key_hash(key))) passed.push_back(row);
    }
    send(batch, batch.count() - begin - failed, std::move(passed), out);
    return batch.count();
  }

 private:
  Part part_;
  std::unique_ptr<KeyColumns> keys_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  const double part = params.number("sample");
  if (!(part > 0)) {
    context.diagnostics.error("E0435", params.span("sample"), "a sample of nothing keeps no record",
                              "a part, more than 0 and at most 1: 0.1 is one in ten");
    return nullptr;
  }
  const Part kept(part, static_cast<uint64_t>(params.integer("seed")));
  auto keys = KeyColumns::build(context);
  if (!keys) return nullptr;
  if (keys->keyed()) return std::make_unique<SampleKeys>(kept, std::move(keys));
  return in_order(params, std::make_unique<SampleRows>(kept));
}

}  // namespace

StepDescriptor sample_step() {
  StepDescriptor step;
  step.verb = "sample";
  step.summary = "a part of the records, or of the keys, the same at each run";
  step.pandas = "sample(frac=…)";
  step.argument = {"sample", OptionType::kNumber, "the part: 0.1 is one in ten"};
  step.argument.required = true;
  step.argument.least = 0;
  step.argument.greatest = 1;
  OptionDescriptor by = KeyColumns::option();
  by.help = "keep all records of a part of the keys";
  OptionDescriptor seed{"seed", OptionType::kInteger, "another number keeps others"};
  seed.fallback = "0";
  step.options = {std::move(by), std::move(seed), order_option()};
  step.example = "- sample: 0.1";
  step.build = build;
  return step;
}

}  // namespace streamflow
