// What a body is, by its Content-Type.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace streamflow::http {

enum class BodyKind : unsigned char {
  kDocument,  // one JSON value, or an array of records
  kLines,     // NDJSON
};

// No Content-Type: a document.  Nothing, with the reason: not JSON, or not UTF-8.
std::optional<BodyKind> body_kind(std::string_view content_type, std::string& problem);

}  // namespace streamflow::http
