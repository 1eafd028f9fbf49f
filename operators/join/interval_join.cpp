#include "operators/join/interval_join.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/operator_output.h"

namespace streamflow {
namespace {

// Without `within` max_records says how many are kept behind the watermark; this many at least may
// be ahead of it.
constexpr size_t kComingMax = 65'536;

}  // namespace

IntervalJoin::IntervalJoin(JoinPlan plan)
    : plan_(std::move(plan)),
      signature_(join_signature(plan_)),
      ids_(KeyDictionary::kKeysMax),
      records_(ids_),
      inputs_(plan_),
      rows_(plan_) {
  if (!plan_.bounded) return;
  half(Side::kLeft).reach = std::max<Micros>(0, plan_.most);
  half(Side::kRight).reach = std::max<Micros>(0, earlier(0, plan_.least));
  hold_ = std::max(half(Side::kLeft).reach, half(Side::kRight).reach);
}

Micros IntervalJoin::output_watermark(Micros input) const {
  return plan_.bounded ? earlier(input, hold_) : std::min(input, first_undecided_);
}

// --- taking records ---

size_t IntervalJoin::process(const Batch& batch, size_t begin, Emitter& out) {
  inputs_.evaluate(batch, begin, out);
  size_t at = begin;
  for (; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    const Micros watermark = (*batch.watermark)[row];
    // Pairs that are due do not change with records ahead of the watermark: those are taken first,
    // so that pairs go in batches.
    if (watermark >= deadline_ &&
        (!waits() || (*batch.time)[row] < watermark || is_full(side_of(batch))))
      break;
    take(batch, at, out);
  }
  if (at > begin) dirty_.set(0);
  if (at == batch.count()) inputs_.release();
  return at;
}

void IntervalJoin::take(const Batch& batch, size_t position, Emitter& out) {
  const uint32_t row = batch.row_at(position);
  const Micros time = (*batch.time)[row];
  const Micros watermark = (*batch.watermark)[row];
  const Side side = side_of(batch);
  Half& own = half(side);
  if (const std::string_view error = inputs_.key_error(row); !error.empty())
    return out.fail(batch, row, error);
  if (is_late(side, time, watermark)) {
    Batch one = batch;
    one.selected = std::make_shared<Selection>(Selection{row});
    return out.late(std::move(one));
  }
  const bool null_key = inputs_.has_null_key(row);
  if (null_key && !plan_.keeps_unmatched(side)) {
    ++out.tally().filtered;
    return;
  }
  if (is_full(side)) expire(watermark);  // what nobody looked at since
  const uint32_t key = is_full(side) ? KeyDictionary::kNone : inputs_.id(ids_, row);
  if (key == KeyDictionary::kNone)
    return out.fail(batch, row, "join: more than max_records records at a time");
  ++out.tally().absorbed;
  ++own.count;
  JoinRecord record;
  record.row = inputs_.keep(batch, position);
  record.order = own.arrived++;
  record.key = key;
  record.side = side;
  record.null_key = null_key;
  record.held = true;
  const uint32_t at = records_.add(std::move(record));
  ids_.unpin();
  dirty_.set(partition(key));
  if (!null_key) timeline(side, key).insert(records_, at);
  if (time < watermark) return meet_handled(at, watermark, out);
  coming_.push({time, records_[at].order, at});
  deadline_ = std::min(deadline_, later(time, 1));
}

bool IntervalJoin::is_full(Side side) const {
  const Half& own = half(side);
  if (plan_.bounded) return own.count >= plan_.records_max;
  return own.count - own.held.size() >= std::max(plan_.records_max, kComingMax);
}

bool IntervalJoin::is_late(Side side, Micros time, Micros watermark) const {
  if (time >= watermark) return false;
  return !plan_.bounded || expired(side, time, watermark);
}

// Whether no record that is not late can meet it any more.
bool IntervalJoin::expired(Side side, Micros time, Micros watermark) const {
  return watermark == kTimeMax || (plan_.bounded && later(time, half(side).reach) < watermark);
}

Timeline& IntervalJoin::timeline(Side side, uint32_t key) {
  std::vector<Timeline>& lines = half(side).by_key;
  if (key >= lines.size()) lines.resize(std::max<size_t>(key + 1, ids_.capacity()));
  return lines[key];
}

// A record that is older than the watermark: those that it meets are here, or yet to come.
void IntervalJoin::meet_handled(uint32_t at, Micros watermark, Emitter& out) {
  if (!records_[at].null_key) partners(at, true, watermark);
  handle(at);
  judge(out);
  find_deadline();
}

// It takes its place among those that may meet later ones.
void IntervalJoin::handle(uint32_t at) {
  JoinRecord& record = records_[at];
  record.handled = true;
  const Waiting waiting{record.row.time, at};
  const auto put = [&waiting](Line& line) {
    if (line.empty() || line.back().time <= waiting.time) return line.push_back(waiting);
    line.insert(
        std::upper_bound(line.begin(), line.end(), waiting,
                         [](const Waiting& a, const Waiting& b) { return a.time < b.time; }),
        waiting);
  };
  put(half(record.side).held);
  if (plan_.keeps_unmatched(record.side)) put(half(record.side).undecided);
  dirty_.set(partition(record.key));
}

// The pairs that are complete at `time`: of the records at it, with each other and with earlier
// ones.
void IntervalJoin::meet(Micros time) {
  while (!coming_.empty() && coming_.top().time == time) {
    const uint32_t at = coming_.top().record;
    coming_.pop();
    // Pairs of equal times are the left record's.
    if (!records_[at].null_key) partners(at, records_[at].side == Side::kLeft, kTimeMin);
    handle(at);
  }
}

// Candidates: those of the other side that are not after the record, or below the watermark.
void IntervalJoin::partners(uint32_t at, bool equal_times, Micros watermark) {
  const JoinRecord& record = records_[at];
  const Micros time = record.row.time;
  const bool left = record.side == Side::kLeft;
  const Side other = left ? Side::kRight : Side::kLeft;
  const Timeline& line = timeline(other, record.key);
  if (line.size() == 0) return;
  const Micros from = left ? later(time, plan_.least) : earlier(time, plan_.most);
  const Micros to = left ? later(time, plan_.most) : earlier(time, plan_.least);
  for (size_t i = line.first_at(records_, from); i < line.size(); ++i) {
    const uint32_t partner = line[i];
    const Micros its_time = records_[partner].row.time;
    if (its_time > to) break;
    if (watermark == kTimeMin) {
      if (its_time > time || (its_time == time && !equal_times)) break;
    } else {
      if (!records_[partner].handled) break;  // it will meet this one in its turn
      if (expired(other, its_time, watermark)) continue;
    }
    candidates_.emplace_back(std::max(time, its_time),
                             left ? Result{at, partner} : Result{partner, at});
  }
}

// Candidates for which `where` is true become results.
void IntervalJoin::judge(Emitter& out) {
  if (!plan_.where) {
    for (const auto& [time, result] : candidates_) {
      records_[result.left].matched = records_[result.right].matched = true;
      add_result(time, result);
    }
    candidates_.clear();
    return;
  }
  std::vector<JoinedPair> pairs;
  for (const auto& [moment, result] : candidates_) pairs.push_back(pair(result));
  rows_.make(pairs, [&](Batch batch, size_t first) {
    // The watermark is none of the condition's business.
    batch.watermark = batch.time;
    Selection passed;
    std::vector<expr::RowError> errors;
    plan_.where->filter(batch, 0, passed, errors);
    for (const expr::RowError& error : errors) out.cell_error(batch, error.row, error.message);
    for (const uint32_t row : passed) {
      const auto& [time, result] = candidates_[first + row - batch.row_at(0)];
      records_[result.left].matched = records_[result.right].matched = true;
      add_result(time, result);
    }
  });
  candidates_.clear();
}

void IntervalJoin::add_result(Micros moment, Result result) {
  for (const uint32_t at : {result.left, result.right}) {
    if (at == kNone) continue;
    records_.use(at);
    dirty_.set(partition(records_[at].key));
  }
  Ready& ready = ready_[moment];
  ready.results.push_back(result);
  ready.sorted = false;
}

JoinedPair IntervalJoin::pair(const Result& result) const {
  JoinedPair pair;
  pair.time = kTimeMin;
  if (result.left != kNone) pair.left = &records_[result.left].row;
  if (result.right != kNone) pair.right = &records_[result.right].row;
  for (const KeptRow* row : {pair.left, pair.right})
    if (row != nullptr) pair.time = std::max(pair.time, row->time);
  return pair;
}

// --- the watermark passes ---

bool IntervalJoin::on_watermark(Micros upto, Emitter& out) {
  dirty_.set(0);
  while (!coming_.empty() && coming_.top().time < upto && candidates_.size() < kBatchRowsMax) {
    const Micros time = coming_.top().time;
    meet(time);
    if (plan_.bounded) continue;
    judge(out);  // so that who is forgotten does not depend on how far the watermark moved
    expire(later(time, 1));
  }
  judge(out);
  const bool met_all = coming_.empty() || coming_.top().time >= upto;
  frontier_ = std::max(frontier_, met_all ? upto : coming_.top().time);
  expire(met_all ? upto : frontier_);
  const bool sent_all = send(upto, out);
  find_deadline();
  if (!met_all || !sent_all) return false;
  ids_.forget_dead();
  return true;
}

void IntervalJoin::expire(Micros upto) {
  for (const Side side : {Side::kLeft, Side::kRight}) {
    Line& held = half(side).held;
    while (!held.empty() && (expired(side, held.front().time, upto) ||
                             (!plan_.bounded && held.size() > plan_.records_max))) {
      const uint32_t at = held.front().record;
      held.pop_front();
      forget(side, at, upto - 1);
    }
  }
}

void IntervalJoin::forget(Side side, uint32_t at, Micros moment) {
  Half& own = half(side);
  if (!own.undecided.empty() && own.undecided.front().record == at) own.undecided.pop_front();
  JoinRecord& record = records_[at];
  dirty_.set(partition(record.key));
  if (!record.null_key) own.by_key[record.key].remove(records_, at);
  if (plan_.keeps_unmatched(side) && !record.matched)
    add_result(plan_.bounded ? record.row.time : moment,
               side == Side::kLeft ? Result{at, kNone} : Result{kNone, at});
  record.held = false;
  --own.count;
  records_.release(at);
}

// The time of the earliest record that may yet be sent alone.
Micros IntervalJoin::first_undecided() {
  Micros first = kTimeMax;
  for (Half& own : halves_) {
    while (!own.undecided.empty() && records_[own.undecided.front().record].matched)
      own.undecided.pop_front();
    if (!own.undecided.empty()) first = std::min(first, own.undecided.front().time);
  }
  return first;
}

void IntervalJoin::find_deadline() {
  first_undecided_ = first_undecided();
  deadline_ = coming_.empty() ? kTimeMax : later(coming_.top().time, 1);
  if (!plan_.bounded) {
    if (!ready_.empty()) deadline_ = std::min(deadline_, later(ready_.begin()->first, 1));
    return;
  }
  if (!ready_.empty() && ready_.begin()->first < first_undecided_)
    deadline_ = std::min(deadline_, later(ready_.begin()->first, 1));
  for (const Half& own : halves_)
    if (!own.undecided.empty())
      deadline_ = std::min(deadline_, later(later(own.undecided.front().time, own.reach), 1));
}

void IntervalJoin::sort(Ready& ready) {
  if (std::exchange(ready.sorted, true) || ready.results.size() == 1) return;
  const auto key = [this](const Result& r) {
    return records_[r.left == kNone ? r.right : r.left].key;
  };
  std::vector<uint32_t> keys;
  for (const Result& result : ready.results) keys.push_back(key(result));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  if (keys.size() > 1) ids_.sort(keys);
  std::vector<std::pair<uint32_t, uint32_t>> ranks;  // by id
  for (uint32_t i = 0; i < keys.size(); ++i) ranks.emplace_back(keys[i], i);
  std::sort(ranks.begin(), ranks.end());
  const auto rank = [&](const Result& r) {
    return std::lower_bound(ranks.begin(), ranks.end(), std::pair(key(r), 0u))->second;
  };
  const auto place = [this](uint32_t at) {
    return at == kNone ? std::tuple(true, Micros{0}, uint64_t{0})
                       : std::tuple(false, records_[at].row.time, records_[at].order);
  };
  std::sort(ready.results.begin() + static_cast<ptrdiff_t>(ready.next), ready.results.end(),
            [&](const Result& a, const Result& b) {
              if (const Micros x = pair(a).time, y = pair(b).time; x != y) return x < y;
              if (const uint32_t x = rank(a), y = rank(b); x != y) return x < y;
              const auto left_a = place(a.left), left_b = place(b.left);
              return left_a != left_b ? left_a < left_b : place(a.right) < place(b.right);
            });
}

// At most kBatchRowsMax results; whether that was all that can be sent now.
bool IntervalJoin::send(Micros upto, Emitter& out) {
  const Micros limit = plan_.bounded ? std::min(frontier_, first_undecided()) : frontier_;
  const auto due = [&] { return !ready_.empty() && ready_.begin()->first < limit; };
  std::vector<JoinedPair> pairs;
  std::vector<Result> sent;
  while (due() && pairs.size() < kBatchRowsMax) {
    const auto first = ready_.begin();
    Ready& ready = first->second;
    sort(ready);
    for (; ready.next < ready.results.size() && pairs.size() < kBatchRowsMax; ++ready.next) {
      sent.push_back(ready.results[ready.next]);
      pairs.push_back(pair(sent.back()));
    }
    if (ready.next == ready.results.size()) ready_.erase(first);
  }
  if (pairs.empty()) return true;
  first_undecided_ = first_undecided();
  Micros mark = output_watermark(upto);
  rows_.make(pairs, [&](Batch batch, size_t) {
    auto marks = std::make_shared<Times>(batch.rows, last_forwarded_);
    for (size_t i = 0; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      const Micros time = (*batch.time)[row];
      if (waits())
        mark = output_watermark(later(time, 1));  // when the pair was due, whenever it goes
      (*marks)[row] = made_row_watermark(last_forwarded_, time, mark);
    }
    batch.watermark = std::move(marks);
    batch.watermark_after = last_forwarded_;
    out.tally().created += batch.count();
    out.emit(std::move(batch));
  });
  for (const Result& result : sent) {
    for (const uint32_t at : {result.left, result.right}) {
      if (at == kNone) continue;
      dirty_.set(partition(records_[at].key));
      records_.release(at);
    }
  }
  return !due();
}

std::string IntervalJoin::unfinished() const {
  const size_t count = halves_[0].count + halves_[1].count;
  if (count == 0) return {};
  return std::to_string(count) + (count == 1 ? " record" : " records") + " that may meet others";
}

}  // namespace streamflow
