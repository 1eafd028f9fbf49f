// Files of a state folder that are written whole: a magic of eight bytes that names kind and version, a
// checksum of the rest (8 bytes, little-endian: XXH3-64), and the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"

namespace streamflow {

inline constexpr size_t kSealBytes = 16;
std::string seal(std::string_view magic, std::string_view content);
// The same without a copy: `file` begins with kSealBytes that are written now.
void seal_in_place(std::string_view magic, std::string& file);
// The content, inside `file`.  An error: `path` is no `what` ("checkpoint") of this version, or is damaged.
Result<std::string_view> unseal(std::string_view file, std::string_view magic, std::string_view what,
                                const std::string& path);

// FOLDER/NNNNNNNNNNNNNNNNNNNN.SUFFIX: names in the order of numbers.
std::string numbered_path(const std::string& folder, uint64_t number, std::string_view suffix);

// Any text as sixteen digits that may stand in a file's name.
std::string hash_text(std::string_view text);

}  // namespace streamflow
