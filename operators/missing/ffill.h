// ffill: [a].  Puts a field's last value, of the same key, where it is null or missing.  `within`
// bounds how old that value may be, both ends included; `limit` how many records in a row are
// filled. In the order of event time.  State: one value a key and field.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor ffill_step();

// For the option that names the fields.
std::unique_ptr<Operator> build_ffill(BuildContext& context, std::string_view option);
OptionDescriptor within_option();
OptionDescriptor fill_limit_option();

}  // namespace streamflow
