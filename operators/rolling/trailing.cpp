#include "operators/rolling/trailing.h"

#include <algorithm>
#include <utility>

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;
constexpr uint64_t kSweepRecords =
    16'384;  // at least between sweeps, and as many as there are keys

}  // namespace

std::string TrailingPlan::signature() const {
  const std::string window = span != 0 ? std::to_string(span) + "us" : std::to_string(count);
  return verb + " " + window + keys->signature() + signature_of(calls) +
         (min_count > 1 ? " counted" : "");
}

Trailing::Trailing(TrailingPlan plan)
    : plan_(std::move(plan)),
      signature_(plan_.signature()),
      ids_(plan_.keys_max),
      inputs_(*plan_.keys, plan_.calls),
      until_sweep_(kSweepRecords) {
  for (size_t call = 0; call < plan_.calls.size(); ++call) {
    trails_.push_back(make_trail(plan_.calls[call], call, plan_.forever()));
    if (plan_.min_count > 1) {
      counts_.push_back(make_count_trail(plan_.calls[call], call, plan_.forever()));
    }
  }
}

// In parts that end where a sweep is due, so that batches do not decide when a key is forgotten.
size_t Trailing::process(const Batch& batch, size_t begin, Emitter& out) {
  inputs_.evaluate(batch, begin);
  for (const auto& call : plan_.calls) {
    (void)call;
    results_.push_back(std::make_shared<Column>(batch.rows));
  }
  kept_.clear();
  size_t at = begin;
  while (at < batch.count()) {
    const size_t end = at + std::min<size_t>(batch.count() - at, until_sweep_);
    rows_.clear();
    for (size_t i = at; i < end; ++i) rows_.push_back(batch.row_at(i));
    take_ids(batch, out);
    for (const auto& trail : trails_) trail->read(inputs_, batch, rows_, out);
    for (const auto& trail : counts_) trail->read(inputs_, batch, rows_, out);
    for (size_t i = 0; i < rows_.size(); ++i) take(batch, i, out);
    ids_.unpin();
    until_sweep_ -= end - at;
    at = end;
    if (until_sweep_ == 0) sweep((*batch.watermark)[batch.row_at(end - 1)]);
  }
  finish(batch, begin, at, out);
  results_.clear();
  inputs_.release();
  dirty_.set(0);
  return at;
}

size_t Trailing::take_ids(const Batch& batch, Emitter& out) {
  if (plan_.keys->can_fail()) {
    std::erase_if(rows_, [&](uint32_t row) {
      const std::string_view error = inputs_.key_error(row);
      if (!error.empty()) out.fail(batch, row, error);
      return !error.empty();
    });
  }
  row_ids_.resize(rows_.size());
  if (rows_.empty() || ids_.ids_of(inputs_.keys(), rows_, row_ids_.data())) return rows_.size();
  size_t kept = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (row_ids_[i] == KeyDictionary::kNone) {
      out.fail(batch, rows_[i], plan_.verb + ": more than max_keys keys at a time");
      continue;
    }
    rows_[kept] = rows_[i];
    row_ids_[kept++] = row_ids_[i];
  }
  rows_.resize(kept);
  row_ids_.resize(kept);
  return kept;
}

// How many of the key's records leave before one of `time` is taken.
size_t Trailing::leaving(const Key& key, Micros time) const {
  if (plan_.count != 0) return key.times.size() >= plan_.count ? 1 : 0;
  if (plan_.span == 0) return 0;
  const Micros edge = time < kTimeMin + plan_.span ? kTimeMin : time - plan_.span;
  size_t leave = 0;
  while (leave < key.times.size() && key.times[leave] <= edge) ++leave;
  return leave;
}

void Trailing::take(const Batch& batch, size_t i, Emitter& out) {
  const uint32_t row = rows_[i], id = row_ids_[i];
  if (keys_.size() <= id) keys_.resize(std::max<size_t>(ids_.capacity(), id + size_t{1}));
  Key& key = keys_[id];
  if (!std::exchange(key.known, true)) {
    ids_.retain(id);
    ++known_;
  }
  dirty_.set(partition(id));
  const Micros time = (*batch.time)[row];
  key.latest = std::max(key.latest, time);
  for (size_t leave = leaving(key, key.latest); leave > 0; --leave) {
    for (const auto& trail : trails_) trail->pop(id);
    for (const auto& trail : counts_) trail->pop(id);
    key.times.pop_front();
    --held_;
  }
  if (!plan_.forever()) {
    if (held_ >= plan_.records_max) {
      out.fail(batch, row, plan_.verb + ": more than max_records records in windows");
      return;
    }
    key.times.push_back(time);
    ++held_;
  }
  kept_.push_back(row);
  for (size_t call = 0; call < trails_.size(); ++call) {
    trails_[call]->push(id, i);
    if (!counts_.empty()) {
      counts_[call]->push(id, i);
      counts_[call]->write(id, *count_, 0);
      if (count_->bits(0) < plan_.min_count) {
        results_[call]->set_null(row);
        continue;
      }
    }
    trails_[call]->write(id, *results_[call], row);
  }
}

