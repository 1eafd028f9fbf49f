#include "connectors/http/content_type.h"

#include <algorithm>
#include <array>

#include "core/ascii.h"

namespace streamflow::http {
namespace {

constexpr std::array<std::string_view, 7> kLineTypes = {
    "application/x-ndjson",   "application/ndjson",    "application/jsonl",
    "application/x-jsonl",    "application/jsonlines", "application/json-lines",
    "application/x-jsonlines"};

std::string clean(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\"");
  if (begin == std::string_view::npos) return {};
  return lower(text.substr(begin, text.find_last_not_of(" \t\"") + 1 - begin));
}

// What `charset=` says, or empty.
std::string charset_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view one = parameters.substr(0, parameters.find(';'));
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && clean(one.substr(0, equals)) == "charset")
      return clean(one.substr(equals + 1));
    parameters.remove_prefix(std::min(one.size() + 1, parameters.size()));
  }
  return {};
}

}  // namespace

std::optional<BodyKind> body_kind(std::string_view content_type, std::string& problem) {
  if (content_type.empty()) return BodyKind::kDocument;
  const size_t semicolon = std::min(content_type.find(';'), content_type.size());
  const std::string type = clean(content_type.substr(0, semicolon));
  const bool lines = std::find(kLineTypes.begin(), kLineTypes.end(), type) != kLineTypes.end();
  const bool json =
      type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
  if (!lines && !json) {
    problem =
        "send records with 'Content-Type: application/json' (one, or an array) or "
        "'application/x-ndjson' (one a line)";
    return {};
  }
  const std::string charset = charset_of(content_type.substr(semicolon));
  if (!charset.empty() && charset != "utf-8" && charset != "utf8" && charset != "us-ascii") {
    problem = "JSON is UTF-8, not " + charset;
    return {};
  }
  return lines ? BodyKind::kLines : BodyKind::kDocument;
}

}  // namespace streamflow::http
