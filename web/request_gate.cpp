#include "web/request_gate.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/ascii.h"

namespace streamflow::web {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",    "POST", "PUT",
                                                      "DELETE", "OPTIONS", "PATCH"};
constexpr std::size_t kMethodBytesMax = 7;
constexpr std::size_t kVersionBytes = 8;  // "HTTP/1.1"

enum Once : unsigned {
  kHost = 1,
  kLength = 2,
  kTransfer = 4,
  kOrigin = 8,
  kType = 16,
  kExpect = 32,
  kNoneMatch = 64,
  kAuthorization = 128
};

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// RFC 9110, 5.6.2.
bool is_token_char(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u < 0x20 && c != '\t') || u == 0x7f;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls visit for each comma-separated element of a header's value.
template <class Visit>
void for_each_element(std::string_view value, Visit visit) {
  while (true) {
    const std::size_t comma = value.find(',');
    visit(trim(value.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

// Does this Accept-Encoding take gzip?  A weight of zero, in whatever spelling, means no.
bool takes_gzip(std::string_view value) {
  bool gzip = false, any = false, gzip_named = false;
  for_each_element(value, [&gzip, &any, &gzip_named](std::string_view element) {
    const std::size_t semicolon = element.find(';');
    const std::string_view coding = trim(element.substr(0, semicolon));
    const std::string_view weight =
        semicolon == std::string_view::npos ? "q=1" : trim(element.substr(semicolon + 1));
    const bool positive = weight.find_first_of("123456789") != std::string_view::npos;
    if (same(coding, "gzip") || same(coding, "x-gzip")) {
      gzip_named = true;
      gzip = positive;
    } else if (coding == "*") {
      any = positive;
    }
  });
  return gzip_named ? gzip : any;
}

// nullptr if the target is good: origin form, visible ASCII, whole percent escapes, no NUL hidden
// in one.
const char* target_problem(std::string_view target) {
  if (target.empty() || target.front() != '/') return "the request target must start with '/'";
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c <= 0x20 || c > 0x7e || c == '#') return "a character not allowed in the request target";
    if (c != '%') continue;
    if (i + 2 >= target.size() || hex_value(target[i + 1]) < 0 || hex_value(target[i + 2]) < 0)
      return "a broken percent escape in the request target";
    if (target[i + 1] == '0' && target[i + 2] == '0') return "a NUL in the request target";
  }
  return nullptr;
}

}  // namespace

RequestGate::RequestGate(const GateLimits& limits, HeadCheck check)
    : limits_(limits), check_(std::move(check)) {}

std::size_t RequestGate::feed(std::string_view bytes) {
  std::size_t at = 0;
  while (state_ == State::kNeedMore) {
    // A body of no bytes is complete without any more input, so this comes before the test for the
    // end.
    if (part_ == Part::kBody && body_left_ == 0) {
      state_ = State::kReady;
      break;
    }
    if (at == bytes.size()) break;
    if (part_ == Part::kBody || part_ == Part::kChunkData)
      take_body(bytes, at);
    else if (feed_line(bytes, at) == Line::kWhole)
      on_line();
  }
  return at;
}

// Reads on in the current line.  Each byte is judged as it comes, so that nothing is kept that will
// be refused, and so that the way the input was cut cannot matter.
RequestGate::Line RequestGate::feed_line(std::string_view bytes, std::size_t& at) {
  while (at < bytes.size()) {
    const char c = bytes[at++];
    if (!count_line_byte()) return Line::kBad;
    if (cr_) {
      if (c != '\n') {
        fail(400, "a carriage return that does not end a line");
        return Line::kBad;
      }
      cr_ = false;
      return Line::kWhole;
    }
    if (c == '\r') {
      cr_ = true;
    } else if (is_control(c)) {
      fail(400, c == '\n' ? "a line that ends without a carriage return" : "a control character");
      return Line::kBad;
    } else if (part_ == Part::kRequestLine && line_.empty() && !(c >= 'A' && c <= 'Z')) {
      fail(400,
           "not an HTTP request");  // among others TLS on a plain port, answered at its first byte
      return Line::kBad;
    } else {
      line_.push_back(c);
    }
  }
  return Line::kPartial;
}

// Applies the limit that holds for the present kind of line, one byte further.
bool RequestGate::count_line_byte() {
  switch (part_) {
    case Part::kRequestLine:
      if (line_.size() > limits_.target_bytes_max + kMethodBytesMax + kVersionBytes + 2) {
        fail(414, "the request target is too long");
        return false;
      }
      [[fallthrough]];
    case Part::kHeader:
      if (++head_bytes_ > limits_.head_bytes_max || line_.size() > limits_.header_bytes_max) {
        fail(431, "the request head is too large");
        return false;
      }
      return true;
    case Part::kTrailer:
      if (++trailer_bytes_ > limits_.trailer_bytes_max) {
        fail(431, "the trailer section is too large");
        return false;
      }
      return true;
    case Part::kChunkSize:
      if (line_.size() > limits_.chunk_line_bytes_max) {
        fail(400, "a chunk size line that is too long");
        return false;
      }
      return true;
    default:  // kChunkEnd: the line must be empty
      if (!line_.empty()) {
        fail(400, "a chunk that is longer than its size");
        return false;
      }
      return true;
  }
}

void RequestGate::on_line() {
  const std::string_view line = line_;
  switch (part_) {
    case Part::kRequestLine:
      on_request_line(line);
      break;
    case Part::kHeader:
      if (line.empty())
        on_head_end();
      else
        on_header(line);
      break;
    case Part::kChunkSize:
      on_chunk_size(line);
      break;
    case Part::kChunkEnd:
      if (!line.empty()) return fail(400, "a chunk that is longer than its size");
      part_ = Part::kChunkSize;
      break;
    default:  // kTrailer: read, held to the form of a header, and dropped
      if (line.empty()) {
        part_ = Part::kBody;
        body_left_ = 0;
      } else if (!is_token_char(line.front()) || line.find(':') == std::string_view::npos) {
        return fail(400, "a broken trailer");
      }
      break;
  }
  line_.clear();
}

void RequestGate::on_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return fail(400, "a broken request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version.size() != kVersionBytes || version.substr(0, 5) != "HTTP/" || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7]))
    return fail(400, "a broken request line");
  if (version[5] != '1' || version[7] > '1')
    return fail(505, "only HTTP/1.1 and HTTP/1.0 are served");
  if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end())
    return fail(501, "this method is not implemented");
  if (target.size() > limits_.target_bytes_max) return fail(414, "the request target is too long");
  if (const char* problem = target_problem(target)) return fail(400, problem);
  head_.method = method;
  head_.target = target;
  head_.minor_version = version[7] - '0';
  part_ = Part::kHeader;
}

