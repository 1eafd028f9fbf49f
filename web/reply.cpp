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
    case 403:
      return "Forbidden";
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

}  // namespace

std::string closing_error_reply(int status, std::string_view reason, bool with_body) {
  std::string body = "{\"error\":";
  append_json_string(body, reason);
  body += "}\n";
  std::string out = head(status, "application/json");
  if (status == 503) out += "Retry-After: 5\r\n";
  out += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (with_body) out += body;
  return out;
}

// X-Accel-Buffering keeps nginx from collecting events instead of passing them on.
std::string event_stream_head(bool chunked) {
  std::string out = head(200, "text/event-stream") + "X-Accel-Buffering: no\r\n";
  out += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

}  // namespace streamflow::web
