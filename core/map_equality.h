// Maps by their keys: an order of keys, and equality for any equality of values.
#pragma once

#include <algorithm>
#include <vector>

#include "core/value.h"

namespace streamflow {

// Orders keys of maps, all of them: 1 and 1u are one.  Keys are no doubles.
struct KeyLess {
  static int group(const Value& key) {
    return is_number(key.kind()) ? static_cast<int>(Kind::kInt) : static_cast<int>(key.kind());
  }
  bool operator()(const Value& a, const Value& b) const {
    return group(a) != group(b) ? group(a) < group(b) : compare(a, b) < 0;
  }
};

// Maps read from one source mostly have one order, so the same place is tried first; from the first
// difference on the other's keys are looked up in order.  O(n log n).
template <class Equal>
bool equal_maps(const Value::Map& a, const Value::Map& b, Equal equal_values) {
  using Entry = Value::Map::value_type;
  if (a.size() != b.size()) return false;
  std::vector<const Entry*> sorted;
  for (size_t i = 0; i < a.size(); ++i) {
    const Entry* other = &b[i];
    if (!equal(a[i].first, other->first)) {
      if (sorted.empty()) {
        for (const Entry& entry : b) sorted.push_back(&entry);
        std::sort(sorted.begin(), sorted.end(),
                  [](const Entry* x, const Entry* y) { return KeyLess()(x->first, y->first); });
      }
      const auto at = std::lower_bound(
          sorted.begin(), sorted.end(), a[i].first,
          [](const Entry* entry, const Value& key) { return KeyLess()(entry->first, key); });
      if (at == sorted.end() || !equal((*at)->first, a[i].first)) return false;
      other = *at;
    }
    if (!equal_values(a[i].second, other->second)) return false;
  }
  return true;
}

}  // namespace streamflow
