#include "operators/fewer/dedupe.h"

#include <algorithm>
#include <deque>
#include <set>

#include "core/keys.h"
#include "core/kept_rows.h"
#include "operators/key_columns.h"
#include "operators/order/time_order.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

struct DedupePlan {
  std::string verb;
  Micros within = kTimeMax;  // end included; kTimeMax: the whole stream
  bool last = false;
  size_t keys_max = 0;
};

class Dedupe final : public Operator {
 public:
  Dedupe(std::unique_ptr<KeyColumns> keys, DedupePlan plan)
      : keys_(std::move(keys)), plan_(std::move(plan)), ids_(KeyDictionary::kKeysMax) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    columns_ = keys_->columns(batch, begin);
    Selection passed;
    size_t i = begin;
    for (; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      mark_ = (*batch.watermark)[row];
      if (mark_ >= next_deadline()) break;
      if (const std::string_view error = KeyColumns::error(columns_, row); !error.empty()) {
        out.fail(batch, row, error);
      } else if (take(batch, row, out)) {
        passed.push_back(row);
      }
    }
    columns_.clear();
    out.tally().passed += passed.size();
    if (!passed.empty()) {
      Batch kept = batch;
      if (passed.size() < batch.count())
        kept.selected = std::make_shared<Selection>(std::move(passed));
      out.emit(std::move(kept));
    }
    flush(out);
    tidy();
    return i;
  }

  bool on_watermark(Micros upto, Emitter& out) override {
    if (!plan_.last) return true;
    mark_ = upto;
    while (ready_.size() < kBatchRowsMax && oldest() != nullptr &&
           (upto == kTimeMax || deadline(*oldest()) <= upto))
      end_oldest();
    flush(out);
    tidy();
    return oldest() == nullptr || (upto != kTimeMax && deadline(*oldest()) > upto);
  }

  Micros next_deadline() const override {
    if (!plan_.last || plan_.within == kTimeMax) return kTimeMax;
    const Seen* seen = oldest();
    return seen == nullptr ? kTimeMax : deadline(*seen);
  }
  Micros output_watermark(Micros input) const override {
    return held_times_.empty() ? input : std::min(input, *held_times_.begin());
  }

  void save(StateParts& parts) const override;
  Status load(unsigned partition, std::string_view bytes) override;
  std::bitset<kPartitions> take_dirty() override {
    return std::exchange(dirty_, {}).set(0);  // forwarded_
  }
  std::string unfinished() const override {
    if (held_times_.empty()) return {};
    return std::to_string(held_times_.size()) +
           (held_times_.size() == 1 ? " held record" : " held records");
  }

 private:
  struct Seen {
    bool open = false;
    Micros first = 0;  // time of the stretch's first record
    uint64_t number =
        0;  // in the order of starting; without `within`, keep last: of its last record
    std::unique_ptr<KeptRow> row;  // keep last
  };
  struct Turn {
    uint64_t number;
    uint32_t id;
  };

  bool whole() const { return plan_.within == kTimeMax; }
  Micros deadline(const Seen& seen) const {
    return seen.first > kTimeMax - 1 - plan_.within ? kTimeMax : seen.first + plan_.within + 1;
  }
  unsigned partition(uint32_t id) const { return keys_->keyed() ? ids_.partition(id) : 0; }

  // The stretch that started first; null: none runs.
  const Seen* oldest() const {
    while (!turns_.empty() && !is_current(turns_.front())) turns_.pop_front();
    return turns_.empty() ? nullptr : &seen_[turns_.front().id];
  }
  bool is_current(const Turn& turn) const {
    return seen_[turn.id].open && seen_[turn.id].number == turn.number;
  }

  // Whether the record passes.
  bool take(const Batch& batch, uint32_t row, Emitter& out) {
    const Micros time = (*batch.time)[row];
    if (!plan_.last && !whole()) forget_past(time);
    key_.clear();
    for (const ColumnPtr& column : columns_) append_key_cell(*column, row, key_);
    const uint32_t id = ids_.id_of(key_);
    if (seen_.size() < ids_.capacity()) seen_.resize(ids_.capacity());
    dirty_.set(partition(id));
    const bool repeats = seen_[id].open && (whole() || time - seen_[id].first <= plan_.within);
    if (!repeats) start(id, time, batch, row, out);
    if (!plan_.last) {
      if (repeats) ++out.tally().filtered;
      return !repeats;
    }
    keep_last(id, batch, row, out);
    return false;
  }

  void start(uint32_t id, Micros time, const Batch& batch, uint32_t row, Emitter& out) {
    ids_.retain(id);  // first: a key that nobody holds is dead
    if (seen_[id].open) end(id);
    Seen& seen = seen_[id];
    seen.open = true;
    seen.first = time;
    seen.number = next_number_++;
    turns_.push_back({seen.number, id});
    if (++open_ <= plan_.keys_max) return;
    out.cell_error(batch, row, plan_.verb + ": more than max_keys keys; the oldest is forgotten");
    end_oldest();
  }

  void keep_last(uint32_t id, const Batch& batch, uint32_t row, Emitter& out) {
    Seen& seen = seen_[id];
    if (seen.row) {
      ++out.tally().filtered;
      --out.tally().held;
      held_times_.erase(held_times_.find(seen.row->time));
      if (whole()) {
        seen.number = next_number_++;
        turns_.push_back({seen.number, id});
      }
    }
    seen.row = std::make_unique<KeptRow>(keeper_.keep(batch, row));
    held_times_.insert(seen.row->time);
    ++out.tally().held;
  }

  void forget_past(Micros time) {
    while (const Seen* seen = oldest()) {
      if (time <= seen->first || time - seen->first <= plan_.within) return;
      end_oldest();
    }
  }

  void end_oldest() {
    if (oldest() != nullptr) end(turns_.front().id);
  }

  // The key's stretch is over; its last record is ready to be sent.
  void end(uint32_t id) {
    Seen& seen = seen_[id];
    dirty_.set(partition(id));
    if (seen.row) {
      ready_marks_.push_back(forwarded_ = std::max(forwarded_, output_watermark(mark_)));
      held_times_.erase(held_times_.find(seen.row->time));
      ready_.push_back(std::move(*seen.row));
      seen.row.reset();
    }
    seen.open = false;
    --open_;
    ids_.release(id);
  }

  void flush(Emitter& out) {
    std::vector<const KeptRow*> rows;
    for (const KeptRow& row : ready_) rows.push_back(&row);
    for (size_t begin = 0; begin < rows.size();) {
      using Offset = std::ptrdiff_t;
      const auto first = ready_marks_.begin() + static_cast<Offset>(begin);
      Batch batch = RowKeeper::restore(rows, begin);
      batch.watermark =
          std::make_shared<Times>(first, ready_marks_.begin() + static_cast<Offset>(begin));
      batch.watermark_after = batch.watermark->back();
      out.tally().held -= batch.rows;
      out.tally().passed += batch.rows;
      out.emit(std::move(batch));
    }
    ready_.clear();
    ready_marks_.clear();
  }

  // Between batches: numbers of dead keys may go to new ones.
  void tidy() {
    ids_.unpin();
    if (turns_.size() > 2 * open_ + kBatchRowsMax)
      std::erase_if(turns_, [this](const Turn& turn) { return !is_current(turn); });
    if (!ids_.forget_dead()) return;
    std::erase_if(turns_, [this](const Turn& turn) { return !is_current(turn); });
  }

  std::unique_ptr<KeyColumns> keys_;
  const DedupePlan plan_;
  KeyDictionary ids_;
  std::vector<Seen> seen_;          // by id
  mutable std::deque<Turn> turns_;  // by number; some over already
  size_t open_ = 0;
  uint64_t next_number_ = 0;
  Micros forwarded_ = kTimeMin;
  std::multiset<Micros> held_times_;
  RowKeeper keeper_;
  std::bitset<kPartitions> dirty_;

  // Of one call:
  Micros mark_ = kTimeMin;
  std::vector<ColumnPtr> columns_;
  std::string key_;
  std::vector<KeptRow> ready_;
  std::vector<Micros> ready_marks_;
};

