// smooth: a.  Replaces numbers by smoothed ones, each made from the values of the same key up to
// it: no record waits.
//
//   ewm      y0 = x0;  y = a x + (1 - a) y'   (`alpha: 0.3`); pandas ewm(adjust=False)
//            with `half_life: 10s` weights are 2^(-age / half_life) instead:
//              w0 = 1;  w = w' 2^(-dt / half_life) + 1;  y = y' + (x - y') / w
//            pandas ewm(halflife="10s", times=t)
//   mean     of the last n values (`n: 5`), fewer at the start; pandas rolling(n, min_periods=1)
//   median   of the last n values, fewer at the start
//   savgol   the value at x of the polynomial of `degree: 2` that fits the last n values best,
//   counted
//            as evenly spaced (A. Savitzky, M. Golay, 1964); fewer values and a lower degree at the
//            start.  Causal: SciPy's savgol_coeffs(n, degree, pos=n-1)
//   kalman   a level that wanders, seen through noise (R. Kalman, 1960, in one dimension):
//              y0 = x0,  P0 = r
//              P' = P + q dt         dt: seconds since the last value, at least 0
//              K = P' / (P' + r),  y = y' + K (x - y'),  P = (1 - K) P'
//            q is `process_noise`, variance a second; r `measurement_noise`, variance of a value
//
// Null gives null and leaves the state; a value that is no number gives null and is counted.  In
// the order of event time.  State: one or n numbers a key and field.
#pragma once

#include "core/registry.h"

namespace streamflow {

StepDescriptor smooth_step();

}  // namespace streamflow
