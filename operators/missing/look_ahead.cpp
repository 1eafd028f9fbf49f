#include "operators/missing/look_ahead.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "operators/aggregate/stored_cell.h"
#include "operators/field_pairs.h"
#include "core/kept_rows.h"
#include "operators/key_states.h"
#include "operators/missing/ffill.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

constexpr size_t kFieldsMax = 64;  // of one step: a bit each

// A record that waits, or stands behind one of its key that does.
struct HeldRow {
  KeptRow row;
  uint64_t number = 0;            // in the order of being held, over all keys
  uint64_t waiting = 0;           // bit f: field f is not known yet
  std::vector<StoredCell> found;  // by field; empty: it stays as it is
  bool gave_way = false;          // to max_records
};

struct HeldQueue {
  std::deque<HeldRow> rows;
  uint64_t first = 0;                         // number in the queue of rows.front()
  std::vector<std::deque<uint64_t>> waiting;  // by field: rows, some perhaps not waiting any more

  HeldRow* find(uint64_t at) { return at < first ? nullptr : &rows[at - first]; }
};

struct Point {
  bool known = false;
  double value = 0;
  Micros time = 0;
  uint64_t since = 0;  // records without a value since
};

struct LookAheadState {
  std::vector<Point> last;  // by field; kLinear only
  std::unique_ptr<HeldQueue> queue;

  bool empty() const { return !queue && last.empty(); }
  void save(std::string& out) const;
  void load(StateReader& in);
};

void LookAheadState::save(std::string& out) const {
  save_count(last.size(), out);
  for (const Point& point : last) {
    out.push_back(point.known ? 1 : 0);
    save_real(point.value, out);
    save_micros(point.time, out);
    save_count(point.since, out);
  }
  save_count(queue ? queue->rows.size() : 0, out);
  if (!queue) return;
  for (const HeldRow& held : queue->rows) {
    RowKeeper::save(held.row, out);
    save_word(held.number, out);
    save_word(held.waiting, out);
    save_count(held.found.size(), out);
    for (const StoredCell& cell : held.found) cell.save(out);
  }
}

void LookAheadState::load(StateReader& in) {
  RowKeeper keeper;
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Point point;
    point.known = in.byte() != 0;
    point.value = in.real();
    point.time = in.micros();
    point.since = in.count();
    last.push_back(point);
  }
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    HeldRow held;
    held.row = keeper.load(in);
    held.number = in.word();
    held.waiting = in.word();
    for (uint64_t cells = in.count(); cells > 0 && in.ok(); --cells) {
      held.found.emplace_back();
      held.found.back().load(in);
    }
    if (held.found.size() > kFieldsMax) in.fail();
    if (!queue) queue = std::make_unique<HeldQueue>();
    queue->waiting.resize(held.found.size());
    for (size_t f = 0; f < held.found.size(); ++f)
      if ((held.waiting >> f & 1) != 0) queue->waiting[f].push_back(queue->rows.size());
    queue->rows.push_back(std::move(held));
  }
}

struct LookAheadBounds {
  Micros within = kTimeMax;
  uint64_t limit = UINT64_MAX;
  size_t records_max = 0;
};

