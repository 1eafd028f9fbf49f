// What a window computes, made by its builder and fixed from then on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "operators/aggregate/aggregate.h"
#include "operators/key_columns.h"
#include "operators/window/grid.h"

namespace streamflow {

struct WindowCall {
  const AggregateKind* kind = nullptr;
  AggregateCallSpec spec;
  std::unique_ptr<expr::Program> value;  // null: count()
  std::unique_ptr<expr::Program> where;  // may be null

  std::unique_ptr<Aggregate> make() const { return kind->make(spec); }
};

// A field of the result: calls[first_call, first_call + calls) and an expression over them.
struct WindowEntry {
  std::string name;
  Type type = Type::kDyn;
  size_t first_call = 0;
  size_t calls = 0;
  std::unique_ptr<expr::Program> outer;  // null: the call's result
};

enum class EmptyWindows : unsigned char { kSkip, kZero, kNull, kPrevious };

struct WindowPlan {
  WindowGrid grid;
  std::unique_ptr<KeyColumns> keys;
  std::vector<WindowCall> calls;
  std::vector<WindowEntry> entries;
  EmptyWindows empty = EmptyWindows::kSkip;
  uint64_t empty_max = 10'000;
  size_t keys_max = 1'000'000;

  // What state must have been saved by to be loaded here.
  std::string signature() const;
};

}  // namespace streamflow
