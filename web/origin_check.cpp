#include "web/origin_check.h"

#include <algorithm>
#include <optional>

#include "core/ascii.h"

namespace streamflow::web {
namespace {

struct Authority {
  std::string name;  // lower case; an IPv6 address without its brackets
  std::string port;  // empty: the scheme's
};

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_address_char(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' ||
         c == ':';
}

// "name", "name:port" or "[v6]:port"; nothing else.
std::optional<Authority> parse_authority(std::string_view text) {
  std::string_view name, rest;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    name = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!std::all_of(name.begin(), name.end(), is_address_char)) return std::nullopt;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    name = text.substr(0, colon);
    rest = text.substr(colon);
    if (!std::all_of(name.begin(), name.end(), is_name_char)) return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  if (rest.empty()) return Authority{lower(name), {}};
  const std::string_view port = rest.substr(1);
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (rest.front() != ':' || port.size() > 5 || !digits) return std::nullopt;
  return Authority{lower(name), std::string(port)};
}

std::string without_brackets(std::string_view name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']')
    name = name.substr(1, name.size() - 2);
  return lower(name);
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "http://name:port"; browsers leave out a scheme's usual port in Origin and in Host alike.
std::optional<Authority> parse_origin(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.substr(0, scheme.size()) == scheme)
      return parse_authority(origin.substr(scheme.size()));
  return std::nullopt;
}

}  // namespace

OriginCheck::OriginCheck(std::string_view bound, const std::vector<std::string>& allowed)
    : own_{"localhost", "127.0.0.1", "::1", without_brackets(bound)} {
  for (const std::string& name : allowed) allowed_.push_back(without_brackets(name));
}

bool OriginCheck::is_allowed(std::string_view name) const { return contains(allowed_, name); }

Refusal OriginCheck::check(const RequestHead& head, std::string_view local) const {
  const std::optional<Authority> host = parse_authority(head.host);
  if (!head.host.empty()) {
    if (!host) return {403, "the Host header is broken"};
    if (!contains(own_, host->name) && host->name != without_brackets(local) &&
        !is_allowed(host->name))
      return {403, "the Host header does not name this server; see --allowed-host"};
  }
  if (head.origin.empty()) return {};
  const std::optional<Authority> origin = parse_origin(head.origin);
  const bool same = origin && host && origin->name == host->name && origin->port == host->port;
  if (!same && !(origin && is_allowed(origin->name)))
    return {403, "requests from pages of another site are refused"};
  return {};
}

}  // namespace streamflow::web
