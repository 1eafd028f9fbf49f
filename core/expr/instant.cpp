#include "core/expr/instant.h"

#include <algorithm>
#include <array>

namespace streamflow::expr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class Make>
Value split(Nanos nanos, Make make) {
  Nanos micros = nanos / 1000;
  if (nanos % 1000 < 0) --micros;
  return make(static_cast<Micros>(micros), static_cast<unsigned>(nanos - micros * 1000));
}

std::string unquoted(const Value& value) {
  std::string json;
  append_json(value, json);
  return json.substr(1, json.size() - 2);
}

// The seventh to ninth decimal of a time's text, which parse_rfc3339 leaves out.
int64_t beyond_micros(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return 0;
  int64_t nanos = 0;
  for (size_t i = 0; i < 9; ++i) {
    const size_t at = point + 1 + i;
    const bool digit = at < text.size() && is_digit(text[at]) &&
                       text.find_first_not_of("0123456789", point + 1) > at;
    nanos = nanos * 10 + (digit ? text[at] - '0' : 0);
  }
  return nanos % 1000;
}

struct Unit {
  std::string_view name;
  int64_t nanos;
};
constexpr std::array<Unit, 10> kUnits = {{{"ns", 1},
                                          {"us", 1'000},
                                          {"µs", 1'000},
                                          {"μs", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", kNanosPerSecond},
                                          {"m", 60 * kNanosPerSecond},
                                          {"h", 3600 * kNanosPerSecond},
                                          {"d", 86400 * kNanosPerSecond},
                                          {"w", 604800 * kNanosPerSecond}}};

class DurationReader {
 public:
  explicit DurationReader(std::string_view text) : text_(text) {}

  std::optional<Nanos> run() {
    const bool negative = !text_.empty() && text_[0] == '-';
    if (negative || (!text_.empty() && text_[0] == '+')) ++at_;
    if (text_.substr(at_) == "0") return 0;
    if (at_ == text_.size()) return {};
    Nanos total = 0;
    while (at_ < text_.size()) {
      const std::optional<Nanos> part = one();
      if (!part) return {};
      total += *part;
      if (total > kMost) return {};
    }
    return negative ? -total : total;
  }

 private:
  static constexpr Nanos kMost = static_cast<Nanos>(INT64_MAX) + 1;

  std::optional<Nanos> one() {
    Nanos whole = 0, fraction = 0, scale = 1;
    size_t digits = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_, ++digits) {
      whole = whole * 10 + (text_[at_] - '0');
      if (whole > kMost) return {};
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      for (++at_; at_ < text_.size() && is_digit(text_[at_]); ++at_, ++digits) {
        if (scale >= 1'000'000'000'000) continue;  // below a nanosecond
        fraction = fraction * 10 + (text_[at_] - '0');
        scale *= 10;
      }
    }
    const size_t begin = at_;
    while (at_ < text_.size() && !is_digit(text_[at_]) && text_[at_] != '.') ++at_;
    for (const Unit& unit : kUnits)
      if (digits > 0 && text_.substr(begin, at_ - begin) == unit.name)
        return whole * unit.nanos + fraction * unit.nanos / scale;
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Value timestamp_from(Nanos nanos) {
  if (nanos < static_cast<Nanos>(kFirstSecond) * kNanosPerSecond ||
      nanos >= (static_cast<Nanos>(kLastSecond) + 1) * kNanosPerSecond)
    return Value::error("timestamp out of range (years 0001 to 9999)");
  return split(nanos, Value::timestamp);
}

Value duration_from(Nanos nanos) {
  if (nanos < INT64_MIN || nanos > INT64_MAX)
    return Value::error("duration out of range (292 years)");
  return split(nanos, Value::duration);
}

std::optional<Nanos> parse_timestamp(std::string_view text) {
  constexpr size_t kDecimals = 9;
  if (const size_t point = text.find('.'); point != std::string_view::npos) {
    const size_t end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
    if (end - point - 1 > kDecimals) {
      std::string shorter(text.substr(0, point + 1 + kDecimals));
      return parse_timestamp(shorter.append(text.substr(end)));
    }
  }
  const std::optional<Micros> micros = parse_rfc3339(text);
  if (!micros) return {};
  return static_cast<Nanos>(*micros) * 1000 + beyond_micros(text);
}

std::optional<Nanos> parse_duration_text(std::string_view text) {
  return DurationReader(text).run();
}

std::string timestamp_text(const Value& timestamp) {
  std::string text = unquoted(timestamp);
  if (text.find('.') == std::string::npos) return text;
  text.resize(text.find_last_not_of("0Z") + 1);
  if (text.back() == '.') text.pop_back();
  return text + 'Z';
}
std::string duration_text(const Value& duration) { return unquoted(duration); }

}  // namespace streamflow::expr