class LookAhead final : public KeyedOperator<LookAheadState> {
 public:
  LookAhead(KeyStates<LookAheadState> states, std::vector<FieldPair> fields, LookAheadKind kind,
            LookAheadBounds bounds)
      : KeyedOperator(std::move(states)),
        fields_(std::move(fields)),
        kind_(kind),
        bounds_(bounds) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    states_.find(batch, begin);
    columns_.clear();
    for (const FieldPair& field : fields_) columns_.push_back(readable_field(batch, field.from));
    batch_ = &batch;
    size_t i = begin;
    for (; i < batch.count(); ++i) {
      mark_ = (*batch.watermark)[batch.row_at(i)];
      if (mark_ >= next_deadline()) break;
      LookAheadState* state = states_.at(batch, i, out);
      if (state != nullptr) take(*state, states_.ids().at(batch, i, out), batch.row_at(i), out);
    }
    const bool done = i == batch.count();
    if (done) mark_ = batch.watermark_after;
    flush_direct(out, done);
    flush_ready(out);
    batch_ = nullptr;
    if (done) states_.ids().release();
    return i;
  }

  bool on_watermark(Micros upto, Emitter& out) override {
    mark_ = upto;
    while (ready_.size() < kBatchRowsMax) {
      if (next_expiry() > upto || deadlines_.empty()) {
        flush_ready(out);
        return true;
      }
      expire(out);
    }
    flush_ready(out);
    return false;
  }

  Micros next_deadline() const override { return next_expiry(); }
  Micros output_watermark(Micros input) const override {
    return held_times_.empty() ? input : std::min(input, *held_times_.begin());
  }

  void save(StateParts& parts) const override {
    if (parts.wants(0)) save_micros(forwarded_, parts[0]);
    states_.save(parts);
  }

  Status load(unsigned partition, std::string_view bytes) override {
    if (partition == 0) {
      StateReader in(bytes);
      forwarded_ = bytes.empty() ? kTimeMin : in.micros();
      bytes = in.rest();
      if (!in.ok()) return fail(ErrorKind::kData, states_.ids().verb() + ": damaged state");
    }
    if (Status loaded = states_.load(partition, bytes); !loaded) return loaded;
    return index_held();
  }

  std::bitset<kPartitions> take_dirty() override {
    return states_.take_dirty().set(0);  // forwarded_
  }

  std::string unfinished() const override {
    if (held_times_.empty()) return {};
    return std::to_string(held_times_.size()) +
           (held_times_.size() == 1 ? " waiting record" : " waiting records");
  }

 private:
  struct Place {
    uint32_t id;
    uint64_t at;  // in the key's queue
  };

  // The watermark at which the oldest waiting record waits no longer; without a bound the end of
  // input.
  Micros next_expiry() const {
    if (deadlines_.empty()) return kTimeMax;
    const Micros time = deadlines_.begin()->first.first;
    return bounds_.within == kTimeMax || time > kTimeMax - bounds_.within - 1
               ? kTimeMax
               : time + bounds_.within + 1;
  }

  Micros forward(Micros mark) {
    if (!held_times_.empty()) mark = std::min(mark, *held_times_.begin());
    return forwarded_ = std::max(forwarded_, mark);
  }

  void take(LookAheadState& state, uint32_t id, uint32_t row, Emitter& out) {
    if (kind_ == LookAheadKind::kLinear) state.last.resize(fields_.size());
    const Micros time = (*batch_->time)[row];
    uint64_t waiting = 0;
    for (size_t f = 0; f < fields_.size(); ++f) {
      const Kind kind = columns_[f]->kind(row);
      if (kind <= Kind::kNull) {
        if (waits(state, f)) waiting |= uint64_t{1} << f;
      } else if (kind_ == LookAheadKind::kLinear && !is_finite_number(*columns_[f], row)) {
        out.cell_error(*batch_, row, not_a_number(states_.ids().verb(), kind));
      } else {
        found(state, f, row, time);
      }
    }
    release(state, out);
    if (waiting == 0 && !state.queue) return pass(row, out);
    hold(state, id, row, waiting);
    ++out.tally().held;
    while (held_times_.size() > bounds_.records_max && !deadlines_.empty()) expire(out, true);
  }

  // Whether a missing value can still be found.
  bool waits(LookAheadState& state, size_t f) const {
    if (kind_ == LookAheadKind::kBackward) return true;
    Point& last = state.last[f];
    return last.known && ++last.since <= bounds_.limit;
  }

  // A value of field f: what waits for it has it.
  void found(LookAheadState& state, size_t f, uint32_t row, Micros time) {
    const Column& column = *columns_[f];
    if (state.queue) {
      for (const uint64_t at : state.queue->waiting[f]) {
        HeldRow* held = state.queue->find(at);
        if (held == nullptr || (held->waiting >> f & 1) == 0) continue;
        if (time - held->row.time > bounds_.within) continue;
        if (kind_ == LookAheadKind::kBackward) {
          held->found[f].set(column, row);
        } else {
          const double y = on_line(state.last[f], held->row.time, time, column.number(row));
          held->found[f].set_word(Kind::kDouble, std::bit_cast<uint64_t>(y));
        }
        known(*held, f);
      }
      state.queue->waiting[f].clear();
    }
    if (kind_ == LookAheadKind::kLinear) state.last[f] = {true, column.number(row), time, 0};
  }

  static double on_line(const Point& from, Micros time, Micros to, double value) {
    if (to == from.time) return value;
    const double part = static_cast<double>(time - from.time) / static_cast<double>(to - from.time);
    return from.value + (value - from.value) * part;
  }

  // Field f of a held record is known, or will never be.
  void known(HeldRow& held, size_t f) {
    held.waiting &= ~(uint64_t{1} << f);
    if (held.waiting == 0) deadlines_.erase({held.row.time, held.number});
  }

  void hold(LookAheadState& state, uint32_t id, uint32_t row, uint64_t waiting) {
    if (!state.queue) {
      state.queue = std::make_unique<HeldQueue>();
      state.queue->waiting.resize(fields_.size());
    }
    HeldQueue& queue = *state.queue;
    HeldRow held;
    held.row = keeper_.keep(*batch_, row);
    held.number = next_number_++;
    held.waiting = waiting;
    held.found.resize(fields_.size());
    const uint64_t at = queue.first + queue.rows.size();
    held_times_.insert(held.row.time);
    if (waiting != 0) deadlines_.emplace(std::pair{held.row.time, held.number}, Place{id, at});
    queue.rows.push_back(std::move(held));
    for (size_t f = 0; f < fields_.size(); ++f)
      if ((waiting >> f & 1) != 0) wait(queue, f, at);
  }

  // With a limit only the last ones before a value are filled.
  void wait(HeldQueue& queue, size_t f, uint64_t at) {
    std::deque<uint64_t>& waiting = queue.waiting[f];
    waiting.push_back(at);
    if (kind_ != LookAheadKind::kBackward || waiting.size() <= bounds_.limit) return;
    if (HeldRow* oldest = queue.find(waiting.front()); oldest && (oldest->waiting >> f & 1) != 0)
      known(*oldest, f);
    waiting.pop_front();
  }

  // Sends what the key's records no longer wait for.
  void release(LookAheadState& state, Emitter& out) {
    if (!state.queue) return;
    HeldQueue& queue = *state.queue;
    while (!queue.rows.empty() && queue.rows.front().waiting == 0) {
      if (!direct_.empty()) flush_direct(out, false);
      ready_marks_.push_back(forward(mark_));
      held_times_.erase(held_times_.find(queue.rows.front().row.time));
      ready_.push_back(std::move(queue.rows.front()));
      queue.rows.pop_front();
      ++queue.first;
    }
    if (queue.rows.empty()) state.queue.reset();
  }

  void expire(Emitter& out, bool gives_way = false) {
    const Place place = deadlines_.begin()->second;
    LookAheadState& state = states_.changed(place.id);
    HeldRow* held = state.queue->find(place.at);
    held->gave_way = gives_way;
    for (size_t f = 0; f < fields_.size(); ++f)
      if ((held->waiting >> f & 1) != 0) known(*held, f);
    release(state, out);
  }

  // A record that waits for nothing.
  void pass(uint32_t row, Emitter& out) {
    if (!ready_.empty()) flush_ready(out);
    direct_.push_back(row);
    const Micros mark = forward(mark_);
    if (mark != (*batch_->watermark)[row] && !direct_marks_)
      direct_marks_ = std::make_shared<Times>(*batch_->watermark);
    if (direct_marks_) (*direct_marks_)[row] = mark;
  }

  void flush_direct(Emitter& out, bool last) {
    if (direct_.empty()) return;
    Batch made = *batch_;
    if (direct_.size() < made.count()) made.selected = std::make_shared<Selection>(direct_);
    if (direct_marks_) made.watermark = spread_marks();
    made.watermark_after = last ? std::max(forwarded_, output_watermark(batch_->watermark_after))
                                : (*made.watermark)[direct_.back()];
    const FieldEdit edit(made, fields_);
    edit.apply(made);
    direct_.clear();
    out.tally().passed += made.count();
    out.emit(std::move(made));
  }

  // What stands between records that are sent has the watermark of the one before.
  std::shared_ptr<const Times> spread_marks() {
    Times& marks = *direct_marks_;
    for (size_t row = direct_.front() + 1, i = 0; row < marks.size(); ++row) {
      if (i + 1 < direct_.size() && direct_[i + 1] == row) {
        ++i;
      } else {
        marks[row] = marks[row - 1];
      }
    }
    return std::exchange(direct_marks_, nullptr);
  }

  void flush_ready(Emitter& out) {
    std::vector<const KeptRow*> rows;
    for (const HeldRow& held : ready_) rows.push_back(&held.row);
    for (size_t begin = 0; begin < rows.size();) {
      const size_t first = begin;
      Batch made = RowKeeper::restore(rows, begin);
      using Offset = std::ptrdiff_t;
      made.watermark = std::make_shared<Times>(ready_marks_.begin() + static_cast<Offset>(first),
                                               ready_marks_.begin() + static_cast<Offset>(begin));
      made.watermark_after = made.watermark->back();
      fill(made, first, out);
      out.tally().held -= made.rows;
      out.tally().passed += made.rows;
      out.emit(std::move(made));
    }
    ready_.clear();
    ready_marks_.clear();
  }

  void fill(Batch& batch, size_t first, Emitter& out) {
    FieldEdit edit(batch, fields_);
    for (uint32_t row = 0; row < batch.rows; ++row) {
      const HeldRow& held = ready_[first + row];
      for (size_t f = 0; f < fields_.size(); ++f)
        if (!held.found[f].empty()) held.found[f].write(edit.to(f, row), row);
      if (held.gave_way)
        out.cell_error(batch, row,
                       states_.ids().verb() + ": more than max_records waiting records");
    }
    edit.apply(batch);
  }

  // From the loaded states.
  Status index_held() {
    held_times_.clear();
    deadlines_.clear();
    for (uint32_t id = 0; id < states_.size(); ++id) {
      if (!states_[id].queue) continue;
      const HeldQueue& queue = *states_[id].queue;
      for (size_t i = 0; i < queue.rows.size(); ++i) {
        const HeldRow& held = queue.rows[i];
        if (held.found.size() != fields_.size())
          return fail(ErrorKind::kData, states_.ids().verb() + ": damaged state");
        held_times_.insert(held.row.time);
        next_number_ = std::max(next_number_, held.number + 1);
        if (held.waiting != 0)
          deadlines_.emplace(std::pair{held.row.time, held.number}, Place{id, queue.first + i});
      }
    }
    return {};
  }

  std::vector<FieldPair> fields_;
  LookAheadKind kind_;
  LookAheadBounds bounds_;
  RowKeeper keeper_;
  std::multiset<Micros> held_times_;                        // of all held records
  std::map<std::pair<Micros, uint64_t>, Place> deadlines_;  // waiting ones, by time and number
  uint64_t next_number_ = 0;
  Micros forwarded_ = kTimeMin;

  // Of one call:
  const Batch* batch_ = nullptr;
  Micros mark_ = kTimeMin;  // the input's watermark now
  std::vector<ColumnPtr> columns_;
  Selection direct_;  // rows to be sent as they are, after ready_ was
  std::shared_ptr<Times> direct_marks_;
  std::vector<HeldRow> ready_;  // or held ones to be sent, after direct_ was
  std::vector<Micros> ready_marks_;
};

}  // namespace