void Trailing::finish(const Batch& batch, size_t begin, size_t end, Emitter& out) {
  if (kept_.empty()) return;
  Batch made = slice(batch, begin, end);
  if (kept_.size() < end - begin) made.selected = std::make_shared<Selection>(kept_);
  for (const EntryPlan& entry : plan_.entries) {
    ColumnPtr cells = entry_cells(entry, made, out);
    made.set(entry.name, std::move(cells));
  }
  out.tally().passed += made.count();
  out.emit(std::move(made));
}

ColumnPtr Trailing::entry_cells(const EntryPlan& entry, const Batch& made, Emitter& out) {
  std::vector<std::pair<uint32_t, std::string>> failed;
  ColumnPtr cells;
  if (!entry.outer) {
    cells = field_cells(*results_[entry.first_call], kept_, failed);
  } else {
    Batch inner = made;
    for (size_t i = 0; i < entry.calls; ++i) {
      inner.columns.push_back({"$" + std::to_string(i), results_[entry.first_call + i], false});
    }
    cells = field_cells(*entry.outer->evaluate(inner), kept_, failed);
  }
  for (const auto& [row, text] : failed) out.cell_error(made, row, text);
  return cells;
}

// Forgets keys whose records would all have left by now.
void Trailing::sweep(Micros mark) {
  until_sweep_ = std::max<uint64_t>(kSweepRecords, known_);
  if (plan_.span == 0) return;
  for (uint32_t id = 0; id < keys_.size(); ++id) {
    if (keys_[id].known && keys_[id].latest < mark - std::min(plan_.span, mark - kTimeMin)) {
      forget(id);
    }
  }
  ids_.forget_dead();
}

void Trailing::forget(uint32_t id) {
  for (const auto& trail : trails_) trail->forget(id);
  for (const auto& trail : counts_) trail->forget(id);
  held_ -= keys_[id].times.size();
  keys_[id] = {};
  ids_.release(id);
  --known_;
  dirty_.set(partition(id));
}

void Trailing::save(StateParts& parts) const {
  const auto head = [this](std::string& out) {
    out.push_back(static_cast<char>(kVersion));
    save_text(signature_, out);
  };
  if (parts.wants(0)) {
    head(parts[0]);
    save_count(until_sweep_, parts[0]);
  }
  for (uint32_t id = 0; id < keys_.size(); ++id) {
    const Key& key = keys_[id];
    if (!key.known || !parts.wants(partition(id))) continue;
    std::string& out = parts[partition(id)];
    if (out.empty()) head(out);
    ids_.save(id, out);
    save_micros(key.latest, out);
    save_count(key.times.size(), out);
    for (size_t i = 0; i < key.times.size(); ++i) save_micros(key.times[i], out);
    for (const auto& trail : trails_) trail->save(id, out);
    for (const auto& trail : counts_) trail->save(id, out);
  }
}

Status Trailing::load(unsigned partition_, std::string_view bytes) {
  const auto forget_all = [&] {
    for (uint32_t id = 0; id < keys_.size(); ++id) {
      if (keys_[id].known && partition(id) == partition_) forget(id);
    }
  };
  forget_all();
  if (bytes.empty()) return {};
  StateReader in(bytes);
  if (in.byte() != kVersion) {
    return fail(ErrorKind::kData, plan_.verb + ": unknown version of the state");
  }
  if (in.text() != signature_) {
    return fail(ErrorKind::kConfig, plan_.verb + ": the state is that of another step");
  }
  if (partition_ == 0) until_sweep_ = std::max<uint64_t>(in.count(), 1);
  while (in.ok() && !in.at_end()) {
    const uint32_t id = load_key(in);
    if (id == KeyDictionary::kNone) break;
    if (keys_.size() <= id) keys_.resize(std::max<size_t>(ids_.capacity(), id + size_t{1}));
    keys_[id].known = true;
    ids_.retain(id);
    ++known_;
    keys_[id].latest = in.micros();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      keys_[id].times.push_back(in.micros());
      ++held_;
    }
    for (const auto& trail : trails_) trail->load(id, in);
    for (const auto& trail : counts_) trail->load(id, in);
  }
  ids_.unpin();
  if (in.ok()) return {};
  forget_all();
  return fail(ErrorKind::kData,
              plan_.verb + ": the state is damaged, or has more than max_keys keys");
}

uint32_t Trailing::load_key(StateReader& in) {
  const std::string_view key = in.text();
  std::string_view rest = key;
  for (size_t part = 0; part < plan_.keys->parts().size() && in.ok(); ++part) {
    if (take_key_value(rest).is_error()) in.fail();
  }
  if (!rest.empty()) in.fail();
  const uint32_t id = in.ok() ? ids_.id_of(key) : KeyDictionary::kNone;
  if (id == KeyDictionary::kNone) in.fail();
  return id;
}

}  // namespace streamflow
