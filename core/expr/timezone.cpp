#include "core/expr/timezone.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include "core/time.h"

namespace streamflow::expr {
namespace {

constexpr int64_t kDay = 86400;
constexpr size_t kFileBytesMax = 1u << 20;

// Big-endian numbers of a file, read in order; past the end they are 0 and `good` is false.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  int64_t number(size_t bytes) {
    if (data_.size() - at_ < bytes) {
      good = false;
      return 0;
    }
    uint64_t out = 0;
    for (size_t i = 0; i < bytes; ++i) out = out << 8 | static_cast<unsigned char>(data_[at_++]);
    const unsigned unused = static_cast<unsigned>(64 - 8 * bytes);
    return static_cast<int64_t>(out << unused) >> unused;
  }
  void skip(size_t bytes) {
    if (data_.size() - at_ < bytes) good = false;
    at_ = std::min(at_ + bytes, data_.size());
  }
  std::string_view rest() const { return data_.substr(at_); }
  bool good = true;

 private:
  std::string_view data_;
  size_t at_ = 0;
};

struct Counts {
  size_t utc, standard, leap, times, types, letters;
  size_t bytes(size_t word) const {
    return times * word + times + types * 6 + letters + leap * (word + 4) + standard + utc;
  }
};

Counts read_counts(Reader& reader) {
  const auto count = [&reader] { return static_cast<size_t>(reader.number(4)) & 0xFFFFFF; };
  Counts out{};
  out.utc = count();
  out.standard = count();
  out.leap = count();
  out.times = count();
  out.types = count();
  out.letters = count();
  return out;
}

// A POSIX TZ string, piece by piece: `CET-1CEST,M3.5.0,M10.5.0/3`.
class Footer {
 public:
  explicit Footer(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void name() {
    const bool quoted = take('<');
    while (!done() && (quoted ? peek() != '>' : is_letter(peek()))) ++at_;
    if (quoted) take('>');
  }
  int number() {
    int out = 0;
    const auto read = std::from_chars(text_.data() + at_, text_.data() + text_.size(), out);
    at_ = static_cast<size_t>(read.ptr - text_.data());
    return std::clamp(out, 0, 100000);
  }
  int32_t clock() {  // [+-]h[:m[:s]] in seconds
    const int sign = take('-') ? -1 : (take('+'), 1);
    int32_t seconds = number() * 3600;
    if (take(':')) seconds += number() * 60;
    if (take(':')) seconds += number();
    return sign * seconds;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  std::string_view text_;
  size_t at_ = 0;
};

std::optional<int32_t> parse_offset(std::string_view text) {
  int sign = 1;
  if (text.starts_with('-') || text.starts_with('+')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  const auto two = [text](size_t at) {
    const bool digits =
        text[at] >= '0' && text[at] <= '9' && text[at + 1] >= '0' && text[at + 1] <= '9';
    return digits ? (text[at] - '0') * 10 + (text[at + 1] - '0') : 100;
  };
  if (text.size() != 5 || text[2] != ':') return {};
  const int hours = two(0), minutes = two(3);
  if (hours > 23 || minutes > 59) return {};
  return sign * (hours * 3600 + minutes * 60);
}

bool is_zone_name(std::string_view name) {
  return !name.empty() && name.size() < 100 && name.front() != '/' &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-' || c == '+';
         });
}

int year_of(int64_t seconds) {
  const int64_t day = seconds / kDay - (seconds % kDay < 0 ? 1 : 0);
  return civil_from_days(day).year;
}

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

}  // namespace

int64_t TimeZone::Rule::local_seconds(int year) const {
  int64_t date = days_from_civil(year, 1, 1);
  if (kind == 'J') {  // 1 to 365, the 29th of February never counted
    date += day - 1 + (is_leap(year) && day >= 60 ? 1 : 0);
  } else if (kind == 'n') {
    date += day;
  } else {
    const int64_t first = days_from_civil(year, static_cast<unsigned>(month), 1);
    const int weekday = static_cast<int>(((first + 4) % 7 + 7) % 7);
    date = first + (day - weekday + 7) % 7 + (week - 1) * 7;
    const int64_t next = month == 12 ? days_from_civil(year + 1, 1, 1)
                                     : days_from_civil(year, static_cast<unsigned>(month) + 1, 1);
    while (date >= next) date -= 7;
  }
  return date * kDay + time;
}

