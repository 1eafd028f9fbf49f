// Topic filters with captures: `site/{device}/temperature` subscribes to `site/+/temperature` and
// gives each record the field `device`.  The rules are those of MQTT 5.0 §4.7 (and 3.1.1 §4.7,
// which are the same) and of shared subscriptions, `$share/GROUP/FILTER` (§4.8.2).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "connectors/mqtt/address.h"

namespace streamflow::mqtt {

inline constexpr size_t kTopicBytesMax = 65535;  // of a topic or filter, by the protocol

struct Capture {
  size_t level = 0;  // of the matched topic, from 0
  std::string name;
};

struct TopicFilter {
  std::string text;               // what is subscribed to, captures as `+`
  std::string shown;              // the same for people; *** where it holds a secret
  std::string pattern;            // what topics match: `text` without `$share/GROUP/`
  std::vector<Capture> captures;  // by level
};

tl::expected<TopicFilter, Mistake> parse_filter(std::string_view text);

// Whether a topic matches; if so `captured` (as long as filter.captures) holds the captured levels,
// as views into the topic.
bool match(const TopicFilter& filter, std::string_view topic, std::span<std::string_view> captured);

// A mistake in the literal parts of a sink's topic (`alerts/{device}/state`), which must not hold
// wildcards; `begin` of the result is an offset into the text.  Empty message: none.
Mistake check_topic_template(std::string_view text);

// Whether a field's text may stand for a level of a topic to publish to: no separator, no wildcard,
// no zero byte, not empty.
bool is_topic_level(std::string_view text);

}  // namespace streamflow::mqtt
