#include "web/reply.h"

#include "web/json_text.h"

namespace streamflow::web {
namespace {

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

std::string head(int status, std::string_view content_type) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(status_text(status)).append("\r\nContent-Type: ").append(content_type).append("\r\n");
  for (const auto& [name, value] : kSecurityHeaders)
    out.append(name).append(": ").append(value).append("\r\n");
  return out.append("Cache-Control: no-store\r\n");
}

std::string error_body(std::string_view reason) {
  std::string body = "{\"error\":";
  append_json_string(body, reason);
  return body += "}\n";
}

// What some statuses say besides.  405 comes from here only where records are taken.
void append_advice(int status, unsigned retry_after_s, std::string& out) {
  if (retry_after_s != 0) out += "Retry-After: " + std::to_string(retry_after_s) + "\r\n";
  if (status == 401) out += "WWW-Authenticate: Bearer\r\n";
  if (status == 405) out += "Allow: POST\r\n";
}

}  // namespace

std::string closing_error_reply(const Refusal& refusal, bool with_body) {
  const int status = refusal.status;
  const std::string body = error_body(refusal.reason);
  std::string out = head(status, "application/json");
  const unsigned retry = refusal.retry_after_s == 0 && status == 503 ? 5 : refusal.retry_after_s;
  append_advice(status, retry, out);
  out += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (with_body) out += body;
  return out;
}

std::string ingest_reply(const IngestReply& reply, bool keep_alive) {
  std::string body;
  if (reply.status == 200 && !reply.body.empty()) {
    body = reply.body;
  } else if (reply.status == 200) {
    body = "{\"accepted\":" + std::to_string(reply.records);
    body += reply.repeated ? ",\"repeated\":true}\n" : "}\n";
  } else {
    body = error_body(reply.error);
  }
  std::string out = head(reply.status, "application/json");
  append_advice(reply.status, reply.retry_after_s, out);
  out.append("Connection: ").append(keep_alive ? "keep-alive" : "close").append("\r\n");
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out += body;
}

// X-Accel-Buffering keeps nginx from collecting events instead of passing them on.
std::string event_stream_head(bool chunked) {
  std::string out = head(200, "text/event-stream") + "X-Accel-Buffering: no\r\n";
  out += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

}  // namespace streamflow::web
