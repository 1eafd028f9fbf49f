// One aggregate over the latest records of each key: records come at one end and leave at the
// other. Which way is taken for which aggregate:
//
//   min max                 a queue of the values that can still become the least (D. Lemire,
//                           "Streaming maximum-minimum filter", 2006): O(1) a record, 40 bytes each
//   median quantile         a tree that counts: O(log n) a record, 80 bytes each
//   count_distinct mode     counts of values, which can be taken away again
//   list approx_*           computed anew from the window's records: O(n) a record
//   all others              two stacks (S. Tangwongsan et al., "Sliding-window aggregation
//                           algorithms", 2021): O(1) a record on average, the accumulator's bytes
//                           for each.  Nothing is ever subtracted, so results are those of a fresh
//                           computation, whatever was in the window before.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "operators/aggregate/calls.h"

namespace streamflow {

class Trail {
 public:
  virtual ~Trail() = default;

  // Keeps the values of these rows at hand for push().
  virtual void read(CallInputs& inputs, const Batch& batch, std::span<const uint32_t> rows,
                    Emitter& out) = 0;
  // The i-th of them joins the window of a key.
  virtual void push(uint32_t key, size_t i) = 0;
  virtual void pop(uint32_t key) = 0;  // its oldest leaves
  virtual void write(uint32_t key, Column& out, uint32_t row) = 0;
  virtual void forget(uint32_t key) = 0;

  virtual void save(uint32_t key, std::string& out) const = 0;
  virtual void load(uint32_t key, StateReader& in) = 0;
};

// Of call number `call` of a step; `forever`: records never leave.
std::unique_ptr<Trail> make_trail(const CallPlan& plan, size_t call, bool forever);
// The number of values of the same call.
std::unique_ptr<Trail> make_count_trail(const CallPlan& plan, size_t call, bool forever);

}  // namespace streamflow
