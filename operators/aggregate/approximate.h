// approx_quantile(x, q): values counted in buckets whose bounds grow by a constant ratio (C.
// Masson, J. E. Rim, H. K. Lee, "DDSketch", 2019); when they would take more than kSketchBucketsMax
// buckets a sign, neighbours are joined in pairs and the ratio is squared (I. Epicoco et al.,
// "UDDSketch", 2020).  So whatever order or panes the values came in, the result is the same.  Its
// relative error is at most 0.1 % while the greatest and least magnitude are within a factor of 60,
// at most 1 % within 10^17; the extremes are exact.  8 bytes for each bucket between the extremes,
// at most 32 KiB a group.
//
// approx_count_distinct(x): exact up to kExactHashesMax different values, then HyperLogLog with
// 2^14 registers (P. Flajolet et al., 2007) and the estimator of O. Ertl ("New cardinality
// estimation algorithms for HyperLogLog sketches", 2017): standard error 0.81 %.  At most 16 KiB a
// group.
#pragma once

#include <memory>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

inline constexpr size_t kSketchBucketsMax = 2048;
inline constexpr size_t kExactHashesMax = 1024;

std::unique_ptr<Aggregate> make_approx_quantile(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_approx_count_distinct(const AggregateCallSpec& spec);

}  // namespace streamflow
