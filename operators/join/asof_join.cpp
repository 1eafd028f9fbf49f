#include "operators/join/asof_join.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "core/operator_output.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;
constexpr size_t kGoneMax = 1024;  // entries of records that are gone, beside the live ones

}  // namespace

AsofJoin::AsofJoin(JoinPlan plan)
    : plan_(std::move(plan)),
      signature_(join_signature(plan_)),
      ids_(KeyDictionary::kKeysMax),
      records_(ids_),
      inputs_(plan_),
      rows_(plan_) {}

// --- taking records ---

size_t AsofJoin::process(const Batch& batch, size_t begin, Emitter& out) {
  inputs_.evaluate(batch, begin, out);
  size_t at = begin;
  for (; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    const Micros watermark = (*batch.watermark)[row];
    // Only a record behind the watermark can change an answer that is due: the others are taken
    // first, so that answers go in batches.
    const bool full = count_[static_cast<size_t>(side_of(batch))] >= plan_.records_max;
    if (watermark >= deadline_ && (full || (*batch.time)[row] < watermark)) break;
    if (full) prune(watermark);
    take(batch, at, out);
  }
  if (at > begin) dirty_.set(0);
  if (at == batch.count()) inputs_.release();
  return at;
}

void AsofJoin::take(const Batch& batch, size_t position, Emitter& out) {
  const uint32_t row = batch.row_at(position);
  const Micros time = (*batch.time)[row];
  const Side side = side_of(batch);
  const auto own = static_cast<size_t>(side);
  if (const std::string_view error = inputs_.key_error(row); !error.empty())
    return out.fail(batch, row, error);
  const bool null_key = inputs_.has_null_key(row);
  if (null_key && side == Side::kRight) {
    ++out.tally().filtered;
    return;
  }
  const uint32_t key = inputs_.id(ids_, row);
  if (key != KeyDictionary::kNone && is_late(side, time, (*batch.watermark)[row], key)) {
    ids_.unpin();
    Batch one = batch;
    one.selected = std::make_shared<Selection>(Selection{row});
    return out.late(std::move(one));
  }
  if (key == KeyDictionary::kNone || count_[own] >= plan_.records_max) {
    ids_.unpin();
    return out.fail(batch, row, "join: more than max_records records at a time");
  }
  ++out.tally().absorbed;
  ++count_[own];
  JoinRecord record;
  record.row = inputs_.keep(batch, position);
  record.order = arrived_[own]++;
  record.key = key;
  record.side = side;
  record.null_key = null_key;
  const TimeHeap::Entry entry{time, record.order, records_.add(std::move(record))};
  ids_.unpin();
  dirty_.set(partition(key));
  if (side == Side::kLeft) {
    lefts_.push(entry);
    deadline_ = std::min(deadline_, later(time, 1));
    return;
  }
  timeline(key).insert(records_, entry.record);
  rights_.push(entry);
  if (!waiting_.empty() && records_[waiting_.front()].key == key) find_deadline();
}

bool AsofJoin::is_late(Side side, Micros time, Micros watermark, uint32_t key) const {
  if (side == Side::kLeft) return time < watermark;
  const Micros low = first_left(watermark);  // of the lefts that it could be an answer to
  if (time >= low) return false;
  if (plan_.bounded && later(time, plan_.most) < low) return true;
  if (key >= rights_by_key_.size()) return false;
  const Timeline& line = rights_by_key_[key];
  const size_t newer = line.first_after(records_, time);
  return newer < line.size() && records_[line[newer]].row.time < low;
}

// The earliest time of a left record that has no answer yet or may still come.
Micros AsofJoin::first_left(Micros upto) const {
  if (!waiting_.empty()) upto = std::min(upto, records_[waiting_.front()].row.time);
  return lefts_.empty() ? upto : std::min(upto, lefts_.top().time);
}

Timeline& AsofJoin::timeline(uint32_t key) {
  if (key >= rights_by_key_.size())
    rights_by_key_.resize(std::max<size_t>(key + 1, ids_.capacity()));
  return rights_by_key_[key];
}

// --- the watermark passes ---

bool AsofJoin::on_watermark(Micros upto, Emitter& out) {
  line_up(upto);
  std::vector<uint32_t> lefts;
  std::vector<JoinedPair> pairs = answered(upto, lefts);
  if (!pairs.empty()) {
    judge(pairs, out);
    send(pairs, upto, out);
    for (const uint32_t left : lefts) {
      dirty_.set(partition(records_[left].key));
      --count_[0];
      records_.release(left);
    }
  }
  prune(upto);
  dirty_.set(0);
  find_deadline();
  if (upto == kTimeMax ? !waiting_.empty() : deadline_ <= upto) return false;
  ids_.forget_dead();
  return true;
}

