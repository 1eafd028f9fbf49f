// What went wrong lately in a pipeline, for people: the newest of each kind, with their count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/time.h"

namespace streamflow {

// A failed record or cell, the newest of its kind with their count.  Reasons of one step that differ only
// in numbers and in what they quote are one kind.
struct ErrorSample {
  Micros at = 0;
  std::string step, reason, sample;
  uint64_t count = 0;
  std::string kind = {};
};

class ErrorSamples {
 public:
  static constexpr size_t kKept = 20;  // kinds; the oldest makes room
  void add(Micros now, const std::string& step, std::string_view reason, std::string_view sample);
  const std::vector<ErrorSample>& all() const { return samples_; }

 private:
  std::vector<ErrorSample> samples_;
};

inline constexpr size_t kSampleBytes = 400;

// One record as JSON.
std::string record_text(const Batch& batch, uint32_t row);

// A record of NAME.errors: `error`, `step`, `original` (the record as JSON).
Batch error_record(const std::string& step, std::string_view reason, std::string_view original);
// The same for one record of a batch, with its arrival.
Batch error_record(const std::string& step, std::string_view reason, const Batch& batch, uint32_t row,
                   std::string_view original);

}  // namespace streamflow
