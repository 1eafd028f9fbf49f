// Base64 (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace streamflow {

void append_base64(std::string_view bytes, std::string& out);  // with padding
// With or without padding; nothing when it is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace streamflow
