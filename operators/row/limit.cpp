#include "operators/row/limit.h"

#include "core/keys.h"
#include "operators/key_columns.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

class Limit final : public Operator {
 public:
  Limit(uint64_t most, std::unique_ptr<KeyColumns> keys, size_t keys_max)
      : most_(most), keys_(std::move(keys)), ids_(keys_max) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    find_keys(batch, begin, out);
    auto passed = std::make_shared<Selection>();
    uint64_t filtered = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const uint32_t id = row_ids_[i];
      if (id == KeyDictionary::kNone) {
        out.fail(batch, rows_[i], "limit: more than max_keys keys");
      } else if (seen_[id] >= most_) {
        ++filtered;
      } else {
        ++seen_[id];
        dirty_.set(partition(id));
        passed->push_back(rows_[i]);
      }
    }
    out.tally().passed += passed->size();
    out.tally().filtered += filtered;
    if (!passed->empty()) {
      Batch kept = batch;
      if (passed->size() < batch.count()) kept.selected = std::move(passed);
      out.emit(std::move(kept));
    }
    return batch.count();
  }

  void save(unsigned partition_, std::string& out) const override {
    uint64_t count = 0;
    std::string entries;
    for (uint32_t id = 0; id < seen_.size(); ++id) {
      if (seen_[id] == 0 || partition(id) != partition_) continue;
      ++count;
      save_text(ids_.encoding(id), entries);
      save_count(seen_[id], entries);
    }
    if (count == 0) return;
    out.push_back(static_cast<char>(kVersion));
    save_count(count, out);
    out += entries;
  }

  Status load(unsigned partition_, std::string_view bytes) override {
    for (uint32_t id = 0; id < seen_.size(); ++id) {
      if (partition(id) == partition_) seen_[id] = 0;
    }
    if (bytes.empty()) return {};
    StateReader in(bytes);
    if (in.byte() != kVersion) return fail(ErrorKind::kData, "limit: unknown version of the state");
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      const std::string_view key = in.text();
      const uint64_t count = in.count();
      if (!in.ok()) break;
      const uint32_t id = ids_.id_of(key);
      if (id == KeyDictionary::kNone)
        return fail(ErrorKind::kLimit, "limit: more keys than max_keys");
      keep_new();
      seen_[id] = count;
    }
    if (!in.ok() || !in.at_end()) return fail(ErrorKind::kData, "limit: damaged state");
    return {};
  }

  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }

 private:
  // rows_ and row_ids_ of the records that have a key; the others fail.
  void find_keys(const Batch& batch, size_t begin, Emitter& out) {
    const std::vector<ColumnPtr> columns = keys_->columns(batch, begin);
    rows_.clear();
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const std::string_view error = KeyColumns::error(columns, row);
      if (error.empty()) {
        rows_.push_back(row);
      } else {
        out.fail(batch, row, error);
      }
    }
    std::vector<const Column*> plain;
    for (const ColumnPtr& column : columns) plain.push_back(column.get());
    row_ids_.resize(rows_.size());
    ids_.ids_of(plain, rows_, row_ids_.data());
    keep_new();
  }

  // Keys live as long as the step: what was new is retained before it is unpinned.
  void keep_new() {
    while (seen_.size() < ids_.capacity()) {
      ids_.retain(static_cast<uint32_t>(seen_.size()));
      seen_.push_back(0);
    }
    ids_.unpin();
  }

  unsigned partition(uint32_t id) const { return keys_->keyed() ? ids_.partition(id) : 0; }

  uint64_t most_;
  std::unique_ptr<KeyColumns> keys_;
  KeyDictionary ids_;
  std::vector<uint64_t> seen_;  // by id
  std::vector<uint32_t> rows_, row_ids_;
  std::bitset<kPartitions> dirty_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  auto keys = KeyColumns::build(context);
  if (!keys) return nullptr;
  return std::make_unique<Limit>(static_cast<uint64_t>(context.params.integer("limit")),
                                 std::move(keys),
                                 static_cast<size_t>(context.params.integer("max_keys")));
}

}  // namespace

StepDescriptor limit_step() {
  StepDescriptor step;
  step.verb = "limit";
  step.summary = "the first records, of each key with `by`";
  step.pandas = "head, groupby().head()";
  step.argument = {"limit", OptionType::kInteger, "how many"};
  step.argument.required = true;
  step.argument.least = 0;
  step.options = {KeyColumns::option(), KeyColumns::max_option()};
  step.example = "- limit: 1000";
  step.build = build;
  return step;
}

}  // namespace streamflow
