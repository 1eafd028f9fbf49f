#include "operators/aggregate/value_counts.h"

#include <algorithm>

#include "core/keys.h"

namespace streamflow {

size_t ValueCounts::find(std::string_view encoding_of, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const uint32_t at = slots_[slot];
    if (at == 0) return slot;
    const Entry& entry = entries_[at - 1];
    if (entry.hash == hash && encoding(entry) == encoding_of) return slot;
  }
}

// Without those that were taken away.
void ValueCounts::rebuild(size_t slots) {
  std::vector<Entry> kept;
  std::string bytes;
  for (Entry& entry : entries_) {
    if (entry.count == 0) continue;
    const std::string_view text = encoding(entry);
    entry.begin = static_cast<uint32_t>(bytes.size());
    bytes += text;
    kept.push_back(entry);
  }
  entries_ = std::move(kept);
  bytes_ = std::move(bytes);
  slots_.assign(slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) {
    slots_[find(encoding(entries_[i]), entries_[i].hash)] = static_cast<uint32_t>(i + 1);
  }
}

void ValueCounts::add(std::string_view encoding_of, Kind kind, uint64_t times) {
  if (entries_.size() * 2 >= slots_.size()) {
    size_t slots = 4;
    while (slots < present_ * 4) slots *= 2;
    rebuild(slots);
  }
  const uint64_t hash = key_hash(encoding_of);
  const size_t slot = find(encoding_of, hash);
  if (slots_[slot] == 0) {
    entries_.push_back({hash, 0, static_cast<uint32_t>(bytes_.size()),
                        static_cast<uint32_t>(encoding_of.size()), kind});
    bytes_ += encoding_of;
    slots_[slot] = static_cast<uint32_t>(entries_.size());
  }
  Entry& entry = entries_[slots_[slot] - 1];
  if (entry.count == 0) {
    ++present_;
    entry.kind = kind;
  }
  entry.count += times;
  entry.kind = std::min(entry.kind, kind);
}

void ValueCounts::remove(std::string_view encoding_of) {
  if (slots_.empty()) return;
  const size_t slot = find(encoding_of, key_hash(encoding_of));
  if (slots_[slot] == 0) return;
  Entry& entry = entries_[slots_[slot] - 1];
  if (entry.count != 0 && --entry.count == 0) --present_;
}

void ValueCounts::merge(const ValueCounts& other) {
  other.each([&](const Entry& entry) { add(other.encoding(entry), entry.kind, entry.count); });
}

Value ValueCounts::value(const Entry& entry) const {
  std::string_view rest = encoding(entry);
  Value value = take_key_value(rest);
  if (entry.kind == Kind::kDouble && is_number(value.kind())) return Value::real(value.to_double());
  return value;
}

void ValueCounts::save(std::string& out) const {
  save_count(present_, out);
  each([&](const Entry& entry) {
    save_text(encoding(entry), out);
    save_count(entry.count, out);
    out.push_back(static_cast<char>(entry.kind));
  });
}

void ValueCounts::load(StateReader& in) {
  *this = {};
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    const std::string_view text = in.text();
    const uint64_t times = in.count();
    const unsigned char kind = in.byte();
    std::string_view rest = text;
    if (!in.ok() || kind > static_cast<unsigned char>(Kind::kMap) || times == 0 ||
        take_key_value(rest).is_error() || !rest.empty()) {
      return in.fail();
    }
    add(text, static_cast<Kind>(kind), times);
  }
}

}  // namespace streamflow
