// Well-formed JSON text, rewritten without building anything from it.
#pragma once

#include <string>
#include <string_view>

namespace streamflow {

// Appends `json` without the white space between its tokens.
void minify_json(std::string_view json, std::string& out);

}  // namespace streamflow