// A version; in partition 0 the watermark last sent; then each key's stretch.
void Dedupe::save(StateParts& parts) const {
  CountedEntries entries(parts);
  for (uint32_t id = 0; id < seen_.size(); ++id) {
    const Seen& seen = seen_[id];
    if (!seen.open) continue;
    std::string* const out = entries.next(partition(id));
    if (out == nullptr) continue;
    ids_.save(id, *out);
    save_micros(seen.first, *out);
    save_word(seen.number, *out);
    out->push_back(seen.row ? 1 : 0);
    if (seen.row) RowKeeper::save(*seen.row, *out);
  }
  for (unsigned at = 0; at < kPartitions; ++at) {
    if (!parts.wants(at) || (entries.count(at) == 0 && at != 0)) continue;
    parts[at].push_back(static_cast<char>(kVersion));
    if (at == 0) save_micros(forwarded_, parts[at]);
    entries.append_to(parts[at], at);
  }
}

Status Dedupe::load(unsigned partition_of, std::string_view bytes) {
  for (uint32_t id = 0; id < seen_.size(); ++id) {
    if (!seen_[id].open || partition(id) != partition_of) continue;
    if (seen_[id].row) held_times_.erase(held_times_.find(seen_[id].row->time));
    seen_[id] = Seen();
    --open_;
    ids_.release(id);
  }
  if (bytes.empty()) return {};
  StateReader in(bytes);
  if (in.byte() != kVersion)
    return fail(ErrorKind::kData, plan_.verb + ": unknown version of the state");
  if (partition_of == 0) forwarded_ = in.micros();
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::string_view key = in.text();
    Seen seen;
    seen.open = true;
    seen.first = in.micros();
    seen.number = in.word();
    if (in.byte() != 0) seen.row = std::make_unique<KeptRow>(keeper_.load(in));
    if (!in.ok() || (seen.row != nullptr) != plan_.last) break;
    const uint32_t id = ids_.id_of(key);
    if (seen_.size() < ids_.capacity()) seen_.resize(ids_.capacity());
    if (seen_[id].open) return fail(ErrorKind::kData, plan_.verb + ": damaged state");
    ids_.retain(id);
    ++open_;
    if (seen.row) held_times_.insert(seen.row->time);
    next_number_ = std::max(next_number_, seen.number + 1);
    turns_.push_back({seen.number, id});
    seen_[id] = std::move(seen);
  }
  ids_.unpin();
  std::sort(turns_.begin(), turns_.end(),
            [](const Turn& a, const Turn& b) { return a.number < b.number; });
  if (!in.ok() || !in.at_end()) return fail(ErrorKind::kData, plan_.verb + ": damaged state");
  return {};
}

