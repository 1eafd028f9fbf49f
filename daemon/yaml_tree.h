// YAML text -> tree of SpecValues with exact places.  The only file that includes yaml-cpp.  A
// strict part of YAML 1.2: one document, texts as keys, no aliases, no tags, no merge keys, no
// duplicate keys; every scalar is its text.  Limits: kYamlBytesMax, kYamlDepthMax, kYamlValuesMax,
// kYamlScalarMax.
#pragma once

#include <cstddef>
#include <optional>

#include "core/diagnostic.h"
#include "core/spec.h"

namespace streamflow {

inline constexpr size_t kYamlBytesMax = 1 << 20;
inline constexpr size_t kYamlDepthMax = 64;
inline constexpr size_t kYamlValuesMax = 100'000;
inline constexpr size_t kYamlScalarMax = 64 << 10;

// Nothing when there was a problem (E0001 to E0099, in `diagnostics`).  `null` and `~` give kNull
// with their text; a value that is not there gives kNull with the place of its key.
std::optional<SpecValue> parse_yaml(const SourceFilePtr& file, Diagnostics& diagnostics);

}  // namespace streamflow
