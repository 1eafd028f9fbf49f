// What the running daemon says of itself: the document of /api/v1/pipelines and the text of /metrics.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline.h"

namespace streamflow {

struct ReloadStatus {
  bool ok = true;
  Micros at = 0;
  Micros loaded_at = 0;  // when the running version was
  std::string error;
};

// Turns counters into rates between two looks, about a second apart.
class Rates {
 public:
  double rate(const std::string& name, uint64_t count, Micros now);

 private:
  struct Seen {
    uint64_t count = 0;
    Micros at = 0;
    double rate = 0;
  };
  std::map<std::string, Seen> seen_;
};

std::string pipeline_state(const Pipeline& pipeline, std::string& reason);
std::string status_document(const std::vector<std::unique_ptr<Pipeline>>& pipelines, Micros started,
                            Micros now, const ReloadStatus& reload, Rates& rates);
std::string metrics_text(const std::vector<std::unique_ptr<Pipeline>>& pipelines);
std::string ledger_json(const Ledger& ledger);

}  // namespace streamflow
