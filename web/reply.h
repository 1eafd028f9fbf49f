// The replies that are written without the HTTP library, and the headers that every reply carries.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/ingest.h"
#include "web/request_gate.h"

namespace streamflow::web {

// The dashboard loads nothing from elsewhere and has no inline script or style, and no page may
// frame it.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kSecurityHeaders = {{
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src "
     "'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
}};

// A whole reply with {"error": reason}, after which the connection closes.  Without its body for
// HEAD.
std::string closing_error_reply(const Refusal& refusal, bool with_body);

// {"accepted": records}, or {"error": reason}.
std::string ingest_reply(const IngestReply& reply, bool keep_alive);

// The head of an event stream, chunked or (for HTTP/1.0) ended by the end of the connection.
std::string event_stream_head(bool chunked);

}  // namespace streamflow::web