std::shared_ptr<const TimeZone> TimeZone::fixed(int32_t offset) {
  auto zone = std::make_shared<TimeZone>();
  zone->first_offset_ = offset;
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::load(const std::string& name) {
  std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
  if (!file) return nullptr;
  std::string data;
  data.resize(kFileBytesMax);
  file.read(data.data(), static_cast<std::streamsize>(data.size()));
  data.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  auto zone = std::make_shared<TimeZone>();
  return zone->read(data) ? zone : nullptr;
}

std::shared_ptr<const TimeZone> TimeZone::find(std::string_view name) {
  if (name == "UTC" || name == "Z") return fixed(0);
  if (const auto offset = parse_offset(name)) return fixed(*offset);
  if (!is_zone_name(name)) return nullptr;
  thread_local std::unordered_map<std::string, std::shared_ptr<const TimeZone>> known;
  const std::string key(name);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  constexpr size_t kZonesMax = 1000;
  if (known.size() >= kZonesMax) known.clear();
  return known[key] = load(key);
}

// RFC 8536: a block of 32-bit data for old readers, then the same in 64 bits, then a rule for the
// time after the last change.
bool TimeZone::read(std::string_view file) {
  if (!file.starts_with("TZif") || file.size() < 44) return false;
  Reader reader(file);
  reader.skip(4);
  const bool wide = reader.number(1) >= '2';
  reader.skip(15);
  Counts counts = read_counts(reader);
  size_t word = 4;
  if (wide) {
    reader.skip(counts.bytes(4) + 20);
    counts = read_counts(reader);
    word = 8;
  }
  if (!reader.good || reader.rest().size() < counts.bytes(word) || counts.types == 0) return false;
  for (size_t i = 0; i < counts.times; ++i) changes_.push_back({reader.number(word), 0});
  std::vector<size_t> kinds;
  for (size_t i = 0; i < counts.times; ++i)
    kinds.push_back(static_cast<size_t>(reader.number(1)) & 0xFF);
  std::vector<int32_t> offsets;
  for (size_t i = 0; i < counts.types; ++i) {
    offsets.push_back(static_cast<int32_t>(reader.number(4)));
    reader.skip(2);
  }
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (kinds[i] >= offsets.size()) return false;
    changes_[i].offset = offsets[kinds[i]];
  }
  first_offset_ = offsets[0];
  reader.skip(counts.letters + counts.leap * (word + 4) + counts.standard + counts.utc);
  std::string_view footer = reader.rest();
  if (wide && footer.starts_with('\n')) {
    footer.remove_prefix(1);
    read_footer(footer.substr(0, footer.find('\n')));
  }
  return reader.good;
}

void TimeZone::read_footer(std::string_view text) {
  if (text.empty()) return;
  Footer footer(text);
  footer.name();
  standard_ = -footer.clock();
  has_rules_ = true;
  if (footer.done()) return;
  footer.name();
  summer_ = footer.peek() == ',' ? standard_ + 3600 : -footer.clock();
  for (Rule* rule : {&summer_begins_, &summer_ends_}) {
    if (!footer.take(',')) return;
    if (footer.take('M')) {
      rule->month = std::clamp(footer.number(), 1, 12);
      footer.take('.');
      rule->week = std::clamp(footer.number(), 1, 5);
      footer.take('.');
      rule->day = footer.number() % 7;
    } else {
      rule->kind = footer.take('J') ? 'J' : 'n';
      rule->day = std::min(footer.number(), 366);
    }
    if (footer.take('/')) rule->time = footer.clock();
  }
  has_summer_ = true;
}

int32_t TimeZone::offset_by_rules(int64_t seconds) const {
  if (!has_summer_) return standard_;
  const int year = year_of(seconds + standard_);
  const int64_t begins = summer_begins_.local_seconds(year) - standard_;
  const int64_t ends = summer_ends_.local_seconds(year) - summer_;
  const bool summer =
      begins < ends ? seconds >= begins && seconds < ends : seconds >= begins || seconds < ends;
  return summer ? summer_ : standard_;
}

int32_t TimeZone::offset_at(int64_t seconds) const {
  if (changes_.empty()) return has_rules_ ? offset_by_rules(seconds) : first_offset_;
  if (seconds >= changes_.back().at && has_rules_) return offset_by_rules(seconds);
  const auto next =
      std::upper_bound(changes_.begin(), changes_.end(), seconds,
                       [](int64_t at, const Change& change) { return at < change.at; });
  return next == changes_.begin() ? first_offset_ : std::prev(next)->offset;
}

int64_t TimeZone::from_local(int64_t local) const {
  const int32_t before = offset_at(local - kDay), after = offset_at(local + kDay);
  const int64_t early = local - std::max(before, after), late = local - std::min(before, after);
  if (offset_at(early) == local - early) return early;
  return offset_at(late) == local - late ? late : local - before;
}

}  // namespace streamflow::expr
