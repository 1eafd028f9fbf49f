// One value of the language, owned: what the scalar evaluator, constants and tests work with.
// Columns hold the same kinds without this cost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace streamflow {

// kMissing is not a value: the field was not in the record.  kError is a failed evaluation, its
// text in the string.  kPending is a JSON cell that nobody has looked at yet (columns only).
enum class Kind : uint8_t {
  kMissing,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
  kError,
  kPending,
};

inline bool is_number(Kind kind) { return kind >= Kind::kInt && kind <= Kind::kDouble; }
// The name in messages: "null", "int", "string", "timestamp"…
std::string_view kind_name(Kind kind);
std::string with_article(Kind kind);  // "a string", "an int"

class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<Value, Value>>;  // in written order, unique keys

  Value() = default;  // missing
  static Value null() { return Value(Kind::kNull); }
  static Value boolean(bool b) { return word(Kind::kBool, b ? 1 : 0); }
  static Value integer(int64_t i) { return word(Kind::kInt, static_cast<uint64_t>(i)); }
  static Value unsigned_integer(uint64_t u) { return word(Kind::kUint, u); }
  static Value real(double d);
  // `nanos`, 0 to 999, are added to the microseconds: CEL counts nanoseconds, columns do not.
  static Value timestamp(Micros t, unsigned nanos = 0) {
    return word(Kind::kTimestamp, static_cast<uint64_t>(t), nanos);
  }
  static Value duration(Micros d, unsigned nanos = 0) {
    return word(Kind::kDuration, static_cast<uint64_t>(d), nanos);
  }
  static Value string(std::string text) { return owned(Kind::kString, std::move(text)); }
  static Value bytes(std::string text) { return owned(Kind::kBytes, std::move(text)); }
  static Value error(std::string message) { return owned(Kind::kError, std::move(message)); }
  static Value type(std::string name) { return owned(Kind::kType, std::move(name)); }
  // A string that lives elsewhere, at least as long as this value (a batch's text).
  static Value borrowed(std::string_view text) {
    Value v(Kind::kString);
    v.text_ = text;
    return v;
  }
  static Value borrowed_bytes(std::string_view text) {
    Value v(Kind::kBytes);
    v.text_ = text;
    return v;
  }
  static Value list(List items);
  static Value map(Map entries);
  static Value optional(Value inner);  // of a missing value: optional.none()

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::kError; }
  bool is_absent() const { return kind_ <= Kind::kNull; }  // missing or null

  bool as_bool() const { return word_ != 0; }
  int64_t as_int() const { return static_cast<int64_t>(word_); }
  uint64_t as_uint() const { return word_; }
  double as_double() const;  // kDouble only
  double to_double() const;  // any number
  Micros as_micros() const { return static_cast<Micros>(word_); }
  unsigned nanos() const { return nanos_; }
  std::string_view text() const { return text_; }  // string, bytes, error, type name
  const List& items() const { return *static_cast<const List*>(shared_.get()); }
  const Map& entries() const { return *static_cast<const Map*>(shared_.get()); }
  const Value& inner() const { return *static_cast<const Value*>(shared_.get()); }
  uint64_t bits() const { return word_; }
  // How many values a list or map holds, those inside them included, texts counted by length: what
  // writing it out would cost.  Values share what is inside, so this can be far above its memory.
  uint64_t weight() const {
    return kind_ == Kind::kList || kind_ == Kind::kMap ? word_ : 1 + text_.size() / 16;
  }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  static Value word(Kind kind, uint64_t bits, unsigned nanos = 0) {
    Value v(kind);
    v.word_ = bits;
    v.nanos_ = static_cast<uint16_t>(nanos);
    return v;
  }
  static Value owned(Kind kind, std::string text);

  Kind kind_ = Kind::kMissing;
  uint16_t nanos_ = 0;
  uint64_t word_ = 0;
  std::string_view text_;
  std::shared_ptr<const void> shared_;
};

// CEL equality: numbers by exact value across types, NaN unequal to itself, lists and maps by
// content, different kinds unequal.
bool equal(const Value& a, const Value& b);
// <0, 0, >0 for two values that can be ordered (numbers across types, strings by code point, bytes,
// bools, timestamps, durations); 2 when they cannot, NaN included.
inline constexpr int kUnordered = 2;
int compare(const Value& a, const Value& b);
// A member of a map by its text; missing where there is none, or `map` is no map.
Value member(const Value& map, std::string_view name);
int compare_numbers(Kind a_kind, uint64_t a_bits, Kind b_kind, uint64_t b_bits);

// JSON text of a value: computed doubles as the shortest text that reads back equal, whole ones
// with
// `.0`; infinity and NaN as null; timestamps as RFC 3339; bytes as base64; durations as "1.5s".
void append_json(const Value& value, std::string& out);
void append_json_string(std::string_view text, std::string& out);
void append_json_double(double d, std::string& out);
// One JSON text; kError with the reason when it is not well-formed.
Value parse_json(std::string_view text);

}  // namespace streamflow
