// median(x) and quantile(x, q), exact: all values are kept, 8 bytes each and 32 a group, at most
// AggregateCallSpec::values_max.  Type 7 (linear between neighbours: R. J. Hyndman, Y. Fan, "Sample
// quantiles in statistical packages", 1996), as numpy and pandas have it; a median of an even
// number is the mean of the middle two.
#pragma once

#include <memory>
#include <span>

#include "operators/aggregate/aggregate.h"

namespace streamflow {

std::unique_ptr<Aggregate> make_median(const AggregateCallSpec& spec);
std::unique_ptr<Aggregate> make_quantile(const AggregateCallSpec& spec);

// Where the q-quantile of n > 0 values lies: between the `low`-th (from 0) and the next.
struct QuantilePlace {
  size_t low = 0;
  double fraction = 0;
};
QuantilePlace quantile_place(size_t n, double q);
// Of values a <= b that are neighbours.
double between(double a, double b, double fraction);
// q of the constants; of median 0.5.
double quantile_of(const AggregateCallSpec& spec);
// Moves the values about.
double quantile(std::span<double> values, double q);

}  // namespace streamflow
