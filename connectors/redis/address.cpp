#include "connectors/redis/address.h"

#include <algorithm>
#include <charconv>

namespace streamflow::redis {
namespace {

constexpr std::string_view kScheme = "redis://";

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const bool whole = i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    if (!whole) return fail(ErrorKind::kConfig, "'%' in user or password needs two hex digits: write '%' as %25");
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && !text.empty();
}

Status read_credentials(std::string_view text, Address& out) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ErrorKind::kConfig, "a password follows a ':', as in redis://:secret@host/key");
  auto user = percent_decoded(text.substr(0, colon));
  auto password = percent_decoded(text.substr(colon + 1));
  if (!user) return tl::unexpected(user.error());
  if (!password) return tl::unexpected(password.error());
  out.user = *user;
  out.password = *password;
  return {};
}

Status read_host(std::string_view text, Address& out) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(ErrorKind::kConfig, "the '[' of the host is not closed");
    out.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    text.remove_prefix(colon);
  }
  if (out.host.empty()) return fail(ErrorKind::kConfig, "no host: write redis://localhost/key");
  if (out.host.find_first_of("{}") != std::string::npos)
    return fail(ErrorKind::kConfig, "a field cannot choose the host");
  if (!text.empty() && (text[0] != ':' || !read_number(text.substr(1), out.port) || out.port == 0))
    return fail(ErrorKind::kConfig, "'" + std::string(text) + "' is no port");
  return {};
}

}  // namespace

std::string Address::shown() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return std::string(kScheme) + name + ":" + std::to_string(port) + "/" +
         (database != 0 ? std::to_string(database) + "/" : "") + key;
}

Result<Address> parse_address(std::string_view text) {
  Address out;
  if (!text.starts_with(kScheme)) return fail(ErrorKind::kConfig, "write redis://localhost/key");
  std::string_view rest = text.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_credentials(authority.substr(0, at), out); !read) return tl::unexpected(read.error());
    authority.remove_prefix(at + 1);
  }
  if (auto read = read_host(authority, out); !read) return tl::unexpected(read.error());
  std::string_view key = slash < rest.size() ? rest.substr(slash + 1) : std::string_view();
  const size_t next = key.find('/');
  if (next != std::string_view::npos && next > 0 &&
      std::all_of(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(next),
                  [](char c) { return c >= '0' && c <= '9'; })) {
    if (!read_number(key.substr(0, next), out.database))
      return fail(ErrorKind::kConfig, "'" + std::string(key.substr(0, next)) + "' is no database");
    key.remove_prefix(next + 1);
  }
  if (key.empty()) return fail(ErrorKind::kConfig, "no key: write redis://localhost/key");
  out.key = key;
  out.key_begin = static_cast<size_t>(key.data() - text.data());
  return out;
}

}  // namespace streamflow::redis
