#include "operators/alert/alert.h"

#include <algorithm>
#include <utility>

#include "core/keys.h"
#include "operators/expression_option.h"
#include "operators/key_columns.h"
#include "operators/order/time_order.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

// Per key: fires at the first record at which the condition has held at every record for `hold_us`,
// resolves at the first one at which `clear` holds.  Only those two records are sent, whole, with
// `state` and `since`: when the condition began to hold.
//
// A record for which the condition or `clear` fails is an error and changes nothing.  State: 24
// bytes for each key whose condition holds or whose alert fires.
class Alert final : public Operator {
 public:
  Alert(std::unique_ptr<expr::Program> condition, std::unique_ptr<expr::Program> clear,
        Micros hold_us, std::unique_ptr<KeyColumns> keys, size_t keys_max)
      : condition_(std::move(condition)),
        clear_(std::move(clear)),
        hold_us_(hold_us),
        keys_(std::move(keys)),
        ids_(keys_max) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    evaluate(batch, begin);
    const std::vector<ColumnPtr> columns = keys_->columns(batch, begin);
    std::vector<const Column*> plain;
    for (const ColumnPtr& column : columns) plain.push_back(column.get());
    auto sent = std::make_shared<Selection>();
    auto state = std::make_shared<Column>(batch.rows);
    auto since = std::make_shared<Column>(batch.rows);
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      if (const std::string_view error = error_of(columns, row); !error.empty()) {
        out.fail(batch, row, error);
        continue;
      }
      uint32_t id = KeyDictionary::kNone;
      if (!ids_.ids_of(plain, {&row, 1}, &id)) {
        out.fail(batch, row, "alert: more than max_keys keys at a time");
        continue;
      }
      const Change change = follow(id, (*batch.time)[row], row);
      ids_.unpin();
      if (change.word.empty()) {
        ++out.tally().filtered;
        continue;
      }
      state->set_text(row, Kind::kString, change.word);
      since->set_timestamp(row, change.since);
      sent->push_back(row);
    }
    ids_.forget_dead();
    if (sent->empty()) return batch.count();
    out.tally().passed += sent->size();
    Batch made = batch;
    made.selected = std::move(sent);
    made.set("state", std::move(state));
    made.set("since", std::move(since));
    out.emit(std::move(made));
    return batch.count();
  }

  void save(StateParts& parts) const override {
    CountedEntries entries(parts);
    for (uint32_t id = 0; id < keyed_.size(); ++id) {
      if (keyed_[id].phase == Phase::kQuiet) continue;
      std::string* const out = entries.next(partition(id));
      if (out == nullptr) continue;
      ids_.save(id, *out);
      out->push_back(static_cast<char>(keyed_[id].phase));
      save_micros(keyed_[id].since, *out);
    }
    for (unsigned at = 0; at < kPartitions; ++at) {
      if (entries.count(at) == 0) continue;
      parts[at].push_back(static_cast<char>(kVersion));
      entries.append_to(parts[at], at);
    }
  }

  Status load(unsigned partition_, std::string_view bytes) override {
    for (uint32_t id = 0; id < keyed_.size(); ++id)
      if (keyed_[id].phase != Phase::kQuiet && partition(id) == partition_)
        set(id, Phase::kQuiet, 0);
    if (bytes.empty()) return {};
    StateReader in(bytes);
    if (in.byte() != kVersion) return fail(ErrorKind::kData, "alert: unknown version of the state");
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      const std::string_view key = in.text();
      const unsigned char phase = in.byte();
      const Micros since = in.micros();
      if (phase != 1 && phase != 2) in.fail();
      if (!in.ok()) break;
      const uint32_t id = ids_.id_of(key);
      if (id == KeyDictionary::kNone)
        return fail(ErrorKind::kLimit, "alert: more keys than max_keys");
      set(id, static_cast<Phase>(phase), since);
      ids_.unpin();
    }
    if (!in.ok() || !in.at_end()) return fail(ErrorKind::kData, "alert: damaged state");
    return {};
  }

  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }

 private:
  enum class Phase : unsigned char { kQuiet, kHolding, kFiring };
  struct Keyed {
    Micros since = 0;
    Phase phase = Phase::kQuiet;
  };
  struct Change {
    std::string_view word;  // empty: none
    Micros since = 0;
  };

  void evaluate(const Batch& batch, size_t begin) {
    const auto mark = [&](const expr::Program& program, std::vector<char>& holds) {
      Selection passed;
      program.filter(batch, begin, passed, errors_);
      holds.assign(batch.rows, 0);
      for (const uint32_t row : passed) holds[row] = 1;
    };
    errors_.clear();
    mark(*condition_, holds_);
    if (clear_) mark(*clear_, clears_);
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
  }

  std::string_view error_of(const std::vector<ColumnPtr>& columns, uint32_t row) const {
    const auto error = std::lower_bound(errors_.begin(), errors_.end(), row,
                                        [](const auto& e, uint32_t r) { return e.row < r; });
    if (error != errors_.end() && error->row == row) return error->message;
    return KeyColumns::error(columns, row);
  }

  Change follow(uint32_t id, Micros time, uint32_t row) {
    if (id >= keyed_.size()) keyed_.resize(ids_.capacity());
    const Keyed now = keyed_[id];
    const bool holds = holds_[row] != 0;
    if (now.phase == Phase::kFiring) {
      if (!(clear_ ? clears_[row] != 0 : !holds)) return {};
      set(id, Phase::kQuiet, 0);
      return {"resolved", now.since};
    }
    if (!holds) {
      if (now.phase == Phase::kHolding) set(id, Phase::kQuiet, 0);
      return {};
    }
    const Micros since = now.phase == Phase::kHolding ? now.since : time;
    if (time - since < hold_us_) {
      if (now.phase == Phase::kQuiet) set(id, Phase::kHolding, since);
      return {};
    }
    set(id, Phase::kFiring, since);
    return {"firing", since};
  }

  void set(uint32_t id, Phase phase, Micros since) {
    if (id >= keyed_.size()) keyed_.resize(ids_.capacity());
    Keyed& keyed = keyed_[id];
    if (keyed.phase == Phase::kQuiet && phase != Phase::kQuiet) ids_.retain(id);
    if (keyed.phase != Phase::kQuiet && phase == Phase::kQuiet) ids_.release(id);
    keyed = {since, phase};
    dirty_.set(partition(id));
  }

  unsigned partition(uint32_t id) const { return keys_->keyed() ? ids_.partition(id) : 0; }

  std::unique_ptr<expr::Program> condition_, clear_;  // clear_ may be null
  Micros hold_us_;
  std::unique_ptr<KeyColumns> keys_;
  KeyDictionary ids_;
  std::vector<Keyed> keyed_;  // by id
  std::bitset<kPartitions> dirty_;
  // Of one batch, by row:
  std::vector<char> holds_, clears_;
  std::vector<expr::RowError> errors_;
};

