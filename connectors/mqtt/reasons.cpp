#include "connectors/mqtt/reasons.h"

#include <mosquitto.h>
#include <netdb.h>

#include <cerrno>
#include <cstring>

namespace streamflow::mqtt {
namespace {

constexpr const char* kNotAuthorised = "not authorised: check username and password";

}  // namespace

bool is_version_refusal(int code) { return code == 1 || code == 0x84; }

std::string connect_refusal(int code) {
  switch (code) {
    case 1:
    case 0x84:
      return "the broker does not speak this version of MQTT";
    case 2:
    case 0x85:
      return "the broker refuses our client id";
    case 3:
    case 0x88:
      return "the broker is unavailable";
    case 4:
    case 5:
    case 0x86:
    case 0x87:
    case 0x8c:
      return kNotAuthorised;
    default:
      return "the broker refused the connection: " + reason_words(code);
  }
}

std::string reason_words(int code) {
  switch (code) {
    case 0x80:
      return "refused without a reason";
    case 0x81:
      return "malformed packet";
    case 0x82:
      return "protocol error";
    case 0x83:
      return "refused by the broker's implementation";
    case 0x87:
      return "not authorised";
    case 0x89:
      return "the broker is busy";
    case 0x8a:
      return "banned";
    case 0x8b:
      return "the broker is shutting down";
    case 0x8d:
      return "keepalive timeout";
    case 0x8e:
      return "another client connected with our client id";
    case 0x8f:
      return "the broker refuses this topic filter";
    case 0x90:
      return "the broker refuses this topic";
    case 0x93:
      return "receive maximum exceeded";
    case 0x95:
      return "packet too large";
    case 0x96:
      return "message rate too high";
    case 0x97:
      return "quota exceeded";
    case 0x98:
      return "ended by the broker's administrator";
    case 0x99:
      return "payload format invalid";
    case 0x9a:
      return "retained messages not supported";
    case 0x9b:
      return "QoS not supported";
    case 0x9c:
    case 0x9d:
      return "use another broker";
    case 0x9e:
      return "shared subscriptions not supported";
    case 0x9f:
      return "connection rate exceeded";
    case 0xa1:
      return "subscription identifiers not supported";
    case 0xa2:
      return "wildcards not supported";
    default:
      return "reason " + std::to_string(code);
  }
}

std::string connect_error_words(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "connection refused";
    case ETIMEDOUT:
      return "no answer";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "no route to the host";
    case ECONNRESET:
    case EPIPE:
      return "the broker closed the connection";
    default:
      return std::strerror(error);
  }
}

std::string failure_words(int code, int error, const std::string& host) {
  if (code >= 0x80) return "the broker ended the connection: " + reason_words(code);
  switch (code) {
    case MOSQ_ERR_SUCCESS:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
      return "the broker closed the connection";
    case MOSQ_ERR_KEEPALIVE:
      return "no answer";
    case MOSQ_ERR_EAI:
      return "cannot resolve '" + host + "': " + gai_strerror(error);
    case MOSQ_ERR_ERRNO:
      return connect_error_words(error);
    case MOSQ_ERR_TLS:
      return "TLS failed";
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_MALFORMED_PACKET:
      return "the broker broke the protocol";
    default:
      return mosquitto_strerror(code);
  }
}

std::string tls_words(const std::string& log_line) {
  std::string text = log_line;
  if (const size_t begin = text.find("error:"); begin != std::string::npos) {
    const size_t colon = text.rfind(':');
    text = text.substr(colon + 1);
  } else if (text.rfind("Error: ", 0) == 0) {
    text = text.substr(7);
  }
  while (!text.empty() && (text.back() == '.' || text.back() == '\n')) text.pop_back();
  if (text == "unexpected eof while reading") return "the broker closed the connection";
  return "TLS: " + text;
}

}  // namespace streamflow::mqtt
