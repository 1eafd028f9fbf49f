#include "core/keys.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/state_bytes.h"

namespace streamflow {
namespace {

__extension__ typedef __int128 Int128;

enum Tag : unsigned char {
  kEnd = 0,
  kNullTag = 1,
  kBoolTag = 2,
  kNumberTag = 3,
  kTimestampTag = 4,
  kDurationTag = 5,
  kStringTag = 6,
  kBytesTag = 7,
  kListTag = 8,
  kMapTag = 9,
  kOtherTag = 10,
};
constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;
constexpr size_t kArenaChunk = 64 * 1024;
constexpr size_t kDeadMin = 4096;  // fewer dead keys are not worth a rebuild
constexpr size_t kLookupChunk = 64;
constexpr size_t kSlotsPerKey = 3;  // at least: few lookups step past the first slot

void append_big_endian(uint64_t bits, size_t bytes, std::string& out) {
  char text[8];
  for (size_t i = 0; i < bytes; ++i) {
    text[i] = static_cast<char>(bits >> (8 * (bytes - 1 - i)));
  }
  out.append(text, bytes);
}

uint64_t read_big_endian(std::string_view text, size_t bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < bytes; ++i) bits = bits << 8 | static_cast<unsigned char>(text[i]);
  return bits;
}

void append_number(double below, uint64_t rest, std::string& out) {
  const uint64_t bits = std::bit_cast<uint64_t>(below + 0.0);  // -0.0 becomes 0.0
  out.push_back(static_cast<char>(kNumberTag));
  append_big_endian((bits & kSignBit) != 0 ? ~bits : bits ^ kSignBit, 8, out);
  append_big_endian(rest, 2, out);
}

void append_integer(Int128 integer, std::string& out) {
  double below = static_cast<double>(integer);
  if (static_cast<Int128>(below) > integer) below = std::nextafter(below, -kTwo64);
  append_number(below, static_cast<uint64_t>(integer - static_cast<Int128>(below)), out);
}

void append_escaped(unsigned char tag, std::string_view text, std::string& out) {
  out.push_back(static_cast<char>(tag));
  for (size_t begin = 0;;) {
    const size_t zero = text.find('\0', begin);
    if (zero == std::string_view::npos) {
      out.append(text.substr(begin));
      break;
    }
    out.append(text.substr(begin, zero - begin));
    out.append("\0\xff", 2);
    begin = zero + 1;
  }
  out.push_back(kEnd);
}

bool take_escaped(std::string_view& encoding, std::string& text) {
  for (size_t begin = 0;;) {
    const size_t zero = encoding.find('\0', begin);
    if (zero == std::string_view::npos) return false;
    text.append(encoding.substr(begin, zero - begin));
    if (zero + 1 < encoding.size() && encoding[zero + 1] == '\xff') {
      text.push_back('\0');
      begin = zero + 2;
      continue;
    }
    encoding.remove_prefix(zero + 1);
    return true;
  }
}

void append_word(Kind kind, uint64_t bits, std::string& out) {
  switch (kind) {
    case Kind::kBool:
      out.push_back(static_cast<char>(kBoolTag));
      out.push_back(bits != 0 ? 1 : 0);
      return;
    case Kind::kInt:
      return append_integer(static_cast<int64_t>(bits), out);
    case Kind::kUint:
      return append_integer(static_cast<Int128>(bits), out);
    case Kind::kDouble: {
      const double d = std::bit_cast<double>(bits);
      if (std::isnan(d)) break;
      return append_number(d, 0, out);
    }
    case Kind::kTimestamp:
    case Kind::kDuration:
      out.push_back(static_cast<char>(kind == Kind::kTimestamp ? kTimestampTag : kDurationTag));
      append_big_endian(bits ^ kSignBit, 8, out);
      return;
    default:
      break;
  }
  out.push_back(static_cast<char>(kNullTag));
}

void append_map(const Value::Map& entries, std::string& out) {
  std::vector<std::pair<std::string, const Value*>> sorted;
  sorted.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    sorted.emplace_back(std::string(), &value);
    append_key(key, sorted.back().first);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  out.push_back(static_cast<char>(kMapTag));
  for (const auto& [key, value] : sorted) {
    out.append(key);
    append_key(*value, out);
  }
  out.push_back(kEnd);
}

Value take_number(std::string_view text) {
  const uint64_t flipped = read_big_endian(text, 8);
  const double below =
      std::bit_cast<double>((flipped & kSignBit) != 0 ? flipped ^ kSignBit : ~flipped);
  const uint64_t rest = read_big_endian(text.substr(8), 2);
  if (below < -kTwo63 || below >= kTwo64 || std::trunc(below) != below) return Value::real(below);
  const Int128 integer = static_cast<Int128>(below) + static_cast<Int128>(rest);
  if (integer <= INT64_MAX) return Value::integer(static_cast<int64_t>(integer));
  return Value::unsigned_integer(static_cast<uint64_t>(integer));
}

Value take_list(std::string_view& encoding) {
  Value::List items;
  while (!encoding.empty() && encoding.front() != kEnd) {
    items.push_back(take_key_value(encoding));
    if (items.back().is_error()) return std::move(items.back());
  }
  if (encoding.empty()) return Value::error("not a key");
  encoding.remove_prefix(1);
  return Value::list(std::move(items));
}

Value take_map(std::string_view& encoding) {
  Value::Map entries;
  while (!encoding.empty() && encoding.front() != kEnd) {
    Value key = take_key_value(encoding);
    if (key.is_error()) return key;
    Value value = take_key_value(encoding);
    if (value.is_error()) return value;
    entries.emplace_back(std::move(key), std::move(value));
  }
  if (encoding.empty()) return Value::error("not a key");
  encoding.remove_prefix(1);
  return Value::map(std::move(entries));
}

Value take_text(unsigned char tag, std::string_view& encoding) {
  std::string text;
  if (!take_escaped(encoding, text)) return Value::error("not a key");
  return tag == kBytesTag ? Value::bytes(std::move(text)) : Value::string(std::move(text));
}

size_t fixed_size(unsigned char tag) {
  switch (tag) {
    case kBoolTag:
      return 1;
    case kNumberTag:
      return 10;
    case kTimestampTag:
    case kDurationTag:
      return 8;
    default:
      return 0;
  }
}

Value take_fixed(unsigned char tag, std::string_view bytes) {
  switch (tag) {
    case kBoolTag:
      return Value::boolean(bytes[0] != 0);
    case kNumberTag:
      return take_number(bytes);
    case kTimestampTag:
      return Value::timestamp(static_cast<Micros>(read_big_endian(bytes, 8) ^ kSignBit));
    default:
      return Value::duration(static_cast<Micros>(read_big_endian(bytes, 8) ^ kSignBit));
  }
}

inline uint64_t hash_bytes(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

template <class Word>
uint64_t word_at(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The first and last eight bytes, which overlap in shorter texts; with the size they tell texts of
// up to 16 bytes apart.
struct Ends {
  uint64_t first, last;
};
constexpr size_t kEndsBytes = 16;

inline Ends ends_of(std::string_view text) {
  const char* begin = text.data();
  const size_t size = text.size();
  if (size >= 8) return {word_at<uint64_t>(begin), word_at<uint64_t>(begin + size - 8)};
  if (size >= 4) return {word_at<uint32_t>(begin), word_at<uint32_t>(begin + size - 4)};
  if (size == 0) return {0, 0};
  return {word_at<unsigned char>(begin) | word_at<unsigned char>(begin + size / 2) << 8,
          word_at<unsigned char>(begin + size - 1)};
}

// Where a key belongs in the table.  Short ones by one 128-bit product, folded (as in Wang Yi's
// wyhash); no text in UTF-8 makes a factor zero.
inline uint64_t place_of(std::string_view bytes) {
  if (bytes.size() > kEndsBytes) return hash_bytes(bytes);
  __extension__ typedef unsigned __int128 Wide;
  const Ends ends = ends_of(bytes);
  const Wide product = static_cast<Wide>(ends.first ^ 0xffa5c3e59d2b71f6ull) *
                       (ends.last ^ 0xfe87d4b1362e95c9ull ^ bytes.size());
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Whether an encoding is exactly one string; its text then.
bool one_string(std::string_view encoding, std::string& text) {
  if (encoding.empty() || encoding.front() != kStringTag) return false;
  encoding.remove_prefix(1);
  return take_escaped(encoding, text) && encoding.empty();
}

}  // namespace

void append_key(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kString:
      return append_escaped(kStringTag, value.text(), out);
    case Kind::kBytes:
      return append_escaped(kBytesTag, value.text(), out);
    case Kind::kList:
      out.push_back(static_cast<char>(kListTag));
      for (const Value& item : value.items()) append_key(item, out);
      out.push_back(kEnd);
      return;
    case Kind::kMap:
      return append_map(value.entries(), out);
    case Kind::kType:
    case Kind::kError:
      return append_escaped(kOtherTag, value.text(), out);
    default:
      return append_word(value.kind(), value.bits(), out);
  }
}

void append_key_cell(const Column& column, uint32_t row, std::string& out) {
  switch (column.kind(row)) {
    case Kind::kMissing:
    case Kind::kNull:
      out.push_back(static_cast<char>(kNullTag));
      return;
    case Kind::kString:
      return append_escaped(kStringTag, column.text(row), out);
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kTimestamp:
    case Kind::kDuration:
      return append_word(column.kind(row), column.bits(row), out);
    default:
      return append_key(column.value(row), out);
  }
}

Value take_key_value(std::string_view& encoding) {
  const std::string_view before = encoding;
  if (encoding.empty()) return Value::error("not a key");
  const auto tag = static_cast<unsigned char>(encoding.front());
  encoding.remove_prefix(1);
  Value value = Value::error("not a key");
  if (tag == kNullTag) {
    value = Value::null();
  } else if (const size_t size = fixed_size(tag); size != 0 && encoding.size() >= size) {
    value = take_fixed(tag, encoding.substr(0, size));
    encoding.remove_prefix(size);
  } else if (tag == kStringTag || tag == kBytesTag || tag == kOtherTag) {
    value = take_text(tag, encoding);
  } else if (tag == kListTag) {
    value = take_list(encoding);
  } else if (tag == kMapTag) {
    value = take_map(encoding);
  }
  if (value.is_error()) encoding = before;
  return value;
}

uint64_t key_hash(std::string_view encoding) {
  std::string text;
  return hash_bytes(one_string(encoding, text) ? std::string_view(text) : encoding);
}

KeyDictionary::KeyDictionary(size_t keys_max)
    : keys_max_(std::min(keys_max, kKeysMax)), slots_(64) {}

const char* KeyDictionary::store(std::string_view bytes) {
  if (bytes.empty()) return "";
  if (bytes.size() > arena_left_) {
    const size_t size = std::max(kArenaChunk, bytes.size());
    arena_.push_back(std::make_unique<char[]>(size));
    arena_next_ = arena_.back().get();
    arena_left_ = size;
  }
  char* place = arena_next_;
  std::memcpy(place, bytes.data(), bytes.size());
  arena_next_ += bytes.size();
  arena_left_ -= bytes.size();
  return place;
}

size_t KeyDictionary::free_slot(uint64_t place) const {
  const size_t mask = slots_.size() - 1;
  size_t at = place & mask;
  while (slots_[at].id != kNone) at = (at + 1) & mask;
  return at;
}

void KeyDictionary::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id != kNone) slots_[free_slot(place_of(view(slot.id)))] = slot;
  }
}

