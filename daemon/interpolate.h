// `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `${file:/run/secrets/x}` inside the scalars of
// a parsed pipeline, keys excepted.  What they stand for is text and is never read as YAML.  `$${`
// is a literal `${`; any other `$` is itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/diagnostic.h"
#include "core/spec.h"
#include "core/status.h"

namespace streamflow {

// Where values come from.  For pipelines that came by HTTP: only STREAMFLOW_VAR_* and no files.
struct Lookup {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<Result<std::string>(const std::string& path)> file;  // empty: not allowed
};

// The process's environment, and files relative to `folder` (at most kSecretFileMax bytes; one line
// break at the end is not part of the value).
inline constexpr size_t kSecretFileMax = 64 << 10;
Lookup environment(std::string folder);

// In place; unset variables (E0120), malformed references (E0121) and unreadable files (E0122) are
// reported.  Marks what holds a looked-up text as secret and keeps its places.
void interpolate(SpecValue& value, const Lookup& lookup, Diagnostics& diagnostics);

}  // namespace streamflow
