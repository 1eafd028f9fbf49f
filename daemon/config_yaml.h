// A pipeline file -> PipelineSpec, with the exact place of everything for later messages.  Nothing
// is opened but the file itself and what `${file:…}` names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "core/diagnostic.h"
#include "core/registry.h"
#include "core/spec.h"
#include "daemon/interpolate.h"

namespace streamflow {

// Nothing when the text is no YAML (E00xx) or no pipeline at all.  After other problems, which are
// in `diagnostics` as errors, there is still a spec, so that planning it can report more at once.
// `registry` tells verbs and connectors from their options.  Relative paths start at `folder`.
std::optional<PipelineSpec> load(const SourceFilePtr& file, const std::string& folder,
                                 const Registry& registry, const Lookup& lookup,
                                 Diagnostics& diagnostics);

// A file, or every *.yaml and *.yml in a folder in the order of their names.
std::vector<std::filesystem::path> config_files(const std::string& path, std::error_code& error);

// The pipelines of these files.  Two of one name are an error (E0119).  Reads the process's environment.
std::vector<PipelineSpec> load_path(const std::string& path, const Registry& registry,
                                    Diagnostics& diagnostics);

// Only the YAML: `check --syntax`.
void check_syntax(const std::string& path, Diagnostics& diagnostics);

}  // namespace streamflow
