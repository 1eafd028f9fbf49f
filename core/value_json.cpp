#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/base64.h"
#include "core/decode/json_cell.h"
#include "core/expr/utf8.h"
#include "core/value.h"

namespace streamflow {
namespace {

// --- writing JSON ---

// Up to nine decimals, the fewest of `step` that are exact.
void append_fraction(uint64_t nanos, size_t step, std::string& out) {
  if (nanos == 0) return;
  std::string digits = std::to_string(1'000'000'000 + nanos).substr(1);
  size_t keep = 9;
  while (keep > step && digits.find_first_not_of('0', keep - step) == std::string::npos)
    keep -= step;
  out += '.';
  out.append(digits, 0, keep);
}

void append_seconds(const Value& duration, std::string& out) {
  const Micros micros = duration.as_micros();
  const bool negative = micros < 0;
  const unsigned rest = negative && duration.nanos() ? 1000 - duration.nanos() : duration.nanos();
  uint64_t size = static_cast<uint64_t>(micros);
  if (negative) size = 0 - size - (duration.nanos() ? 1 : 0);
  if (negative) out += '-';
  out += std::to_string(size / kMicrosPerSecond);
  append_fraction(size % kMicrosPerSecond * 1000 + rest, 1, out);
  out += 's';
}

void append_timestamp(const Value& time, std::string& out) {
  if (time.nanos() == 0) {
    out += format_rfc3339(time.as_micros());
    return;
  }
  const Micros whole = floor_to(time.as_micros(), kMicrosPerSecond);
  std::string text = format_rfc3339(whole);
  out.append(text, 0, text.size() - 1);
  append_fraction(static_cast<uint64_t>(time.as_micros() - whole) * 1000 + time.nanos(), 3, out);
  out += 'Z';
}

template <class T>
void append_integer(T number, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_key(const Value& key, std::string& out) {
  if (key.is(Kind::kString)) {
    append_json_string(key.text(), out);
    return;
  }
  out += '"';
  append_json(key, out);
  out += '"';
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, start, i - start);
    start = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        (out += "\\u00") += kHex[c >> 4], out += kHex[c & 15];
    }
  }
  out.append(text, start);
  out += '"';
}

void append_json_double(double d, std::string& out) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  char digits[40];
  const double size = std::fabs(d);
  // As Python and JavaScript do nearly alike: plain digits where they are not long.
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  char* end = std::to_chars(digits, digits + sizeof digits, d,
                            plain ? std::chars_format::fixed : std::chars_format::scientific)
                  .ptr;
  out.append(digits, end);
  if (plain && std::find(digits, end, '.') == end) out += ".0";
}

void append_json(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Kind::kInt:
      append_integer(value.as_int(), out);
      return;
    case Kind::kUint:
      append_integer(value.as_uint(), out);
      return;
    case Kind::kDouble:
      append_json_double(value.as_double(), out);
      return;
    case Kind::kString:
    case Kind::kType:
    case Kind::kError:
      append_json_string(value.text(), out);
      return;
    case Kind::kBytes:
      out += '"';
      append_base64(value.text(), out);
      out += '"';
      return;
    case Kind::kTimestamp:
      out += '"';
      append_timestamp(value, out);
      out += '"';
      return;
    case Kind::kDuration:
      out += '"';
      append_seconds(value, out);
      out += '"';
      return;
    case Kind::kList: {
      char separator = '[';
      for (const Value& item : value.items())
        out += separator, append_json(item, out), separator = ',';
      out += value.items().empty() ? "[]" : "]";
      return;
    }
    case Kind::kMap: {
      char separator = '{';
      for (const auto& [key, item] : value.entries()) {
        out += separator, append_key(key, out), out += ':', append_json(item, out);
        separator = ',';
      }
      out += value.entries().empty() ? "{}" : "}";
      return;
    }
    case Kind::kOptional:
      append_json(value.inner(), out);
      return;
    default:
      out += "null";
  }
}

namespace {

// --- reading JSON ---
// Not simdjson: its numbers beyond 18 digits are rounded wrongly (3.0.1) or refused, it wants
// padding, and nested cells are short.

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Value document() {
    Value value = read();
    skip_blanks();
    if (!value.is_error() && at_ != text_.size()) return wrong("text after the JSON value");
    return value;
  }

 private:
  static constexpr size_t kNestingMax = 512;

  Value wrong(std::string_view what) const {
    return Value::error(std::string(what) + " at byte " + std::to_string(at_ + 1));
  }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value read() {
    skip_blanks();
    if (at_ >= text_.size()) return wrong("JSON ends too early");
    switch (text_[at_]) {
      case '{':
        return nested(&JsonReader::object);
      case '[':
        return nested(&JsonReader::array);
      case '"':
        return string();
      case 't':
        return take("true") ? Value::boolean(true) : wrong("not a JSON value");
      case 'f':
        return take("false") ? Value::boolean(false) : wrong("not a JSON value");
      case 'n':
        return take("null") ? Value::null() : wrong("not a JSON value");
      default:
        return number();
    }
  }

