#include "connectors/mqtt/topic.h"

#include <mosquitto.h>

#include <algorithm>

namespace streamflow::mqtt {
namespace {

constexpr std::string_view kShare = "$share/";

tl::unexpected<Mistake> mistake(size_t begin, size_t end, std::string message,
                                std::string label = {}) {
  return tl::unexpected<Mistake>(Mistake{begin, end, std::move(message), std::move(label)});
}

// The level that starts at `begin`.
std::string_view level_at(std::string_view text, size_t begin) {
  const size_t end = text.find('/', begin);
  return text.substr(begin, end == std::string_view::npos ? end : end - begin);
}

bool is_valid_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         mosquitto_validate_utf8(text.data(), static_cast<int>(text.size())) == MOSQ_ERR_SUCCESS;
}

class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}

  tl::expected<TopicFilter, Mistake> parse() {
    if (text_.empty()) return mistake(0, 0, "the topic filter is empty", "'#' is every topic");
    if (text_.size() > kTopicBytesMax) {
      return mistake(0, text_.size(), "a topic filter has at most 65535 bytes");
    }
    if (!is_valid_text(text_))
      return mistake(0, text_.size(), "the topic filter is not valid UTF-8");
    size_t begin = 0;
    if (text_.substr(0, kShare.size()) == kShare) {
      if (auto bad = share(begin)) return tl::unexpected(*bad);
    }
    const size_t share_end = begin;
    for (size_t number = 0;; ++number) {
      const std::string_view level = level_at(text_, begin);
      if (auto bad = add_level(level, begin, number)) return tl::unexpected(*bad);
      begin += level.size() + 1;
      if (begin > text_.size()) break;
      out_.pattern += '/';
    }
    out_.text = std::string(text_.substr(0, share_end)) + out_.pattern;
    out_.shown = out_.text;
    return out_;
  }

 private:
  std::optional<Mistake> share(size_t& begin) {
    const std::string_view group = level_at(text_, kShare.size());
    const size_t end = kShare.size() + group.size();
    if (group.empty() || group.find_first_of("+#{}") != std::string_view::npos) {
      return Mistake{kShare.size(), end, "the group of a shared subscription is a plain name",
                     "write $share/GROUP/TOPIC"};
    }
    if (end + 1 >= text_.size()) {
      return Mistake{0, text_.size(), "the shared subscription has no topic filter",
                     "write $share/GROUP/TOPIC"};
    }
    begin = end + 1;
    return {};
  }

  std::optional<Mistake> add_level(std::string_view level, size_t begin, size_t number) {
    const size_t end = begin + level.size();
    if (level == "#") {
      if (end != text_.size()) {
        return Mistake{begin, end, "'#' stands for all remaining levels and must be the last one",
                       "'+' stands for one level"};
      }
    } else if (level.size() > 1 && level.front() == '{' && level.back() == '}') {
      return add_capture(level.substr(1, level.size() - 2), begin, end, number);
    } else if (level != "+") {
      if (const size_t wild = level.find_first_of("+#"); wild != std::string_view::npos) {
        return Mistake{begin + wild, begin + wild + 1,
                       std::string("'") + level[wild] + "' stands for a whole level",
                       "it cannot be part of a name"};
      }
      if (const size_t brace = level.find_first_of("{}"); brace != std::string_view::npos) {
        return Mistake{begin, end, "a capture stands for a whole level",
                       "write {name} between two '/'"};
      }
    }
    out_.pattern += level;
    return {};
  }

  std::optional<Mistake> add_capture(std::string_view name, size_t begin, size_t end,
                                     size_t number) {
    if (name.empty() || name.find_first_of("{}+#") != std::string_view::npos) {
      return Mistake{begin, end, "a capture is a field name in braces", "write {device}"};
    }
    const bool twice = std::any_of(out_.captures.begin(), out_.captures.end(),
                                   [name](const Capture& capture) { return capture.name == name; });
    if (twice) return Mistake{begin, end, "'" + std::string(name) + "' is captured twice"};
    out_.captures.push_back({number, std::string(name)});
    out_.pattern += '+';
    return {};
  }

  std::string_view text_;
  TopicFilter out_;
};

}  // namespace

tl::expected<TopicFilter, Mistake> parse_filter(std::string_view text) {
  return FilterParser(text).parse();
}

bool match(const TopicFilter& filter, std::string_view topic,
           std::span<std::string_view> captured) {
  const std::string_view pattern = filter.pattern;
  // Wildcards at the start do not reach the broker's own topics (§4.7.2).
  const bool wild_start = pattern.front() == '#' || pattern.front() == '+';
  if (wild_start && !topic.empty() && topic.front() == '$') return false;
  size_t at = 0;
  size_t topic_at = 0;
  size_t found = 0;
  for (size_t number = 0;; ++number) {
    const std::string_view want = level_at(pattern, at);
    if (want == "#") return true;
    if (topic_at > topic.size()) return false;
    const std::string_view have = level_at(topic, topic_at);
    if (want != "+" && want != have) return false;
    if (found < filter.captures.size() && filter.captures[found].level == number) {
      captured[found++] = have;
    }
    at += want.size() + 1;
    topic_at += have.size() + 1;
    if (at > pattern.size()) return topic_at > topic.size();
  }
}

Mistake check_topic_template(std::string_view text) {
  if (text.empty()) return {0, 0, "the topic to publish to is missing", "write mqtt://HOST/TOPIC"};
  if (text.size() > kTopicBytesMax) return {0, text.size(), "a topic has at most 65535 bytes"};
  if (!is_valid_text(text)) return {0, text.size(), "the topic is not valid UTF-8"};
  if (const size_t wild = text.find_first_of("+#"); wild != std::string_view::npos) {
    return {wild, wild + 1, "a topic to publish to has no wildcards",
            "{field} is filled in from each record"};
  }
  return {};
}

bool is_topic_level(std::string_view text) {
  return !text.empty() &&
         text.find_first_of(std::string_view("/+#\0", 4)) == std::string_view::npos;
}

}  // namespace streamflow::mqtt
