// Words that users type and this version does not take: verbs of other tools, and what the design
// has but a later version brings.  Each gets an answer of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/registry.h"
#include "core/spec.h"

namespace streamflow {

// Of the design, but not in this version.  A word that is in the registry is never planned.
bool is_planned_verb(std::string_view word);
bool is_planned_source(std::string_view kind_or_scheme);
bool is_planned_sink(std::string_view kind_or_scheme);

// A verb, source or sink that the registry does not have: E0101, E0115, E0127, or E0110 for what is
// planned.  Reported twice at one place it shows once.  `source` is a connector key, a URL or a
// scheme; `sink` a URL, or the verb where its argument is no scalar.
void report_unknown_verb(const SpecValue& verb, const Registry& registry, Diagnostics& diagnostics);
void report_unknown_source(const SpecValue& source, const Registry& registry,
                           Diagnostics& diagnostics);
void report_unknown_sink(const SpecValue& sink, const Registry& registry, Diagnostics& diagnostics);

}  // namespace streamflow
