#include "connectors/mqtt/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace streamflow::mqtt {
namespace {

constexpr uint16_t kPlainPort = 1883;
constexpr uint16_t kTlsPort = 8883;
constexpr size_t kHostMax = 253;  // RFC 1035 with its dots

tl::unexpected<Mistake> mistake(size_t begin, size_t end, std::string message,
                                std::string label = {}) {
  return tl::unexpected<Mistake>(Mistake{begin, end, std::move(message), std::move(label)});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1.  Nothing where a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Parses `text`, reading one part after the other from `at_`.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  tl::expected<Address, Mistake> parse() {
    if (auto bad = scheme()) return tl::unexpected(*bad);
    const size_t slash = text_.find('/', at_);
    authority_end_ = slash == std::string_view::npos ? text_.size() : slash;
    if (auto bad = credentials()) return tl::unexpected(*bad);
    if (auto bad = host()) return tl::unexpected(*bad);
    if (auto bad = port()) return tl::unexpected(*bad);
    if (slash != std::string_view::npos) {
      out_.topic_begin = slash + 1;
      out_.topic = std::string(text_.substr(slash + 1));
    }
    return out_;
  }

 private:
  using Bad = std::optional<Mistake>;

  Bad scheme() {
    if (text_.rfind("mqtt://", 0) == 0) {
      at_ = 7;
    } else if (text_.rfind("mqtts://", 0) == 0) {
      at_ = 8;
      out_.tls = true;
    } else {
      return Mistake{0, text_.size(), "an MQTT address starts with mqtt:// or mqtts://",
                     "write mqtt://HOST/TOPIC"};
    }
    out_.port = out_.tls ? kTlsPort : kPlainPort;
    return {};
  }

  Bad credentials() {
    const std::string_view authority = text_.substr(at_, authority_end_ - at_);
    const size_t at_sign = authority.rfind('@');
    if (at_sign == std::string_view::npos) return {};
    const std::string_view both = authority.substr(0, at_sign);
    const size_t colon = both.find(':');
    out_.user = percent_decode(both.substr(0, colon));
    const bool has_password = colon != std::string_view::npos;
    if (has_password) out_.password = percent_decode(both.substr(colon + 1));
    if (!out_.user || (has_password && !out_.password)) {
      return Mistake{at_, at_ + at_sign,
                     "user or password has a '%' without two hexadecimal digits", "write % as %25"};
    }
    if (out_.user->empty()) {
      return Mistake{at_, at_ + at_sign + 1, "the user name is empty"};
    }
    at_ += at_sign + 1;
    return {};
  }

  Bad host() {
    if (at_ < authority_end_ && text_[at_] == '[') return bracketed_host();
    const size_t begin = at_;
    while (at_ < authority_end_ && text_[at_] != ':') {
      if (!is_host_character(text_[at_])) {
        return Mistake{at_, at_ + 1, std::string("'") + text_[at_] + "' cannot be part of a host",
                       "the topic comes after the host's '/'"};
      }
      ++at_;
    }
    out_.host = std::string(text_.substr(begin, at_ - begin));
    if (out_.host.empty()) return Mistake{begin, begin, "the host is missing", "write a host here"};
    if (out_.host.size() > kHostMax) return Mistake{begin, at_, "the host name is too long"};
    return {};
  }

  Bad bracketed_host() {
    const size_t close = text_.find(']', at_);
    if (close == std::string_view::npos || close > authority_end_) {
      return Mistake{at_, authority_end_, "the ']' of the IPv6 address is missing"};
    }
    out_.host = std::string(text_.substr(at_ + 1, close - at_ - 1));
    in6_addr address{};
    if (inet_pton(AF_INET6, out_.host.c_str(), &address) != 1) {
      return Mistake{at_, close + 1, "not an IPv6 address: " + out_.host};
    }
    at_ = close + 1;
    if (at_ < authority_end_ && text_[at_] != ':') {
      return Mistake{at_, authority_end_, "only a port or '/' may follow ']'"};
    }
    return {};
  }

  Bad port() {
    if (at_ >= authority_end_) return {};
    ++at_;  // the colon
    unsigned number = 0;
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + authority_end_;
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc() || stop != end || number == 0 || number > 65535) {
      return Mistake{at_, authority_end_, "a port is a number from 1 to 65535"};
    }
    out_.port = static_cast<uint16_t>(number);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t authority_end_ = 0;
  Address out_;
};

}  // namespace

std::string Address::shown() const {
  std::string out = tls ? "mqtts://" : "mqtt://";
  const bool bracket = host.find(':') != std::string::npos;
  if (bracket) out += '[';
  out += host;
  if (bracket) out += ']';
  out += ':' + std::to_string(port);
  if (!topic.empty()) out += '/' + topic;
  return out;
}

tl::expected<Address, Mistake> parse_address(std::string_view text) {
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return mistake(zero, zero + 1, "an address cannot hold a zero byte");
  }
  return Parser(text).parse();
}

bool is_numeric_host(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace streamflow::mqtt