  Value nested(Value (JsonReader::*reader)()) {
    if (++nesting_ > kNestingMax) return wrong("JSON is nested too deeply");
    ++at_;
    Value value = (this->*reader)();
    --nesting_;
    return value;
  }

  Value array() {
    Value::List items;
    skip_blanks();
    if (take(']')) return Value::list({});
    do {
      items.push_back(read());
      if (items.back().is_error()) return items.back();
      skip_blanks();
    } while (take(','));
    return take(']') ? Value::list(std::move(items)) : wrong("expected , or ]");
  }

  Value object() {
    Value::Map entries;
    skip_blanks();
    if (take('}')) return Value::map({});
    do {
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != '"') return wrong("expected a member name");
      Value key = string();
      if (key.is_error()) return key;
      skip_blanks();
      if (!take(':')) return wrong("expected :");
      Value value = read();
      if (value.is_error()) return value;
      put(entries, std::move(key), std::move(value));
      skip_blanks();
    } while (take(','));
    if (!take('}')) return wrong("expected , or }");
    unite(entries);
    return Value::map(std::move(entries));
  }

  // The last of several members of one name counts, at the place of the first.
  static void put(Value::Map& entries, Value key, Value value) {
    if (entries.size() < kSearchedMax)
      for (auto& [known, old] : entries)
        if (known.text() == key.text()) {
          old = std::move(value);
          return;
        }
    entries.emplace_back(std::move(key), std::move(value));
  }
  static constexpr size_t kSearchedMax = 32;  // beyond, `unite` finds equal names

  // What `put` does, for many members at once.
  static void unite(Value::Map& entries) {
    if (entries.size() <= kSearchedMax) return;
    std::vector<size_t> order(entries.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto name = [&entries](size_t i) { return entries[i].first.text(); };
    std::sort(order.begin(), order.end(), [&name](size_t a, size_t b) {
      const int difference = name(a).compare(name(b));
      return difference != 0 ? difference < 0 : a < b;
    });
    std::vector<char> gone(entries.size(), 0);
    for (size_t i = 1, first = 0; i < order.size(); ++i) {
      if (name(order[i]) != name(order[first])) {
        first = i;
      } else {
        entries[order[first]].second = std::move(entries[order[i]].second);
        gone[order[i]] = 1;
      }
    }
    size_t at = 0;
    std::erase_if(entries, [&gone, &at](const auto&) { return gone[at++] != 0; });
  }

  Value number() {
    const size_t begin = at_;
    const auto digits = [this] {
      const size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - first;
    };
    take('-');
    const bool leading_zero = at_ < text_.size() && text_[at_] == '0';
    const size_t whole = digits();
    if (whole == 0 || (leading_zero && whole > 1)) return wrong("not a JSON value");
    if (take('.') && digits() == 0) return wrong("expected a digit");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (digits() == 0) return wrong("expected a digit");
    }
    return value_of(text_.substr(begin, at_ - begin));
  }

  // As the cells of columns, so that a number is the same wherever it stands.
  static Value value_of(std::string_view token) {
    JsonCell cell;
    decode_json_scalar(token.data(), token.data() + token.size(), cell);
    if (cell.kind == Kind::kInt) return Value::integer(static_cast<int64_t>(cell.bits));
    if (cell.kind == Kind::kUint) return Value::unsigned_integer(cell.bits);
    return Value::real(std::bit_cast<double>(cell.bits));
  }

  Value string() {
    std::string out;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return Value::string(std::move(out));
      }
      if (static_cast<unsigned char>(c) < 0x20) return wrong("control character in a string");
      if (c == '\\') {
        if (!escape(out)) return wrong("bad escape in a string");
        continue;
      }
      const expr::CodePoint point = expr::decode_utf8(text_, at_);
      if (!point.valid) return wrong("invalid UTF-8");
      out.append(text_, at_, point.length);
      at_ += point.length;
    }
    return wrong("JSON ends inside a string");
  }

  bool escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (++at_ >= text_.size()) return false;
    const char c = text_[at_++];
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out += kTo[known];
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || !hex4(code)) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
      const size_t behind = at_;
      uint32_t low = 0;
      if (take("\\u") && hex4(low) && low >= 0xDC00 && low <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = behind;
      }
    }
    // A lone surrogate is no character: as in cells of columns.
    expr::append_utf8(expr::is_scalar_value(code) ? code : expr::kReplacement, out);
    return true;
  }

  bool hex4(uint32_t& code) {
    const char* first = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(first, first + 4, code, 16).ptr != first + 4)
      return false;
    at_ += 4;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t nesting_ = 0;
};

}  // namespace

Value parse_json(std::string_view text) { return JsonReader(text).document(); }

}  // namespace streamflow