std::unique_ptr<Operator> build_one(BuildContext& context, std::string_view keys_option,
                                    Micros within) {
  auto keys = KeyColumns::build(context, keys_option);
  if (!keys) return nullptr;
  DedupePlan plan;
  plan.verb = context.params.verb;
  plan.within = within;
  plan.last = context.params.choice("keep") == "last";
  plan.keys_max = std::min(static_cast<size_t>(context.params.integer("max_keys")),
                           KeyDictionary::kKeysMax - 1);
  return in_order(context.params, std::make_unique<Dedupe>(std::move(keys), std::move(plan)));
}

OptionDescriptor keep_option() {
  OptionDescriptor option{"keep", OptionType::kChoice,
                          "which record; the last is sent when its time is up"};
  option.fallback = "first";
  option.choices = {"first", "last"};
  return option;
}

OptionDescriptor max_keys_option() {
  OptionDescriptor option = KeyColumns::max_option();
  option.help = "most keys at a time; beyond them the oldest is forgotten";
  return option;
}

}  // namespace

StepDescriptor dedupe_step() {
  StepDescriptor step;
  step.verb = "dedupe";
  step.summary = "one record of each key";
  step.pandas = "drop_duplicates";
  step.argument = {"dedupe", OptionType::kKeys,
                   "what makes two records the same: paths, or {name: expression}"};
  step.argument.required = true;
  step.options = {
      {"within", OptionType::kDuration, "in this much event time; without it the whole stream"},
      keep_option(),
      max_keys_option(),
      order_option()};
  step.example = "- dedupe: [device, sequence]\n  within: 10m";
  step.build = [](BuildContext& context) {
    return build_one(context, "dedupe", context.params.duration("within", kTimeMax));
  };
  return step;
}

StepDescriptor throttle_step() {
  StepDescriptor step;
  step.verb = "throttle";
  step.summary = "at most one record of each key in an interval of event time";
  step.argument = {"throttle", OptionType::kDuration, "the interval"};
  step.argument.required = true;
  step.options = {KeyColumns::option(), keep_option(), max_keys_option(), order_option()};
  step.example = "- throttle: 1s\n  by: device";
  step.build = [](BuildContext& context) -> std::unique_ptr<Operator> {
    const Micros interval = context.params.duration("throttle");
    if (interval == 0) {
      context.diagnostics.error("E0435", context.params.span("throttle"),
                                "an interval is more than nothing");
      return nullptr;
    }
    auto op = build_one(context, "by", interval - 1);
    return op;
  };
  return step;
}

}  // namespace streamflow
