#include "daemon/demo.h"

namespace streamflow {
namespace {

constexpr std::string_view kSensors = R"(# Synthetic sensors, seeded: the same every time but for the clock.
name: sensors
streams:
  means:
    from: readings
    steps:
      - filter: temperature > 15
      - window: 2s
        by: device
        mean: temperature
        max: vibration
      - chart: line
        y: temperature_mean
        title: Air temperature
        unit: °C
      - chart: line
        y: vibration_max
        title: Peak vibration
        unit: mm/s
  readings:
    from:
      generate: sensors
      rate: 240
      devices: 6
      seed: 7
    steps:
      - chart: histogram
        x: humidity
        title: Relative humidity
        unit: "%"
      - chart: scatter
        x: temperature
        y: vibration
        by: []
        title: Vibration by temperature
        unit: mm/s
)";

}  // namespace

const std::vector<Demo>& demos() {
  static const std::vector<Demo> all = {
      {"sensors", "temperature, humidity and vibration of six synthetic devices", kSensors},
  };
  return all;
}

const Demo* find_demo(std::string_view name) {
  for (const Demo& demo : demos())
    if (name.empty() || demo.name == name) return &demo;
  return nullptr;
}

}  // namespace streamflow