// Lefts that the watermark has passed, in the order of (time, key, arrival).
void AsofJoin::line_up(Micros upto) {
  std::vector<uint32_t> group, keys;
  while (!lefts_.empty() && lefts_.top().time < upto) {
    const Micros time = lefts_.top().time;
    group.clear();
    for (; !lefts_.empty() && lefts_.top().time == time; lefts_.pop())
      group.push_back(lefts_.top().record);
    if (group.size() > 1) {
      keys.clear();
      for (const uint32_t left : group) keys.push_back(records_[left].key);
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      if (keys.size() > 1) ids_.sort(keys);
      std::vector<std::pair<uint32_t, uint32_t>> ranks;  // by id
      for (uint32_t i = 0; i < keys.size(); ++i) ranks.emplace_back(keys[i], i);
      std::sort(ranks.begin(), ranks.end());
      const auto rank = [&](uint32_t left) {
        return std::lower_bound(ranks.begin(), ranks.end(), std::pair(records_[left].key, 0u))
            ->second;
      };
      // The heap gave them in the order of arrival.
      std::stable_sort(group.begin(), group.end(),
                       [&](uint32_t a, uint32_t b) { return rank(a) < rank(b); });
    }
    waiting_.insert(waiting_.end(), group.begin(), group.end());
  }
}

AsofJoin::Answer AsofJoin::answer(uint32_t left) const {
  const JoinRecord& record = records_[left];
  const Micros time = record.row.time;
  Answer found;
  const bool nearest = plan_.how == JoinHow::kNearest;
  if (nearest && !record.null_key && plan_.bounded) found.from = later(later(time, plan_.most), 1);
  if (!nearest || record.null_key) found.from = later(time, 1);
  if (record.null_key || record.key >= rights_by_key_.size()) return found;
  const Timeline& line = rights_by_key_[record.key];
  const size_t after = line.first_after(records_, time);
  Micros distance = plan_.bounded ? plan_.most : kTimeMax;
  const auto consider = [&](size_t i, bool strictly) {
    const Micros its_time = records_[line[i]].row.time;
    const Micros its_distance = its_time > time ? earlier(its_time, time) : earlier(time, its_time);
    if (its_distance > distance || (strictly && its_distance == distance)) return;
    distance = its_distance;
    found.right = line[i];
  };
  if (after > 0) consider(after - 1, false);
  if (nearest && after < line.size()) consider(after, found.right != kNone);
  if (nearest && found.right != kNone)
    found.from = std::min(found.from, std::max(later(time, 1), later(time, distance)));
  return found;
}

std::vector<JoinedPair> AsofJoin::answered(Micros upto, std::vector<uint32_t>& lefts) {
  std::vector<JoinedPair> pairs;
  while (!waiting_.empty() && pairs.size() < kBatchRowsMax) {
    const uint32_t left = waiting_.front();
    const Answer found = answer(left);
    if (found.from > upto) break;
    waiting_.pop_front();
    lefts.push_back(left);
    const KeptRow& row = records_[left].row;
    pairs.push_back({&row, found.right == kNone ? nullptr : &records_[found.right].row, row.time});
  }
  return pairs;
}

// Answers for which `where` is not true are none.
void AsofJoin::judge(std::vector<JoinedPair>& pairs, Emitter& out) {
  if (!plan_.where) return;
  std::vector<JoinedPair> met;
  std::vector<size_t> places;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].right == nullptr) continue;
    met.push_back(pairs[i]);
    places.push_back(i);
    pairs[i].right = nullptr;
  }
  rows_.make(met, [&](Batch batch, size_t first) {
    batch.watermark = batch.time;  // none of the condition's business
    Selection passed;
    std::vector<expr::RowError> errors;
    plan_.where->filter(batch, 0, passed, errors);
    for (const expr::RowError& error : errors) out.cell_error(batch, error.row, error.message);
    for (const uint32_t row : passed) {
      const size_t i = first + row - batch.row_at(0);
      pairs[places[i]].right = met[i].right;
    }
  });
}

void AsofJoin::send(const std::vector<JoinedPair>& pairs, Micros upto, Emitter& out) {
  const Micros mark = output_watermark(upto);
  rows_.make(pairs, [&](Batch batch, size_t) {
    auto marks = std::make_shared<Times>(batch.rows, last_forwarded_);
    for (size_t i = 0; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      (*marks)[row] = made_row_watermark(last_forwarded_, (*batch.time)[row], mark);
    }
    batch.watermark = std::move(marks);
    batch.watermark_after = last_forwarded_;
    out.tally().created += batch.count();
    out.emit(std::move(batch));
  });
}

// Right records that no left one can have for an answer any more.
void AsofJoin::prune(Micros upto) {
  const Micros low = first_left(upto);
  for (; !rights_.empty() && rights_.top().time < low; rights_.pop()) {
    const TimeHeap::Entry newer = rights_.top();
    Timeline& line = rights_by_key_[records_[newer.record].key];
    while (line[0] != newer.record) drop_right(line[0]);
    if (!plan_.bounded) continue;
    const auto place = std::upper_bound(
        latest_.begin(), latest_.end(), newer,
        [](const TimeHeap::Entry& a, const TimeHeap::Entry& b) { return a.time < b.time; });
    latest_.insert(place, newer);
  }
  for (; !latest_.empty() && later(latest_.front().time, plan_.most) < low; latest_.pop_front())
    if (is_there(latest_.front())) drop_right(latest_.front().record);
  if (latest_.size() > 2 * count_[1] + kGoneMax)
    std::erase_if(latest_, [this](const TimeHeap::Entry& entry) { return !is_there(entry); });
}