KeyDictionary::Id KeyDictionary::add(std::string_view bytes, const Entry& entry, uint64_t place,
                                     size_t slot) {
  if (live_ >= keys_max_) return kNone;
  if ((used_ + 1) * kSlotsPerKey > slots_.size()) {
    grow();
    slot = free_slot(place);
  }
  Id id;
  if (!free_.empty()) {
    id = free_.back();
    free_.pop_back();
  } else {
    id = static_cast<Id>(entries_.size());
    entries_.emplace_back();
    bytes_.emplace_back();
  }
  entries_[id] = entry;
  bytes_[id] = {store(bytes), hash_bytes(bytes)};
  slots_[slot] = Slot{static_cast<uint32_t>(place >> 32), id};
  pinned_.push_back(id);
  ++used_;
  ++live_;
  ranked_ = false;
  return id;
}

KeyDictionary::Id KeyDictionary::revived(Id id) {
  if (live_ >= keys_max_) return kNone;
  entries_[id].uses = 1;
  ++live_;
  pinned_.push_back(id);
  return id;
}

// In the loop over texts this must not be a call.
[[gnu::always_inline]] inline KeyDictionary::Id KeyDictionary::lookup(std::string_view bytes,
                                                                      bool text, uint64_t place) {
  const Ends ends = ends_of(bytes);
  const uint32_t shape = static_cast<uint32_t>(bytes.size() * 2) + (text ? 1 : 0);
  const Slot* slots = slots_.data();
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(place >> 32);
  size_t at = place & mask;
  for (; slots[at].id != kNone; at = (at + 1) & mask) {
    if (slots[at].tag != tag) continue;
    const Id id = slots[at].id;
    const Entry& entry = entries_[id];
    if (((entry.first ^ ends.first) | (entry.last ^ ends.last) | (entry.shape ^ shape)) != 0) {
      continue;
    }
    if (bytes.size() > kEndsBytes && view(id) != bytes) continue;
    return entry.uses != 0 ? id : revived(id);
  }
  return add(bytes, Entry{ends.first, ends.last, shape, 1}, place, at);
}