void RequestGate::on_header(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return fail(400, "a folded header");
  if (++headers_ > limits_.headers_max) return fail(431, "too many headers");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return fail(400, "a header without a name");
  const std::string_view name = line.substr(0, colon);
  if (!std::all_of(name.begin(), name.end(), is_token_char))
    return fail(400, "a character not allowed in a header's name");
  on_known_header(name, trim(line.substr(colon + 1)));
}

void RequestGate::on_known_header(std::string_view name, std::string_view value) {
  if (same(name, "Host")) {
    if (once(kHost)) head_.host = value;
  } else if (same(name, "Content-Length")) {
    if (once(kLength)) on_content_length(value);
  } else if (same(name, "Transfer-Encoding")) {
    if (!once(kTransfer)) return;
    if (!same(value, "chunked")) return fail(501, "only the chunked transfer coding is understood");
    chunked_ = true;
  } else if (same(name, "Content-Encoding")) {
    if (!same(value, "identity")) fail(415, "a compressed request body is not taken");
  } else if (same(name, "Content-Type")) {
    if (!once(kType)) return;
    if (same(value.substr(0, 10), "multipart/")) return fail(415, "a multipart body is not taken");
    head_.content_type = value;
  } else if (same(name, "Origin")) {
    if (once(kOrigin)) head_.origin = value.empty() ? "null" : value;
  } else if (same(name, "Expect")) {
    if (!once(kExpect)) return;
    if (!same(value, "100-continue")) return fail(417, "only 100-continue can be expected");
    head_.expects_continue = true;
  } else if (same(name, "Connection")) {
    for_each_element(value, [this](std::string_view element) {
      connection_close_ = connection_close_ || same(element, "close");
      connection_keep_ = connection_keep_ || same(element, "keep-alive");
    });
  } else if (same(name, "Accept-Encoding")) {
    head_.accepts_gzip = takes_gzip(value);
  } else if (same(name, "If-None-Match")) {
    if (once(kNoneMatch)) head_.if_none_match = value;
  } else if (same(name, "Authorization")) {
    if (once(kAuthorization) && head_.method == "POST") head_.ingest.authorization = value;
  } else if (head_.method == "POST") {
    keep_header(name, value);
  }
}

