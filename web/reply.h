// The replies that are written without the HTTP library, and the headers that every reply carries.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

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
std::string closing_error_reply(int status, std::string_view reason, bool with_body);

// The head of an event stream, chunked or (for HTTP/1.0) ended by the end of the connection.
std::string event_stream_head(bool chunked);

}  // namespace streamflow::web