OptionDescriptor max_records_option() {
  OptionDescriptor option{"max_records", OptionType::kInteger,
                          "most waiting records; beyond them the oldest goes on as it is"};
  option.fallback = "100000";
  option.least = 1;
  return option;
}

std::unique_ptr<Operator> build_look_ahead(BuildContext& context, std::string_view option,
                                           LookAheadKind kind) {
  const bool linear = kind == LookAheadKind::kLinear;
  auto fields =
      read_field_pairs(context, option, linear ? FieldValues::kNumbers : FieldValues::kAny);
  if (!fields) return nullptr;
  if (fields->size() > kFieldsMax) {
    context.diagnostics.error("E0434", context.params.span(option),
                              context.params.verb + " takes at most 64 fields in one step");
    return nullptr;
  }
  std::string signature;
  for (const FieldPair& field : *fields) signature += field.from + "\n";
  auto states = read_key_states<LookAheadState>(context, signature);
  if (!states) return nullptr;
  note_keys(context, states->ids().columns());
  LookAheadBounds bounds;
  bounds.within = context.params.duration("within", kTimeMax);
  bounds.limit = static_cast<uint64_t>(context.params.integer("limit", INT64_MAX));
  bounds.records_max = static_cast<size_t>(context.params.integer("max_records"));
  return in_order(context.params, std::make_unique<LookAhead>(std::move(*states),
                                                              std::move(*fields), kind, bounds));
}

