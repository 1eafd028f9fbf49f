#include "connectors/retry.h"

#include <algorithm>

namespace streamflow {
namespace {

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
uint64_t draw(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Micros Retry::next() {
  const Micros half = bound_ / 2;
  const auto spread = static_cast<uint64_t>(bound_ - half) + 1;
  const Micros wait = half + static_cast<Micros>(draw(random_) % spread);
  bound_ = std::min(bound_ * 2, kMost);
  return wait;
}

}  // namespace streamflow
