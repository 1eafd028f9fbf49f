// deadband: a.  Lets a record pass when the field has moved by more than `width`, or by more than
// `percent` of it, from its value in the key's last record that passed; all else is filtered.  Of
// several fields one is enough.  Null to a value and back are moves; values that are no numbers
// move when they differ.  `every` lets one pass after that much event time in any case.  In the
// order of event time.  State: one value a key and field.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor deadband_step();

}  // namespace streamflow
