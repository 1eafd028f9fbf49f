// Equality of maps, for any equality of their values.
#pragma once

#include <algorithm>
#include <vector>

#include "core/value.h"

namespace streamflow {

// Maps read from one source mostly have one order, so the same place is tried first; from the first
// difference on the other's keys are looked up in order.  O(n log n).  Keys are no doubles.
template <class Equal>
bool equal_maps(const Value::Map& a, const Value::Map& b, Equal equal_values) {
  using Entry = Value::Map::value_type;
  const auto group = [](const Value& key) { return is_number(key.kind()) ? Kind::kInt : key.kind(); };
  const auto less = [&group](const Value& x, const Value& y) {
    return group(x) != group(y) ? group(x) < group(y) : compare(x, y) < 0;
  };
  if (a.size() != b.size()) return false;
  std::vector<const Entry*> sorted;
  for (size_t i = 0; i < a.size(); ++i) {
    const Entry* other = &b[i];
    if (!equal(a[i].first, other->first)) {
      if (sorted.empty()) {
        for (const Entry& entry : b) sorted.push_back(&entry);
        std::sort(sorted.begin(), sorted.end(),
                  [&less](const Entry* x, const Entry* y) { return less(x->first, y->first); });
      }
      const auto at = std::lower_bound(
          sorted.begin(), sorted.end(), a[i].first,
          [&less](const Entry* entry, const Value& key) { return less(entry->first, key); });
      if (at == sorted.end() || !equal((*at)->first, a[i].first)) return false;
      other = *at;
    }
    if (!equal_values(a[i].second, other->second)) return false;
  }
  return true;
}

}  // namespace streamflow
