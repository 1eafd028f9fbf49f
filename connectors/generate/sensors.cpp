#include "connectors/generate/sensors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace streamflow::generate {
namespace {

constexpr const char* kSites[] = {"paris", "lyon", "lille", "nantes"};

// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), started
// anew for each message so that it does not matter which were asked for before.
class Random {
 public:
  Random(uint64_t seed, uint64_t stream)
      : state_(seed * 0x9e3779b97f4a7c15U ^ stream * 0xd1b54a32d192ed03U) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  // Nearly normal, mean 0, deviation 1: twelve uniforms would be the textbook's, four are enough
  // here.
  double noise() { return (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508; }

 private:
  uint64_t state_;
};

}  // namespace

void append_reading(const SensorOptions& options, uint64_t number, std::string& out) {
  const auto device = static_cast<uint32_t>(number % options.devices);
  Random traits(options.seed, device + 1);  // the same for all messages of a device
  const double base = 19 + 6 * traits.uniform();
  const double swing = 4 + 3 * traits.uniform();
  const double phase = traits.uniform();
  const double tremor = 0.6 + 1.2 * traits.uniform();
  const double drain = 0.002 + 0.004 * traits.uniform();

  Random random(options.seed + 0x5eed, number);
  const double seconds = static_cast<double>(number) / options.rate;
  const double wave = std::sin(2 * 3.14159265358979323846 * (seconds / kDaySeconds + phase));
  const bool spike = random.next() % kSpikeEvery == 0;
  const double temperature = base + swing * wave + 0.3 * random.noise() + (spike ? 9 : 0);
  const double humidity = 55 - 12 * wave + 1.5 * random.noise();
  const double vibration = tremor * (1 + 0.15 * random.noise()) + (spike ? 4 * tremor : 0);
  const double battery = 100 - std::fmod(seconds * drain + 40 * phase, 90);

  char text[256];
  const int size = std::snprintf(
      text, sizeof text,
      "{\"device\":\"dev-%02u\",\"site\":\"%s\",\"temperature\":%.2f,\"humidity\":%.1f,"
      "\"vibration\":%.3f,\"battery\":%.1f,\"seq\":%llu}",
      device + 1, kSites[device % 4], temperature, std::clamp(humidity, 0.0, 100.0),
      std::max(vibration, 0.0), battery, static_cast<unsigned long long>(number));
  out.append(text, static_cast<size_t>(size));
}

}  // namespace streamflow::generate