std::unique_ptr<expr::Program> condition(BuildContext& context, std::string_view option) {
  const SpecValue& value = *context.params.value(option);
  return compile_condition_option(context, value, context.input);
}

std::unique_ptr<Operator> build(BuildContext& context) {
  auto fires = condition(context, "alert");
  const bool has_clear = context.params.has("clear");
  auto clear = has_clear ? condition(context, "clear") : nullptr;
  auto keys = KeyColumns::build(context);
  if (!fires || (has_clear && !clear) || !keys) return nullptr;
  context.output.set("state", Type::kString);
  context.output.set("since", Type::kTimestamp);
  context.output.keys.clear();
  for (const std::string& name : keys->names())
    if (context.output.find(name) || context.output.open) context.output.keys.push_back(name);
  return in_order(context.params,
                  std::make_unique<Alert>(std::move(fires), std::move(clear),
                                          context.params.duration("for"), std::move(keys),
                                          static_cast<size_t>(context.params.integer("max_keys"))));
}

}  // namespace

StepDescriptor alert_step() {
  StepDescriptor step;
  step.verb = "alert";
  step.summary =
      "the record at which a condition has held long enough, and the one at which it is over";
  step.argument = {.name = "alert",
                   .type = OptionType::kExpression,
                   .help = "the condition that fires; the record is sent with state and since",
                   .required = true};
  step.options = {
      {.name = "for",
       .type = OptionType::kDuration,
       .help = "how long it must hold, at every record, before it fires",
       .fallback = "0s"},
      {.name = "clear",
       .type = OptionType::kExpression,
       .help = "the condition that resolves; without it, that the first no longer holds"},
      KeyColumns::option(),
      KeyColumns::max_option(),
      order_option()};
  step.example = "- alert: temperature > 80\n  for: 1m\n  clear: temperature < 75\n  by: device";
  step.build = build;
  return step;
}

}  // namespace streamflow
