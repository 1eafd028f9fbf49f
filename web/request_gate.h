// The strict HTTP/1.1 framer that stands before everything else the server does with a client's
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/ingest.h"

namespace streamflow::web {

struct GateLimits {
  std::size_t head_bytes_max = 16 * 1024;  // request line and headers
  std::size_t header_bytes_max =
      7 * 1024;  // one header line; below the 8 KiB at which cpp-httplib gives up
  std::size_t headers_max = 100;
  std::size_t target_bytes_max = 1024;
  std::size_t body_bytes_max = 1024 * 1024;  // after the chunk framing is taken off
  std::size_t chunk_line_bytes_max = 64;
  std::size_t trailer_bytes_max = 2 * 1024;
};

// What the server wants to know of a request.  Values are as sent, without surrounding blanks.
struct RequestHead {
  std::string method;
  std::string target;  // origin form: starts with '/', visible ASCII, %XX valid and never %00
  std::string host;    // empty only where HTTP/1.0 leaves it out
  std::string origin;  // empty: none sent
  std::string content_type;
  std::string if_none_match;
  int minor_version = 1;  // HTTP/1.0 or HTTP/1.1
  bool keep_alive = true;
  bool accepts_gzip = false;
  bool expects_continue = false;
  IngestHead ingest;               // of POST only
  std::size_t body_bytes_max = 0;  // the limit's; a HeadCheck may set another
};

// Why a request is refused.  status 0: it is not.
struct Refusal {
  int status = 0;
  std::string reason;
  unsigned retry_after_s = 0;  // 0: nothing is said
};

// Called once a head is complete and before any of its body is read; a refusal ends the connection.
using HeadCheck = std::function<Refusal(RequestHead&)>;

// Turns bytes into whole requests, under limits, and writes each of them anew in the plainest form:
// request line, Host, Content-Type, Content-Length, body.  Nothing else reaches the HTTP library,
// so its parsers of headers, ranges, chunks, encodings and multipart never see what a client wrote.
//
// What RFC 9112 lets a server take two ways is refused, because a proxy in front may have taken it
// the other way: Content-Length with Transfer-Encoding, duplicates of either or of Host, bare LF or
// CR, folded headers, blanks before the colon, signs or blanks in numbers.  The result never
// depends on how the bytes were cut into pieces.
//
// Owned by one connection; single-threaded.  Memory: at most head_bytes_max + body_bytes_max.
class RequestGate {
 public:
  enum class State : std::uint8_t { kNeedMore, kReady, kError };

  explicit RequestGate(const GateLimits& limits = {}, HeadCheck check = {});

  // Takes bytes up to the end of one request or up to an error, and returns how many.  What is left
  // belongs to the next request.  Takes nothing in states kReady and kError.
  std::size_t feed(std::string_view bytes);

  State state() const { return state_; }
  bool idle() const {
    return part_ == Part::kRequestLine && head_bytes_ == 0;
  }  // no byte of a request yet
  bool in_body() const { return part_ != Part::kRequestLine && part_ != Part::kHeader; }
  std::size_t buffered_bytes() const { return line_.capacity() + body_.capacity(); }
  std::size_t body_bytes() const { return body_.empty() ? 0 : body_.capacity(); }

  // True once for each request that waits for "100 Continue" before it sends its body.
  bool take_continue();

  // The head of the request at hand; whole from the moment the body starts until take_request().
  const RequestHead& head() const { return head_; }

  // In state kReady: the request, rewritten.  The gate then waits for the next one.
  std::string take_request();
  // The same for who needs no more than the head and the body.
  std::string take_body();

  // In state kError, which is final.  The connection has to be closed after the reply.
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class Part : std::uint8_t {
    kRequestLine,
    kHeader,
    kBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer
  };
  enum class Line : std::uint8_t { kPartial, kWhole, kBad };

  Line feed_line(std::string_view bytes, std::size_t& at);
  bool count_line_byte();
  void on_line();
  void on_request_line(std::string_view line);
  void on_header(std::string_view line);
  void on_known_header(std::string_view name, std::string_view value);
  void keep_header(std::string_view name, std::string_view value);
  void on_content_length(std::string_view value);
  void on_head_end();
  void on_chunk_size(std::string_view line);
  void take_body(std::string_view bytes, std::size_t& at);
  void reserve_body(std::size_t needed, std::size_t whole);
  bool once(unsigned flag);
  void fail(int status, std::string_view reason) { fail(Refusal{status, std::string(reason)}); }
  void fail(Refusal refusal);

  GateLimits limits_;
  HeadCheck check_;
  State state_ = State::kNeedMore;
  Part part_ = Part::kRequestLine;
  RequestHead head_;
  Refusal refusal_;
  std::string line_;  // the line being read, without its CRLF
  std::string body_;
  std::size_t head_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::size_t headers_ = 0;
  std::uint64_t body_left_ = 0;  // of the body or of the chunk
  std::uint64_t content_length_ = 0;
  unsigned seen_ = 0;  // which headers came that may come only once
  bool cr_ = false;    // the last byte was the CR of a line's end
  bool chunked_ = false;
  bool connection_close_ = false;
  bool connection_keep_ = false;
  bool continue_due_ = false;
};

}  // namespace streamflow::web
