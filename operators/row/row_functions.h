// Functions of a record and those before it of the same key: lag, previous, diff, derivative,
// cumsum, ewm, changed.  A null or missing argument gives null and leaves what is remembered; one
// that failed gives its error.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/column.h"
#include "core/expr/program.h"
#include "core/time.h"
#include "core/state_bytes.h"

namespace streamflow {

class RowFunction {
 public:
  virtual ~RowFunction() = default;

  struct Input {
    const Column& argument;          // decoded
    std::span<const uint32_t> rows;  // in the order in which they count
    const uint32_t* keys;            // by row; below the number given to resize
    const Micros* time;              // by row
  };
  virtual void resize(size_t keys) = 0;  // further keys start with nothing
  virtual void run(const Input& input, Column& out) = 0;

  virtual void forget(uint32_t key) = 0;
  virtual void save(uint32_t key, std::string& out) const = 0;
  virtual void load(uint32_t key, StateReader& in) = 0;
};

std::unique_ptr<RowFunction> make_row_function(const expr::RowCall& call);

}  // namespace streamflow
