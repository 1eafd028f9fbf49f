#include "core/option_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/ascii.h"
#include "core/time.h"

namespace streamflow {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string without_blanks(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == ' ' || c == '_'; });
  return out;
}

struct Unit {
  std::string_view name;
  std::string_view right;
};

constexpr std::array kDurationWords = {
    Unit{"microsecond", "us"},
    Unit{"microseconds", "us"},
    Unit{"µs", "us"},
    Unit{"millisecond", "ms"},
    Unit{"milliseconds", "ms"},
    Unit{"msec", "ms"},
    Unit{"millis", "ms"},
    Unit{"second", "s"},
    Unit{"seconds", "s"},
    Unit{"sec", "s"},
    Unit{"secs", "s"},
    Unit{"minute", "m"},
    Unit{"minutes", "m"},
    Unit{"min", "m"},
    Unit{"mins", "m"},
    Unit{"mn", "m"},
    Unit{"hour", "h"},
    Unit{"hours", "h"},
    Unit{"hr", "h"},
    Unit{"hrs", "h"},
    Unit{"day", "d"},
    Unit{"days", "d"},
    Unit{"j", "d"},
    Unit{"week", "w"},
    Unit{"weeks", "w"},
};

constexpr std::array kSizeWords = {
    Unit{"k", "KiB"},  Unit{"kb", "KiB"},  Unit{"kib", "KiB"}, Unit{"ko", "KiB"},
    Unit{"m", "MiB"},  Unit{"mb", "MiB"},  Unit{"mib", "MiB"}, Unit{"mo", "MiB"},
    Unit{"g", "GiB"},  Unit{"gb", "GiB"},  Unit{"gib", "GiB"}, Unit{"go", "GiB"},
    Unit{"t", "TiB"},  Unit{"tb", "TiB"},  Unit{"tib", "TiB"}, Unit{"b", "B"},
    Unit{"byte", "B"}, Unit{"bytes", "B"}, Unit{"o", "B"},
};

// `12units` with the unit replaced by the right one, for each number and unit in turn.
template <size_t n>
std::string with_right_units(const std::string& text, const std::array<Unit, n>& words) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == begin) return {};
    out.append(text, begin, at - begin);
    const size_t unit_begin = at;
    while (at < text.size() && !is_digit(text[at])) ++at;
    const std::string_view unit = std::string_view(text).substr(unit_begin, at - unit_begin);
    const auto found = std::find_if(words.begin(), words.end(),
                                    [&](const Unit& word) { return word.name == unit; });
    out += found == words.end() ? unit : found->right;
  }
  return out;
}

}  // namespace

std::optional<int64_t> parse_size(std::string_view text) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest == text.data()) return {};
  const std::string_view unit(rest, static_cast<size_t>(end - rest));
  const auto found = std::find(kUnits.begin(), kUnits.end(), unit);
  if (found == kUnits.end()) return {};
  const unsigned shift = 10U * static_cast<unsigned>(found - kUnits.begin());
  if (number > (static_cast<uint64_t>(INT64_MAX) >> shift)) return {};
  return static_cast<int64_t>(number << shift);
}

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || text.empty()) return {};
  return number;
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || text.empty() || !std::isfinite(number)) return {};
  return number;
}

std::optional<Length> parse_length(std::string_view text) {
  if (const auto time = parse_duration(text)) return Length{*time, 0};
  int64_t unit = 0;
  if (text.ends_with("mo")) {
    unit = 1;
    text.remove_suffix(2);
  } else if (text.ends_with("y")) {
    unit = 12;
    text.remove_suffix(1);
  }
  if (unit == 0) return {};
  const auto number = parse_integer(text);
  if (!number || *number < 1 || *number > 12'000 / unit) return {};
  return Length{0, *number * unit};
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return {};
}

std::string likely_duration(std::string_view text) {
  std::string plain = without_blanks(text);
  if (!plain.empty() && (plain[0] == '-' || plain[0] == '+')) plain.erase(0, 1);
  for (const std::string& candidate : {plain, lower(plain)}) {
    const std::string right = with_right_units(candidate, kDurationWords);
    if (right != text && parse_duration(right)) return right;
  }
  return {};
}

std::string likely_size(std::string_view text) {
  const std::string right = with_right_units(lower(without_blanks(text)), kSizeWords);
  return right != text && parse_size(right) ? right : std::string();
}

std::string_view likely_flag(std::string_view text) {
  const std::string word = lower(text);
  for (const std::string_view yes : {"true", "yes", "y", "on", "1", "oui"}) {
    if (word == yes) return "true";
  }
  for (const std::string_view no : {"false", "no", "n", "off", "0", "non"}) {
    if (word == no) return "false";
  }
  return {};
}

std::string scheme_of(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return {};
  const std::string_view scheme = text.substr(0, colon);
  const bool plain = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '.' || c == '-';
  });
  return plain ? lower(scheme) : std::string();
}

bool is_stream_name(std::string_view text) {
  if (text.empty() || !(is_letter(text[0]) || text[0] == '_')) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
}

bool is_stream_reference(std::string_view text) {
  for (const std::string_view suffix : {".late", ".errors"}) {
    if (text.ends_with(suffix)) return is_stream_name(text.substr(0, text.size() - suffix.size()));
  }
  return is_stream_name(text);
}

std::string quoted(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos;
  const bool escapes = text.find_first_of("\"\\") != std::string_view::npos;
  if (single && !escapes) return "\"" + std::string(text) + "\"";
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

}  // namespace streamflow
