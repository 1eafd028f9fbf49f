// Notices names that a pipeline looks at and that no record of its source has: what a misspelt
// field of a stream without a declared schema looks like.  Part of the inlet.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/batch.h"

namespace streamflow {

class FieldWatch {
 public:
  static constexpr size_t kRecords = 100;     // that are looked at
  static constexpr size_t kNamesMax = 1'000;  // different names that are remembered

  // Before the first record.
  void watch(std::set<std::string> names) { wanted_ = std::move(names); }
  bool done() const { return wanted_.empty(); }

  // Records as they were decoded.  Messages, once kRecords have been seen: "'temprature' was never
  // seen in 100 records; 'temperature' is in every record".
  std::vector<std::string> look(const Batch& batch);
  // No more records will come: the messages, if there was any.
  std::vector<std::string> end();

 private:
  void count(const Batch& batch, uint32_t row);
  void count(std::string name);
  std::string message(const std::string& name) const;

  std::set<std::string> wanted_;
  std::map<std::string, size_t> records_of_;  // by name
  size_t records_ = 0;
};

}  // namespace streamflow
