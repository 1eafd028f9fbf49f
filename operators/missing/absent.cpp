#include "operators/missing/absent.h"

#include <algorithm>
#include <set>

#include "core/operator_output.h"
#include "operators/key_states.h"
#include "operators/literal.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

struct Presence {
  bool watched = false;  // seen, or expected once the stream has started
  bool silent = false;
  bool seen = false;
  Micros last = 0;  // time of the last record; not seen: of the stream's start

  bool empty() const { return !watched; }
  void save(std::string& out) const {
    out.push_back(static_cast<char>((silent ? 1 : 0) | (seen ? 2 : 0)));
    save_micros(last, out);
  }
  void load(StateReader& in) {
    const unsigned char flags = in.byte();
    watched = true;
    silent = (flags & 1) != 0;
    seen = (flags & 2) != 0;
    last = in.micros();
  }
};

class Absent final : public KeyedOperator<Presence> {
 public:
  Absent(KeyStates<Presence> states, Micros length, std::vector<std::string> expected)
      : KeyedOperator(std::move(states)), length_(length), expected_(std::move(expected)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    states_.find(batch, begin);
    size_t i = begin;
    for (; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const Micros mark = (*batch.watermark)[row];
      const Micros time = (*batch.time)[row];
      if (!started_) start(batch.stream_start == kTimeMin ? time : batch.stream_start);
      if (mark >= next_deadline()) break;
      const uint32_t id = states_.ids().at(batch, i, out);
      if (id == KeyDictionary::kNone) continue;
      highest_ = std::max(highest_, time);
      arrival_ = batch.arrival ? (*batch.arrival)[row] : kTimeMin;
      ++out.tally().absorbed;
      hear(id, time, mark, out);
    }
    flush(out);
    if (i == batch.count()) states_.ids().release();
    return i;
  }

  bool on_watermark(Micros upto, Emitter& out) override {
    if (!started_ && upto != kTimeMax && !expected_.empty()) start(upto);
    // At the end of input what falls silent after the last record is not known.
    const Micros until = upto == kTimeMax ? highest_ : upto;
    if (!deadlines_.empty() && deadlines_.begin()->first < until) fall_silent(out);
    return deadlines_.empty() || deadlines_.begin()->first >= until;
  }

  // Until the stream has started, expected keys wait for its first watermark: any will do.
  Micros next_deadline() const override {
    if (!started_ && !expected_.empty()) return 0;
    return deadlines_.empty() ? kTimeMax : deadlines_.begin()->first + 1;
  }

  void save(StateParts& parts) const override {
    if (parts.wants(0)) {
      parts[0].push_back(started_ ? 1 : 0);
      for (const Micros time : {highest_, arrival_, last_forwarded_}) save_micros(time, parts[0]);
    }
    states_.save(parts);
  }

  std::bitset<kPartitions> take_dirty() override {
    return states_.take_dirty().set(0);  // the stream's times
  }

  Status load(unsigned partition, std::string_view bytes) override {
    if (partition == 0 && !bytes.empty()) {
      StateReader in(bytes);
      started_ = in.byte() != 0;
      for (Micros* time : {&highest_, &arrival_, &last_forwarded_}) *time = in.micros();
      if (!in.ok()) return fail(ErrorKind::kData, "absent: damaged state");
      bytes = in.rest();
    }
    if (Status loaded = states_.load(partition, bytes); !loaded) return loaded;
    deadlines_.clear();
    for (uint32_t id = 0; id < states_.size(); ++id)
      if (states_[id].watched && !states_[id].silent) deadlines_.emplace(due(states_[id]), id);
    return {};
  }

 private:
  struct Row {
    uint32_t id;
    Micros time, watermark;
    std::string_view status;
    Micros last_seen;  // kTimeMin: never
  };

  Micros due(const Presence& presence) const {
    return presence.last > kTimeMax - 1 - length_ ? kTimeMax - 1 : presence.last + length_;
  }

  void start(Micros time) {
    started_ = true;
    for (const std::string& key : expected_) {
      uint32_t id = 0;
      const Presence* presence = states_.of_key(key, &id);
      if (presence == nullptr || presence->watched) continue;  // `build` saw that there is room
      Presence& expected = states_.changed(id);
      expected.watched = true;
      expected.last = time;
      deadlines_.emplace(due(expected), id);
    }
  }

  // The keys of the first deadline, in their order.
  void fall_silent(Emitter& out) {
    const Micros due = deadlines_.begin()->first;
    std::vector<uint32_t> ids;
    while (!deadlines_.empty() && deadlines_.begin()->first == due) {
      ids.push_back(deadlines_.begin()->second);
      deadlines_.erase(deadlines_.begin());
    }
    states_.ids().dictionary().sort(ids);
    for (const uint32_t id : ids) {
      Presence& presence = states_.changed(id);
      presence.silent = true;
      add(id, due, due, "silent", presence.seen ? presence.last : kTimeMin);
      if (rows_.size() == kBatchRowsMax) flush(out);
    }
    flush(out);
  }

  void hear(uint32_t id, Micros time, Micros mark, Emitter& out) {
    Presence& presence = states_.changed(id);
    if (presence.watched && !presence.silent) deadlines_.erase({due(presence), id});
    if (presence.silent) add(id, time, mark, "back", presence.seen ? presence.last : kTimeMin);
    presence.last = presence.seen && !presence.silent ? std::max(presence.last, time) : time;
    presence.watched = presence.seen = true;
    presence.silent = false;
    deadlines_.emplace(due(presence), id);
    if (rows_.size() == kBatchRowsMax) flush(out);
  }