KeyDictionary::Id KeyDictionary::find_or_add(std::string_view bytes, bool text) {
  return lookup(bytes, text, place_of(bytes));
}

// Texts are hashed and compared where they lie.  A chunk is hashed first, so that the table's lines
// are under way before they are needed.
bool KeyDictionary::ids_of_texts(const Column& column, std::span<const uint32_t> rows, Id* ids) {
  const Kind* kinds = column.kinds().data();
  const std::string_view* texts = column.texts();
  uint64_t places[kLookupChunk];
  uint32_t most = 0;
  for (size_t begin = 0; begin < rows.size(); begin += kLookupChunk) {
    const size_t count = std::min(kLookupChunk, rows.size() - begin);
    const size_t mask = slots_.size() - 1;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t row = rows[begin + i];
      if (kinds[row] != Kind::kString) continue;
      places[i] = place_of(texts[row]);
      __builtin_prefetch(&slots_[places[i] & mask]);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint32_t row = rows[begin + i];
      Id id;
      if (kinds[row] == Kind::kString) {
        id = lookup(texts[row], true, places[i]);
      } else {
        scratch_.clear();
        append_key_cell(column, row, scratch_);
        id = find_or_add(scratch_, false);
      }
      ids[begin + i] = id;
      most = std::max(most, id);
    }
  }
  return most != kNone;
}

