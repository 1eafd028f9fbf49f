// Expressions: text -> tokens -> tree -> checked tree -> program over columns.  The language is CEL
// (github.com/google/cel-spec, doc/langdef.md) with StreamFlow's additions (docs/expressions.md).
//   lex.h  parse.h  ast.h  check.h  functions.h (the one table of functions)  eval.h  columns.h
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "core/schema.h"
#include "core/value.h"

namespace streamflow::expr {

// A mistake in an expression, at bytes [begin, end) of its text.
struct Problem {
  bool warning = false;
  std::string code;  // "E03xx"
  size_t begin = 0, end = 0;
  std::string message;
  std::string label;  // "did you mean 'temperature'?"
};

// The names an expression may use.
struct Scope {
  // Record fields: a top-level name is a field.  Null: `eval` without a record.
  const Schema* schema = nullptr;
  // `--bind`: pure CEL types, shadow fields.
  std::vector<std::pair<std::string, Value>> bindings;
  // Whether calls of aggregates are allowed at the top (window select), and the names that may
  // stand outside them (keys, window_start, earlier entries).
  bool aggregates = false;
  const Schema* outside = nullptr;
  // The result must be true or false (filter, where, alert): another type is a problem, a constant
  // a warning.
  bool condition = false;
  // Names "$0" to "$(results-1)" are results of row functions (compile_row): no part of `record`.
  size_t results = 0;
  // Parts without names are evaluated once, at load; parts that are written twice once a row.  Tests
  // turn this off to compare.
  bool optimise = true;
  // Leaves what the types say to the run (`eval` of what other CEL implementations would not
  // check): unknown names and functions, wrong operands… become errors of the rows that reach them.
  bool unchecked = false;
};

struct RowError {
  uint32_t row;
  std::string message;
};

class Program {
 public:
  virtual ~Program() = default;
  virtual Type type() const = 0;
  virtual const std::set<std::string>& fields() const = 0;  // top-level fields that it looks at
  virtual const std::set<std::string>& meta() const = 0;    // meta fields
  virtual bool whole_record() const = 0;                    // uses `record` by computed names

  // Values for the selected rows from position `begin` on; other cells are unset.  A failed cell is
  // kError with the reason as its text.
  virtual ColumnPtr evaluate(const Batch& batch, size_t begin = 0) const = 0;
  // Rows for which it is true go to `passed`, in order; rows for which it fails, or is neither true
  // nor false, to `errors`.
  virtual void filter(const Batch& batch, size_t begin, Selection& passed,
                      std::vector<RowError>& errors) const = 0;
  // The same for one row, by the scalar evaluator: what tests compare with, and `eval` uses.
  virtual Value evaluate_row(const Batch& batch, uint32_t row) const = 0;
  // If the program is just a field (`temperature`, `record['x']`): its name, else empty.
  virtual std::string_view plain_field() const = 0;
};

// Null when there are problems that are no warnings.
std::unique_ptr<Program> compile(std::string_view text, const Scope& scope,
                                 std::vector<Problem>& problems);

// An entry of a window's `select`: aggregates of expressions over the input, and an outer
// expression over their results.  `outer` reads the aggregate results as fields named "$0", "$1"…,
// and keys, window_start, window_end and earlier entries by their names.
struct AggregateCall {
  std::string function;                             // "mean"
  std::vector<std::unique_ptr<Program>> arguments;  // over the input record; none for count()
  std::vector<Value> constants;                     // trailing literal arguments (ddof, q, k)
  std::unique_ptr<Program> where;                   // may be null
};
struct AggregateProgram {
  std::vector<AggregateCall> calls;
  std::unique_ptr<Program> outer;  // null: the entry is exactly calls[0]
};
std::unique_ptr<AggregateProgram> compile_aggregate(std::string_view text, const Scope& scope,
                                                    std::vector<Problem>& problems);

// An expression of `derive`, `select` or `filter` that may look at earlier records of its key. Each
// call's argument is evaluated for every record, whatever stands around the call (`a ? lag(x) : 0`
// too), in the order of `calls`: an argument may read the results of calls before it as fields
// "$0",
// "$1"….  `outer` reads the record and all results; it is never null.
//   lag, previous   the argument's value of an earlier record (lag: constants[0], 1 to kLagMax)
//   diff            number - number, timestamp - timestamp = duration, duration - duration
//   derivative      diff per second of event time, as a double
//   cumsum  ewm     numbers (ewm: constants[0] is `a`, above 0 and at most 1)
//   changed         whether the argument differs from the record's before; true at the first
// Null and missing arguments give null and leave the state (docs/expressions.md).
inline constexpr int64_t kLagMax = 100'000;
struct RowCall {
  std::string function;                             // "lag"
  std::vector<std::unique_ptr<Program>> arguments;  // exactly one
  std::vector<Value> constants;                     // complete: lag's n is there if it was left out
};
struct RowProgram {
  std::vector<RowCall> calls;  // none: `outer` is the whole
  std::unique_ptr<Program> outer;
};
// Like compile(), but row functions are allowed; scope.schema must be set.
std::unique_ptr<RowProgram> compile_row(std::string_view text, const Scope& scope,
                                        std::vector<Problem>& problems);

// A value as CEL text that evaluates to it: `'a'`, `5u`, `timestamp('…')`, `[1, 2.0]`.  Null and
// missing are `null`, errors `error: …`.
std::string literal(const Value& value);

// The table of functions, for `streamflowd list function` and the reference page.
struct FunctionInfo {
  std::string name;
  std::string signature;  // "string.startsWith(string) -> bool"
  std::string help;
  std::string example;  // "'abc'.startsWith('a')"
  std::string result;   // "true"
  bool aggregate = false;
  bool row = false;  // keeps state between records
};
const std::vector<FunctionInfo>& functions();

}  // namespace streamflow::expr