  void add(uint32_t id, Micros time, Micros upto, std::string_view status, Micros last_seen) {
    rows_.push_back({id, time, made_row_watermark(last_forwarded_, time, upto), status, last_seen});
  }

  void flush(Emitter& out) {
    if (rows_.empty()) return;
    Batch batch;
    batch.rows = rows_.size();
    std::vector<Column*> keys;
    for (const KeyPart& part : states_.ids().columns().parts()) {
      auto column = std::make_shared<Column>(batch.rows);
      keys.push_back(column.get());
      batch.columns.push_back({part.name, std::move(column), false});
    }
    auto status = std::make_shared<Column>(batch.rows);
    auto last_seen = std::make_shared<Column>(batch.rows);
    auto times = std::make_shared<Times>();
    auto marks = std::make_shared<Times>();
    for (uint32_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      states_.ids().dictionary().write(row.id, keys, i);
      status->set_text(i, Kind::kString, row.status);  // a literal
      if (row.last_seen == kTimeMin) {
        last_seen->set_null(i);
      } else {
        last_seen->set_timestamp(i, row.last_seen);
      }
      times->push_back(row.time);
      marks->push_back(row.watermark);
    }
    batch.columns.push_back({"status", std::move(status), false});
    batch.columns.push_back({"last_seen", std::move(last_seen), false});
    batch.time = std::move(times);
    batch.watermark_after = marks->back();
    batch.watermark = std::move(marks);
    if (arrival_ != kTimeMin) batch.arrival = std::make_shared<Times>(batch.rows, arrival_);
    rows_.clear();
    out.tally().created += batch.rows;
    out.emit(std::move(batch));
  }

  Micros length_;
  std::vector<std::string> expected_;                // encoded keys
  std::set<std::pair<Micros, uint32_t>> deadlines_;  // when each key that speaks falls silent
  bool started_ = false;
  Micros highest_ = kTimeMin;
  Micros arrival_ = kTimeMin;
  Micros last_forwarded_ = kTimeMin;
  std::vector<Row> rows_;  // to be sent
};

// The keys that `expect` names, encoded.  Nothing: reported.
std::optional<std::vector<std::string>> read_expected(BuildContext& context,
                                                      const KeyColumns& keys) {
  std::vector<std::string> expected;
  const SpecValue* written = context.params.value("expect");
  if (written == nullptr) return expected;
  const auto wrong = [&](const SpecValue& at, std::string message, std::string label) {
    context.diagnostics.error("E0437", at.span, std::move(message), std::move(label));
    return std::nullopt;
  };
  const size_t parts = keys.parts().size();
  if (parts == 0) return wrong(*written, "'expect' names keys, and there is no key", "add `by:`");
  const std::vector<SpecValue> one = {*written};
  for (const SpecValue& item : written->is_list() ? written->items : one) {
    const std::vector<SpecValue> whole = {item};
    const std::vector<SpecValue>& values = item.is_list() ? item.items : whole;
    if (values.size() != parts) {
      return wrong(item, "a key here has " + std::to_string(parts) + " parts",
                   parts == 1 ? "write one value" : "write [value, value] for each key");
    }
    std::string key;
    for (const SpecValue& value : values) {
      const Value read = literal_of(value);
      if (read.is(Kind::kMissing)) return wrong(value, "a key is made of plain values", "");
      append_key(read, key);
    }
    expected.push_back(std::move(key));
  }
  if (expected.size() > static_cast<size_t>(context.params.integer("max_keys")))
    return wrong(*written, "'expect' names more than max_keys keys", "");
  return expected;
}

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  const Micros length = params.duration("absent");
  if (length == 0) {
    context.diagnostics.error("E0435", params.span("absent"), "a silence is longer than nothing");
    return nullptr;
  }
  auto states = read_key_states<Presence>(context, "");
  if (!states) return nullptr;
  const KeyColumns& keys = states->ids().columns();
  auto expected = read_expected(context, keys);
  if (!expected) return nullptr;
  Schema& output = context.output;
  output = Schema();
  output.open = false;
  for (const KeyPart& part : keys.parts()) {
    if (part.name == "status" || part.name == "last_seen") {
      context.diagnostics.error("E0405", params.span("by"),
                                "'" + part.name + "' is a field of what absent sends",
                                "write {name: " + part.name + "}");
      return nullptr;
    }
    output.set(part.name, part.type);
  }
  output.set("status", Type::kString);
  output.set("last_seen", Type::kTimestamp);
  output.keys = keys.names();
  return in_order(params,
                  std::make_unique<Absent>(std::move(*states), length, std::move(*expected)));
}

}  // namespace

StepDescriptor absent_step() {
  StepDescriptor step;
  step.verb = "absent";
  step.summary = "say which keys have fallen silent, and which are back";
  step.argument = {"absent", OptionType::kDuration, "how long a silence is"};
  step.argument.required = true;
  step.options = {
      KeyColumns::option(),
      {"expect", OptionType::kAny, "keys that should come, also before their first record"},
      KeyColumns::max_option(),
      order_option()};
  step.example = "- absent: 5m\n  by: device\n  expect: [boiler, pump]";
  step.build = build;
  return step;
}

}  // namespace streamflow
