// What a window computes, made by its builder and fixed from then on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "operators/aggregate/calls.h"
#include "operators/key_columns.h"
#include "operators/window/grid.h"

namespace streamflow {

enum class EmptyWindows : unsigned char { kSkip, kZero, kNull, kPrevious };
enum class LateRecords : unsigned char { kSide, kDrop, kRevise };

struct WindowPlan {
  WindowGrid grid;  // of windows of time

  Micros gap = 0;  // of sessions

  uint64_t count = 0, step = 0;  // of windows of a number of records

  std::unique_ptr<expr::Program> when;   // of windows of a state: opens, and holds without `until`
  std::unique_ptr<expr::Program> until;  // the record that closes; may be null
  std::string conditions;                // the two as written

  std::unique_ptr<KeyColumns> keys;
  std::vector<CallPlan> calls;
  std::vector<EntryPlan> entries;
  EmptyWindows empty = EmptyWindows::kSkip;
  uint64_t empty_max = 10'000;
  LateRecords late = LateRecords::kSide;
  Micros keep = 0;   // how long closed windows can be revised
  Micros early = 0;  // how often unfinished results are sent; 0: never
  size_t keys_max = 1'000'000;

  // What state must have been saved by to be loaded here.
  std::string signature() const;
};

}  // namespace streamflow