namespace {

StepDescriptor look_ahead_step(std::string verb, LookAheadKind kind) {
  StepDescriptor step;
  step.argument = {verb, OptionType::kFields, "fields, in place or as {new: old}"};
  step.argument.required = true;
  OptionDescriptor within{"within", OptionType::kDuration,
                          "how long a record waits in event time, at most"};
  step.options = {std::move(within),        fill_limit_option(),  KeyColumns::option(),
                  KeyColumns::max_option(), max_records_option(), order_option()};
  step.build = [verb, kind](BuildContext& context) {
    return build_look_ahead(context, verb, kind);
  };
  return step;
}

}  // namespace

StepDescriptor bfill_step() {
  StepDescriptor step = look_ahead_step("bfill", LookAheadKind::kBackward);
  step.verb = "bfill";
  step.summary = "fill fields that are null or missing with their next value";
  step.pandas = "bfill";
  step.example = "- bfill: [temperature]\n  by: device\n  within: 10m";
  return step;
}

StepDescriptor interpolate_step() {
  StepDescriptor step = look_ahead_step("interpolate", LookAheadKind::kLinear);
  step.verb = "interpolate";
  step.summary = "fill numbers that are null or missing on the line between their neighbours";
  step.pandas = "interpolate(method='time', limit_area='inside')";
  step.example = "- interpolate: [temperature]\n  by: device\n  within: 10m";
  return step;
}

}  // namespace streamflow
