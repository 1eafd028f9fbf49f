// explode: field.  One record for each element of a list, in its order, with the record's time; the
// element stands in the field's place.  `index: name` adds its number, from 0.  With `into: fields`
// the entries of an element that is a map become fields, instead of the field; so do those of a
// field that is a map itself.
//
// An empty list, null and missing send nothing; a value that is no list is one element.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor explode_step();

}  // namespace streamflow
