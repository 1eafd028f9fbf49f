// Synthetic sensors: devices that report in turn, with a daily-like wave, noise and rare spikes.
// What message n says depends on the seed and n only.
#pragma once

#include <cstdint>
#include <string>

namespace streamflow::generate {

struct SensorOptions {
  double rate = 200;  // messages a second, of all devices
  uint32_t devices = 8;
  uint64_t seed = 1;
};

// A "day" of the wave, in seconds: short, so that a chart shows it.
inline constexpr double kDaySeconds = 240;
inline constexpr uint64_t kSpikeEvery = 400;  // messages, in the mean

// Appends message `number` as a JSON object:
//   {"device":"dev-01","site":"paris","temperature":21.37,"humidity":48.2,"vibration":1.204,
//    "battery":87.4,"seq":0}
void append_reading(const SensorOptions& options, uint64_t number, std::string& out);

}  // namespace streamflow::generate
