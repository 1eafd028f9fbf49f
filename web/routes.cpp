#include "web/routes.h"

#include "web/json_text.h"

namespace streamflow::web {
namespace {

bool is_param(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "/a/b" gives "a", "b".
std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  return segments;
}

// Compares segment by segment without allocating for paths that do not match.
bool match(const std::vector<std::string>& segments, std::string_view path, NamedTexts& params) {
  params.clear();
  for (const std::string& want : segments) {
    if (path.empty()) return false;
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    const std::string_view have = path.substr(0, slash);
    if (is_param(want)) {
      if (have.empty() || have.size() > RouteTable::kParamBytesMax) return false;
      params.emplace_back(want.substr(1, want.size() - 2), have);
    } else if (have != want) {
      return false;
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  return path.empty();
}

}  // namespace

const std::string* find_text(const NamedTexts& texts, std::string_view name) {
  for (const auto& [key, value] : texts)
    if (key == name) return &value;
  return nullptr;
}

Response error_response(int status, std::string_view reason) {
  auto body = std::make_shared<std::string>("{\"error\":");
  append_json_string(*body, reason);
  *body += "}\n";
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

void RouteTable::get(std::string_view pattern, Handler handler) {
  if (pattern.find('{') == std::string_view::npos)
    literal_.insert_or_assign(std::string(pattern), std::move(handler));
  else
    patterns_.push_back({split(pattern), std::move(handler)});
}

const Handler* RouteTable::find(std::string_view path, NamedTexts& params) const {
  params.clear();
  if (path.empty() || path.front() != '/') return nullptr;
  if (const auto it = literal_.find(std::string(path)); it != literal_.end()) return &it->second;
  for (const Pattern& pattern : patterns_)
    if (match(pattern.segments, path, params)) return &pattern.handler;
  params.clear();
  return nullptr;
}

}  // namespace streamflow::web
