// parse: field.  Reads a text field by a format.
//
// json and number: the value stands in the field's place.  csv, regex and kv: its parts become
// fields behind the others, and the text stays.  `into: fields | value` says otherwise; `as: name`
// gives the value a field of its own.
//
// A text that is not of the format makes what it would have given null (the value, or the fields
// where they are known), and is counted; null and missing do the same without being counted.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor parse_step();

}  // namespace streamflow