// Of equal names the values become a list (RFC 9110, 5.3).
void RequestGate::keep_header(std::string_view name, std::string_view value) {
  std::string key = lower(name);
  for (auto& [known, list] : head_.ingest.headers)
    if (known == key) {
      list.append(", ").append(value);
      return;
    }
  head_.ingest.headers.emplace_back(std::move(key), value);
}

void RequestGate::on_content_length(std::string_view value) {
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit))
    return fail(400, "Content-Length is not a number");
  // Eighteen digits fit 64 bits; a longer number is above any limit.
  const std::size_t nonzero = std::min(value.find_first_not_of('0'), value.size());
  const std::string_view digits = value.substr(nonzero);
  for (const char c : digits.substr(0, 18))
    content_length_ = content_length_ * 10 + static_cast<unsigned>(c - '0');
  if (digits.size() > 18) content_length_ = std::numeric_limits<std::uint64_t>::max();
}

void RequestGate::on_head_end() {
  const bool old = head_.minor_version == 0;
  if ((seen_ & kHost) == 0 && !old) return fail(400, "the Host header is missing");
  if (chunked_ && (seen_ & kLength) != 0)
    return fail(400, "Content-Length and Transfer-Encoding in one request");
  if (chunked_ && old) return fail(400, "HTTP/1.0 has no transfer codings");
  head_.keep_alive = !connection_close_ && (!old || connection_keep_);
  head_.ingest.content_type = head_.content_type;
  head_.body_bytes_max = limits_.body_bytes_max;
  if (check_) {
    if (Refusal refusal = check_(head_); refusal.status != 0) return fail(std::move(refusal));
  }
  if (content_length_ > head_.body_bytes_max) return fail(413, "the request body is too large");
  continue_due_ = head_.expects_continue && !old && (chunked_ || content_length_ > 0);
  part_ = chunked_ ? Part::kChunkSize : Part::kBody;
  body_left_ = content_length_;
}

void RequestGate::on_chunk_size(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (digits == 15) return fail(400, "a chunk size that is too long");
    size = size * 16 + static_cast<unsigned>(hex_value(line[digits]));
    ++digits;
  }
  if (digits == 0 || (digits < line.size() && line[digits] != ';'))
    return fail(400, "a broken chunk size");
  if (size > head_.body_bytes_max - body_.size()) return fail(413, "the request body is too large");
  body_left_ = size;
  part_ = size == 0 ? Part::kTrailer : Part::kChunkData;
}

// The buffer grows with what has come, never with what was announced.
void RequestGate::take_body(std::string_view bytes, std::size_t& at) {
  const std::size_t left = static_cast<std::size_t>(body_left_);
  const std::size_t n = std::min(bytes.size() - at, left);
  const std::size_t whole = chunked_ ? head_.body_bytes_max : body_.size() + left;
  reserve_body(body_.size() + n, whole);
  body_.append(bytes.substr(at, n));
  at += n;
  body_left_ -= n;
  if (body_left_ == 0 && part_ == Part::kChunkData) part_ = Part::kChunkEnd;
}

// Doubles, but never beyond what the whole body may need: capacity counts against the server's
// bound.
void RequestGate::reserve_body(std::size_t needed, std::size_t whole) {
  if (needed <= body_.capacity()) return;
  std::string grown;  // an own reserve() may round up
  grown.reserve(std::max(needed, std::min(2 * body_.capacity(), whole)));
  grown.append(body_);
  body_.swap(grown);
}

bool RequestGate::once(unsigned flag) {
  if ((seen_ & flag) != 0) {
    fail(400, "a header came twice that may come only once");
    return false;
  }
  seen_ |= flag;
  return true;
}

void RequestGate::fail(Refusal refusal) {
  if (state_ == State::kError) return;
  state_ = State::kError;
  refusal_ = std::move(refusal);
  std::string().swap(line_);
  std::string().swap(body_);
}

bool RequestGate::take_continue() { return std::exchange(continue_due_, false); }

std::string RequestGate::take_request() {
  std::string out;
  out.reserve(128 + head_.target.size() + head_.host.size() + body_.size());
  out.append(head_.method).append(" ").append(head_.target).append(" HTTP/1.1\r\nHost: ");
  out.append(head_.host.empty() ? "-" : head_.host).append("\r\n");
  if (!head_.content_type.empty())
    out.append("Content-Type: ").append(head_.content_type).append("\r\n");
  out.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n");
  out.append(body_);
  *this = RequestGate(limits_, std::move(check_));
  return out;
}

std::string RequestGate::take_body() {
  std::string out = std::move(body_);
  *this = RequestGate(limits_, std::move(check_));
  return out;
}

}  // namespace streamflow::web
