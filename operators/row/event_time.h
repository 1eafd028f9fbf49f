// time: FIELD.  Gives records the event time of a field; steps below work by it.  A record without
// a usable time fails.
//
// Their watermark is made anew: the highest time of earlier records at this step minus `lateness`.
// It moves with records only: while none come, neither an idle source nor the clock moves it.  The
// end of input closes everything.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor time_step();

}  // namespace streamflow
