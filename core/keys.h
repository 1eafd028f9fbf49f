// Keys of keyed steps: how they are written, hashed, ordered and numbered.
//
// The encoding and the hash are facts on disk and between machines (a key's partition is its hash
// mod 64); they do not change.  A key is its values one after another, each a tag byte and:
//   01 null            missing, null and NaN are one key
//   02 bool            one byte, 0 or 1
//   03 number          8 bytes: the greatest double that is not above the number, big-endian, all
//   bits
//                      flipped if negative, else the sign bit; then 2 bytes, big-endian: the number
//                      minus that double.  So 1, 1u and 1.0 are equal and 64-bit integers exact
//   04 timestamp, 05 duration   8 bytes: microseconds, big-endian, sign bit flipped
//   06 string, 07 bytes         the bytes, 00 as 00 ff, then 00
//   08 list            its values, then 00
//   09 map             its entries in the order of their encoded keys, each key and value, then 00
//   0a anything else   its text, as a string
// The order of encodings by bytes is the order of keys: kinds in the order above, numbers by value,
// strings by code point.
//
// Hash: XXH3-64 without seed, of the text for a key of exactly one string, else of the encoding.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/column.h"
#include "core/value.h"

namespace streamflow {

inline constexpr unsigned kPartitions = 64;  // of keyed state: hash(key) mod 64, an on-disk fact

void append_key(const Value& value, std::string& out);
// The same for a decoded cell.
void append_key_cell(const Column& column, uint32_t row, std::string& out);
// Takes the first value off an encoding that append_key made; strings are owned.  Whole numbers
// come back as int (uint beyond int64), others as double.  kError, with nothing taken, for other
// bytes.
Value take_key_value(std::string_view& encoding);

uint64_t key_hash(std::string_view encoding);
inline unsigned key_partition(uint64_t hash) {
  return static_cast<unsigned>(hash % kPartitions);
}

// Numbers keys densely from 0.  Open addressing with linear probing, a key's bytes in an arena; 56
// to 72 bytes a key and its text.  A key lives as long as somebody retains it; a dead one keeps its
// number until `forget_dead`, after which the number goes to the next new key.
class KeyDictionary {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  using Id = uint32_t;

  // At most `keys_max` live keys (and kKeysMax): beyond them new keys get kNone.
  explicit KeyDictionary(size_t keys_max = 1'000'000);
  static constexpr size_t kKeysMax = (1u << 24) - 2;

  // The ids of the keys that the columns' decoded cells make in these rows.  No columns: the one
  // empty key.  Keys that nobody retained yet live until `unpin`.
  // False: some row got kNone.
  bool ids_of(std::span<const Column* const> columns, std::span<const uint32_t> rows, Id* ids);
  Id id_of(std::string_view encoding);
  void unpin();

  void retain(Id id) { ++entries_[id].uses; }
  void release(Id id) {
    if (--entries_[id].uses == 0) --live_;
  }
  // Frees the numbers and bytes of dead keys once they outnumber the live ones (and are many); true
  // if it did.  Never while something holds an id that is not retained.
  bool forget_dead();

  size_t live() const { return live_; }
  size_t capacity() const { return entries_.size(); }  // ids are below this
  std::string encoding(Id id) const;
  void save(Id id, std::string& out) const;  // save_text of its encoding
  uint64_t hash(Id id) const { return bytes_[id].hash; }
  unsigned partition(Id id) const { return key_partition(bytes_[id].hash); }
  // Cell `row` of each column becomes this key's value, as take_key_value has it.
  void write(Id id, std::span<Column* const> columns, uint32_t row) const;
  // Sorts by the order of keys.
  void sort(std::vector<Id>& ids) const;

 private:
  // What a lookup compares: the first and last eight bytes hold all of a short text.
  struct Entry {
    uint64_t first = 0, last = 0;
    uint32_t shape =
        kFree;          // size * 2, + 1: the bytes are the text of a one-string key, no encoding
    uint32_t uses = 0;  // 0: dead or free
  };
  static constexpr uint32_t kFree = UINT32_MAX;
  struct Bytes {
    const char* data = nullptr;
    uint64_t hash = 0;  // key_hash
  };
  // The table has a hash of its own, cheaper for short texts and no fact for anybody else.
  struct Slot {
    uint32_t tag = 0;  // high half of it
    uint32_t id = kNone;
  };

  Id lookup(std::string_view bytes, bool text, uint64_t place);
  Id find_or_add(std::string_view bytes, bool text);
  Id add(std::string_view bytes, const Entry& entry, uint64_t place, size_t slot);
  Id revived(Id id);
  bool is_text(Id id) const { return (entries_[id].shape & 1) != 0; }
  std::string_view view(Id id) const { return {bytes_[id].data, entries_[id].shape / 2}; }
  size_t free_slot(uint64_t place) const;
  bool ids_of_texts(const Column& column, std::span<const uint32_t> rows, Id* ids);
  bool less(Id a, Id b) const;
  void rank() const;
  void grow();
  const char* store(std::string_view bytes);

  size_t keys_max_;
  size_t live_ = 0;
  size_t used_ = 0;  // slots in use: live and dead keys
  std::vector<Slot> slots_;
  std::vector<Entry> entries_;
  std::vector<Bytes> bytes_;  // as long as entries_
  std::vector<Id> free_;
  std::vector<Id> pinned_;
  std::vector<std::unique_ptr<char[]>> arena_;
  size_t arena_left_ = 0;
  char* arena_next_ = nullptr;
  std::string scratch_;
  mutable bool ranked_ = false;  // ranks_ are those of all keys
  mutable std::vector<uint32_t> ranks_;
  mutable std::vector<Id> by_rank_;
};

}  // namespace streamflow