bool KeyDictionary::ids_of(std::span<const Column* const> columns, std::span<const uint32_t> rows,
                           Id* ids) {
  if (rows.empty()) return true;
  if (columns.empty()) {
    const Id id = id_of({});
    std::fill_n(ids, rows.size(), id);
    return id != kNone;
  }
  if (columns.size() == 1) return ids_of_texts(*columns[0], rows, ids);
  uint32_t most = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    scratch_.clear();
    for (const Column* column : columns) append_key_cell(*column, rows[i], scratch_);
    ids[i] = find_or_add(scratch_, false);
    most = std::max(most, ids[i]);
  }
  return most != kNone;
}

KeyDictionary::Id KeyDictionary::id_of(std::string_view encoding) {
  std::string text;
  if (one_string(encoding, text)) return find_or_add(text, true);
  return find_or_add(encoding, false);
}

void KeyDictionary::unpin() {
  for (const Id id : pinned_) release(id);
  pinned_.clear();
}

bool KeyDictionary::forget_dead() {
  const size_t dead = used_ - live_;
  if (dead < kDeadMin || dead <= live_) return false;
  const std::vector<std::unique_ptr<char[]>> old = std::move(arena_);
  arena_.clear();
  arena_left_ = 0;
  free_.clear();
  size_t slots = 64;
  while (slots < 2 * kSlotsPerKey * live_) slots *= 2;
  slots_.assign(slots, Slot{});
  used_ = live_;
  ranked_ = false;
  while (!entries_.empty() && entries_.back().uses == 0) entries_.pop_back();
  entries_.shrink_to_fit();
  bytes_.resize(entries_.size());
  bytes_.shrink_to_fit();
  for (size_t i = entries_.size(); i-- > 0;) {  // the lowest free number is the next one used
    const auto id = static_cast<Id>(i);
    if (entries_[id].uses == 0) {
      entries_[id] = Entry{};
      bytes_[id] = Bytes{};
      free_.push_back(id);
      continue;
    }
    bytes_[id].data = store(view(id));
    const uint64_t place = place_of(view(id));
    slots_[free_slot(place)] = Slot{static_cast<uint32_t>(place >> 32), id};
  }
  return true;
}

