// The saved state of an interval join, version 1 (words as in state_bytes.h):
//   byte version, text signature
//   partition 0: frontier, last forwarded watermark, count of arrived records of each side; others
//                none of these
//   records: count, and of each its key's encoding, side, flags (null key, matched, handled, held),
//            order of arrival and the kept row; in the order of (time, side, arrival)
//   results that wait: count, and of each its time and the places of its records above + 1, or 0
// A partition without records is empty but for partition 0.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "operators/join/interval_join.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;
constexpr unsigned char kNullKey = 1, kMatched = 2, kHandled = 4, kHeld = 8;

}  // namespace

std::string join_signature(const JoinPlan& plan) {
  std::string text = "how " + std::to_string(static_cast<int>(plan.how)) + " keys " +
                     std::to_string(plan.keys.size());
  for (const JoinKey& key : plan.keys) text += "\n" + key.name + "\n" + key.right_name;
  if (plan.bounded) text += " in " + std::to_string(plan.least) + ".." + std::to_string(plan.most);
  return text;
}

void IntervalJoin::save(StateParts& parts) const {
  std::array<std::vector<uint32_t>, kPartitions> saved;
  for (uint32_t at = 0; at < records_.size(); ++at)
    if (records_.live(at)) saved[partition(records_[at].key)].push_back(at);
  std::vector<uint32_t> numbers(records_.size(), 0);
  for (unsigned at = 0; at < kPartitions; ++at)
    if (parts.wants(at)) save_partition(at, std::move(saved[at]), numbers, parts[at]);
}

