#include "core/value.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/map_equality.h"

namespace streamflow {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int order_doubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return kUnordered;
  return order(a, b);
}

// An integer against a double, without rounding: whole parts first, then the fraction.
int order_int_double(int64_t i, double d) {
  if (std::isnan(d)) return kUnordered;
  if (d >= kTwo63) return -1;
  if (d < -kTwo63) return 1;
  const auto whole = static_cast<int64_t>(d);
  return i != whole ? order(i, whole) : order(0.0, d - static_cast<double>(whole));
}

int order_uint_double(uint64_t u, double d) {
  if (std::isnan(d)) return kUnordered;
  if (d >= kTwo64) return -1;
  if (d < 0) return 1;
  const auto whole = static_cast<uint64_t>(d);
  return u != whole ? order(u, whole) : order(0.0, d - static_cast<double>(whole));
}

int order_int_uint(int64_t i, uint64_t u) {
  return i < 0 ? -1 : order(static_cast<uint64_t>(i), u);
}

int flip(int order) { return order == kUnordered ? order : -order; }

uint64_t add_weight(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? ~uint64_t{0} : sum;
}

bool equal_lists(const Value::List& a, const Value::List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kMissing:
      return "missing";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "timestamp";
    case Kind::kDuration:
      return "duration";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kType:
      return "type";
    case Kind::kOptional:
      return "optional";
    case Kind::kError:
      return "error";
    case Kind::kPending:
      return "pending";
  }
  return "missing";
}

std::string with_article(Kind kind) {
  if (kind == Kind::kNull) return "null";
  const bool vowel = kind == Kind::kInt || kind == Kind::kOptional || kind == Kind::kError;
  return (vowel ? "an " : "a ") + std::string(kind_name(kind));
}

Value Value::real(double d) { return word(Kind::kDouble, std::bit_cast<uint64_t>(d)); }

Value Value::owned(Kind kind, std::string text) {
  Value v(kind);
  auto shared = std::make_shared<const std::string>(std::move(text));
  v.text_ = *shared;
  v.shared_ = std::move(shared);
  return v;
}

Value Value::list(List items) {
  Value v(Kind::kList);
  v.word_ = 1;
  for (const Value& item : items) v.word_ = add_weight(v.word_, item.weight());
  v.shared_ = std::make_shared<const List>(std::move(items));
  return v;
}

Value Value::map(Map entries) {
  Value v(Kind::kMap);
  v.word_ = 1;
  for (const auto& [key, value] : entries)
    v.word_ = add_weight(add_weight(v.word_, key.weight()), value.weight());
  v.shared_ = std::make_shared<const Map>(std::move(entries));
  return v;
}

Value Value::optional(Value inner) {
  Value v(Kind::kOptional);
  v.shared_ = std::make_shared<const Value>(std::move(inner));
  return v;
}

double Value::as_double() const { return std::bit_cast<double>(word_); }

double Value::to_double() const {
  if (kind_ == Kind::kDouble) return as_double();
  return kind_ == Kind::kInt ? static_cast<double>(as_int()) : static_cast<double>(as_uint());
}

int compare_numbers(Kind a_kind, uint64_t a, Kind b_kind, uint64_t b) {
  const auto i = [](uint64_t bits) { return static_cast<int64_t>(bits); };
  const auto d = [](uint64_t bits) { return std::bit_cast<double>(bits); };
  if (a_kind == b_kind) {
    if (a_kind == Kind::kInt) return order(i(a), i(b));
    if (a_kind == Kind::kUint) return order(a, b);
    return order_doubles(d(a), d(b));
  }
  if (a_kind == Kind::kInt)
    return b_kind == Kind::kUint ? order_int_uint(i(a), b) : order_int_double(i(a), d(b));
  if (a_kind == Kind::kUint)
    return b_kind == Kind::kInt ? flip(order_int_uint(i(b), a)) : order_uint_double(a, d(b));
  return b_kind == Kind::kInt ? flip(order_int_double(i(b), d(a)))
                              : flip(order_uint_double(b, d(a)));
}

int compare(const Value& a, const Value& b) {
  if (is_number(a.kind()) && is_number(b.kind()))
    return compare_numbers(a.kind(), a.bits(), b.kind(), b.bits());
  if (a.kind() != b.kind()) return kUnordered;
  switch (a.kind()) {
    case Kind::kBool:
      return order(a.as_bool(), b.as_bool());
    case Kind::kString:
    case Kind::kBytes:
      return order(a.text(), b.text());  // UTF-8 sorts as its code points do
    case Kind::kTimestamp:
    case Kind::kDuration:
      return a.as_micros() != b.as_micros() ? order(a.as_micros(), b.as_micros())
                                            : order(a.nanos(), b.nanos());
    default:
      return kUnordered;
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_absent() || b.is_absent()) return a.is_absent() && b.is_absent();
  if (is_number(a.kind()) && is_number(b.kind())) return compare(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kList:
      return equal_lists(a.items(), b.items());
    case Kind::kMap:
      return equal_maps(a.entries(), b.entries(), [](const Value& x, const Value& y) { return equal(x, y); });
    case Kind::kType:
      return a.text() == b.text();
    case Kind::kOptional:
      if (a.inner().is(Kind::kMissing) || b.inner().is(Kind::kMissing))
        return a.inner().kind() == b.inner().kind();
      return equal(a.inner(), b.inner());
    case Kind::kError:
      return false;
    default:
      return compare(a, b) == 0;
  }
}

Value member(const Value& map, std::string_view name) {
  if (!map.is(Kind::kMap)) return {};
  for (const auto& [key, value] : map.entries())
    if (key.text() == name) return value;
  return {};
}

}  // namespace streamflow