std::string KeyDictionary::encoding(Id id) const {
  if (!is_text(id)) return std::string(view(id));
  std::string out;
  append_escaped(kStringTag, view(id), out);
  return out;
}

void KeyDictionary::save(Id id, std::string& out) const {
  const std::string_view text = view(id);
  if (!is_text(id)) return save_text(text, out);
  const auto zeros = static_cast<uint64_t>(std::count(text.begin(), text.end(), '\0'));
  save_count(text.size() + zeros + 2, out);  // tag and end
  append_escaped(kStringTag, text, out);
}

void KeyDictionary::write(Id id, std::span<Column* const> columns, uint32_t row) const {
  if (is_text(id)) {
    columns[0]->set_string(row, view(id));
    return;
  }
  std::string_view rest = view(id);
  for (Column* column : columns) {
    const Value value = take_key_value(rest);
    if (value.is(Kind::kString)) {
      column->set_string(row, value.text());
    } else {
      column->set(row, value);
    }
  }
}

bool KeyDictionary::less(Id a, Id b) const {
  const bool a_text = is_text(a);
  if (a_text == is_text(b)) return view(a) < view(b);
  const std::string_view other = a_text ? view(b) : view(a);  // of one column, and no string
  const bool other_first = other.empty() || static_cast<unsigned char>(other[0]) < kStringTag;
  return a_text ? !other_first : other_first;
}

void KeyDictionary::rank() const {
  if (ranked_) return;
  by_rank_.clear();
  for (Id id = 0; id < entries_.size(); ++id) {
    if (entries_[id].shape != kFree) by_rank_.push_back(id);
  }
  std::sort(by_rank_.begin(), by_rank_.end(), [this](Id a, Id b) { return less(a, b); });
  ranks_.resize(entries_.size());
  for (size_t i = 0; i < by_rank_.size(); ++i) ranks_[by_rank_[i]] = static_cast<uint32_t>(i);
  ranked_ = true;
}

// Most windows hold most keys, so one ranking of all keys serves until a new key comes.
void KeyDictionary::sort(std::vector<Id>& ids) const {
  if (ids.size() * 8 < used_) {
    std::sort(ids.begin(), ids.end(), [this](Id a, Id b) { return less(a, b); });
    return;
  }
  rank();
  std::vector<Id> placed(by_rank_.size(), kNone);
  for (const Id id : ids) placed[ranks_[id]] = id;
  size_t count = 0;
  for (const Id id : placed) {
    if (id != kNone) ids[count++] = id;
  }
  ids.resize(count);
}

}  // namespace streamflow
