// outliers: a.  Judges numbers against the values of the same key just before them.
//
//   hampel   |x - median| > k * 1.4826 * MAD of the last n values, x among them
//            (F. Hampel, "The influence curve and its role in robust estimation", 1974; here
//            causal)
//   zscore   |x - mean| > k * std (ddof 1) of the n values before x; with a std of 0 nothing is
//   decided iqr      outside [q1 - k IQR, q3 + k IQR] of the n values before x; k is 1.5 mad |x -
//   median| > k * 1.4826 * MAD of the n values before x
//
// With a MAD or IQR of 0 any other value is an outlier, without a score.  Until a window has n
// values nothing is decided.  The windows keep the raw values, outliers too.  Null and missing pass
// and are not remembered; so do values that are no numbers, which are counted.
//
// The score says how far out a value is: (x - median) / (1.4826 MAD), (x - mean) / std, for iqr how
// many IQR it is beyond the nearer quartile, 0 between them.
//
// In the order of event time.  State: n numbers, twice, a key and field.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor outliers_step();

}  // namespace streamflow