// Whether the number is still this right record's.
bool AsofJoin::is_there(const TimeHeap::Entry& entry) const {
  if (entry.record >= records_.size() || !records_.live(entry.record)) return false;
  const JoinRecord& record = records_[entry.record];
  return record.side == Side::kRight && record.order == entry.order;
}

void AsofJoin::drop_right(uint32_t at) {
  const uint32_t key = records_[at].key;
  dirty_.set(partition(key));
  rights_by_key_[key].remove(records_, at);
  --count_[1];
  records_.release(at);
}

void AsofJoin::find_deadline() {
  deadline_ = lefts_.empty() ? kTimeMax : later(lefts_.top().time, 1);
  if (!waiting_.empty()) deadline_ = std::min(deadline_, answer(waiting_.front()).from);
}

Micros AsofJoin::output_watermark(Micros input) const { return first_left(input); }

std::string AsofJoin::unfinished() const {
  if (count_[0] == 0) return {};
  return std::to_string(count_[0]) + (count_[0] == 1 ? " record" : " records") +
         " without an answer";
}

// --- state ---

void AsofJoin::save(StateParts& parts) const {
  std::array<std::vector<uint32_t>, kPartitions> saved;
  for (uint32_t at = 0; at < records_.size(); ++at)
    if (records_.live(at)) saved[partition(records_[at].key)].push_back(at);
  for (unsigned at = 0; at < kPartitions; ++at)
    if (parts.wants(at)) save_partition(at, std::move(saved[at]), parts[at]);
}

void AsofJoin::save_partition(unsigned partition_, std::vector<uint32_t> saved, std::string& out) const {
  if (saved.empty() && partition_ != 0) return;
  const auto place = [this](uint32_t at) {
    return std::tuple(records_[at].row.time, records_[at].side, records_[at].order);
  };
  std::sort(saved.begin(), saved.end(),
            [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
  out.push_back(static_cast<char>(kVersion));
  save_text(signature_, out);
  if (partition_ == 0) {
    save_micros(last_forwarded_, out);
    for (const uint64_t arrived : arrived_) save_count(arrived, out);
  }
  save_count(saved.size(), out);
  for (const uint32_t at : saved) {
    const JoinRecord& record = records_[at];
    ids_.save(record.key, out);
    out.push_back(static_cast<char>(record.side));
    out.push_back(record.null_key ? 1 : 0);
    save_count(record.order, out);
    RowKeeper::save(record.row, out);
  }
}

Status AsofJoin::load(unsigned partition_, std::string_view bytes) {
  forget_partition(partition_);
  if (!bytes.empty()) {
    StateReader in(bytes);
    if (in.byte() != kVersion) return fail(ErrorKind::kData, "join: unknown version of the state");
    if (in.text() != signature_)
      return fail(ErrorKind::kConfig, "join: the state is that of another join");
    if (partition_ == 0) {
      last_forwarded_ = in.micros();
      for (uint64_t& arrived : arrived_) arrived = in.count();
    }
    load_records(in);
    ids_.unpin();
    if (!in.ok() || !in.at_end()) {
      forget_partition(partition_);
      return fail(ErrorKind::kData, "join: damaged state");
    }
  }
  find_deadline();
  return {};
}

// Each record starts anew: what was lined up or had replaced older ones will be and do so again.
void AsofJoin::load_records(StateReader& in) {
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    JoinRecord record;
    record.key = ids_.id_of(in.text());
    const unsigned char side = in.byte();
    record.side = side == 0 ? Side::kLeft : Side::kRight;
    record.null_key = in.byte() != 0;
    record.order = in.count();
    record.row = keeper_.load(in);
    if (record.key == KeyDictionary::kNone || side > 1) in.fail();
    if (!in.ok()) return;
    const uint32_t key = record.key;
    const TimeHeap::Entry entry{record.row.time, record.order, records_.add(std::move(record))};
    ++count_[side];
    if (side == 0) {
      lefts_.push(entry);
    } else {
      timeline(key).insert(records_, entry.record);
      rights_.push(entry);
    }
  }
}

void AsofJoin::forget_partition(unsigned partition_) {
  const auto gone = [&](uint32_t at) { return partition(records_[at].key) == partition_; };
  for (TimeHeap* heap : {&lefts_, &rights_}) {
    TimeHeap kept;
    for (; !heap->empty(); heap->pop())
      if (!gone(heap->top().record)) kept.push(heap->top());
    *heap = std::move(kept);
  }
  std::erase_if(waiting_, gone);
  for (uint32_t at = 0; at < records_.size(); ++at) {
    if (!records_.live(at) || !gone(at)) continue;
    if (records_[at].side == Side::kRight) {
      drop_right(at);
    } else {
      --count_[0];
      records_.release(at);
    }
  }
}

}  // namespace streamflow