void IntervalJoin::save_partition(unsigned partition_, std::vector<uint32_t> saved,
                                  std::vector<uint32_t>& numbers, std::string& out) const {
  if (saved.empty() && partition_ != 0) return;
  const auto place = [this](uint32_t at) {
    return std::tuple(records_[at].row.time, records_[at].side, records_[at].order);
  };
  std::sort(saved.begin(), saved.end(),
            [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
  out.push_back(static_cast<char>(kVersion));
  save_text(signature_, out);
  if (partition_ == 0) {
    save_micros(frontier_, out);
    save_micros(last_forwarded_, out);
    for (const Half& own : halves_) save_count(own.arrived, out);
  }
  save_count(saved.size(), out);
  for (size_t i = 0; i < saved.size(); ++i) {
    numbers[saved[i]] = static_cast<uint32_t>(i + 1);
    save_record(records_[saved[i]], out);
  }
  const auto number = [&](uint32_t at) { return at == kNone ? 0 : numbers[at]; };
  uint64_t count = 0;
  std::string results;
  for (const auto& [time, ready] : ready_) {
    for (size_t i = ready.next; i < ready.results.size(); ++i) {
      const Result& result = ready.results[i];
      const uint32_t one = result.left == kNone ? result.right : result.left;
      if (partition(records_[one].key) != partition_) continue;
      ++count;
      save_micros(time, results);
      save_count(number(result.left), results);
      save_count(number(result.right), results);
    }
  }
  save_count(count, out);
  out += results;
}

void IntervalJoin::save_record(const JoinRecord& record, std::string& out) const {
  ids_.save(record.key, out);
  out.push_back(static_cast<char>(record.side));
  out.push_back(static_cast<char>((record.null_key ? kNullKey : 0) |
                                  (record.matched ? kMatched : 0) |
                                  (record.handled ? kHandled : 0) | (record.held ? kHeld : 0)));
  save_count(record.order, out);
  RowKeeper::save(record.row, out);
}

Status IntervalJoin::load(unsigned partition_, std::string_view bytes) {
  forget_partition(partition_);
  if (!bytes.empty()) {
    StateReader in(bytes);
    if (in.byte() != kVersion) return fail(ErrorKind::kData, "join: unknown version of the state");
    if (in.text() != signature_)
      return fail(ErrorKind::kConfig, "join: the state is that of another join");
    if (partition_ == 0) {
      frontier_ = in.micros();
      last_forwarded_ = in.micros();
      for (Half& own : halves_) own.arrived = in.count();
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

void IntervalJoin::load_records(StateReader& in) {
  std::vector<uint32_t> numbers;
  std::array<size_t, 4> known;  // of the lines
  for (size_t s = 0; s < 2; ++s) {
    known[2 * s] = halves_[s].held.size();
    known[2 * s + 1] = halves_[s].undecided.size();
  }
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    JoinRecord record;
    record.key = ids_.id_of(in.text());
    const unsigned char side = in.byte();
    const unsigned char flags = in.byte();
    record.side = side == 0 ? Side::kLeft : Side::kRight;
    record.null_key = (flags & kNullKey) != 0;
    record.matched = (flags & kMatched) != 0;
    record.handled = (flags & kHandled) != 0;
    record.held = (flags & kHeld) != 0;
    record.order = in.count();
    record.row = keeper_.load(in);
    if (record.key == KeyDictionary::kNone || side > 1) in.fail();
    if (!in.ok()) return;
    const Waiting waiting{record.row.time, records_.add(std::move(record))};
    numbers.push_back(waiting.record);
    const JoinRecord& added = records_[waiting.record];
    Half& own = half(added.side);
    if (!added.held) continue;
    ++own.count;
    if (!added.null_key) timeline(added.side, added.key).insert(records_, waiting.record);
    if (!added.handled) {
      coming_.push({waiting.time, added.order, waiting.record});
      continue;
    }
    own.held.push_back(waiting);
    if (plan_.keeps_unmatched(added.side)) own.undecided.push_back(waiting);
  }
  for (size_t s = 0; s < 2; ++s) {
    merge_line(halves_[s].held, known[2 * s]);
    merge_line(halves_[s].undecided, known[2 * s + 1]);
  }
  load_results(in, numbers);
  // Records used by nothing but results.
  for (const uint32_t at : numbers)
    if (!records_[at].held) records_.release(at);
}

void IntervalJoin::load_results(StateReader& in, const std::vector<uint32_t>& numbers) {
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const Micros time = in.micros();
    const uint64_t a = in.count();
    const uint64_t b = in.count();
    if (a > numbers.size() || b > numbers.size() || (a == 0 && b == 0)) return in.fail();
    add_result(time, {a == 0 ? kNone : numbers[a - 1], b == 0 ? kNone : numbers[b - 1]});
  }
}

// Lines are in the order of (time, arrival) over all partitions; what was behind `known` is new.
void IntervalJoin::merge_line(Line& line, size_t known) {
  std::inplace_merge(line.begin(), line.begin() + static_cast<ptrdiff_t>(known), line.end(),
                     [this](const Waiting& a, const Waiting& b) {
                       return a.time != b.time
                                  ? a.time < b.time
                                  : records_[a.record].order < records_[b.record].order;
                     });
}

void IntervalJoin::forget_partition(unsigned partition_) {
  std::vector<char> gone(records_.size(), 0);
  bool any = false;
  for (uint32_t at = 0; at < records_.size(); ++at)
    if (records_.live(at) && partition(records_[at].key) == partition_) gone[at] = 1, any = true;
  if (!any) return;
  const auto is_gone = [&gone](const Waiting& w) { return gone[w.record] != 0; };
  for (Half& own : halves_) {
    std::erase_if(own.held, is_gone);
    std::erase_if(own.undecided, is_gone);
  }
  TimeHeap kept;
  for (; !coming_.empty(); coming_.pop())
    if (gone[coming_.top().record] == 0) kept.push(coming_.top());
  coming_ = std::move(kept);
  for (auto ready = ready_.begin(); ready != ready_.end();) {
    std::vector<Result>& results = ready->second.results;
    results.erase(results.begin(), results.begin() + static_cast<ptrdiff_t>(ready->second.next));
    ready->second.next = 0;
    std::erase_if(results, [&](const Result& r) {
      const bool out = gone[r.left == kNone ? r.right : r.left] != 0;
      if (out)
        for (const uint32_t at : {r.left, r.right})
          if (at != kNone) records_.release(at);
      return out;
    });
    ready = results.empty() ? ready_.erase(ready) : std::next(ready);
  }
  for (uint32_t at = 0; at < gone.size(); ++at) {
    if (gone[at] == 0 || !records_[at].held) continue;
    const JoinRecord& record = records_[at];
    if (!record.null_key) half(record.side).by_key[record.key].remove(records_, at);
    --half(record.side).count;
    records_.release(at);
  }
}

}  // namespace streamflow
