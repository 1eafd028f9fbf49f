// Shorthand for tests of expressions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "core/expr/program.h"
#include "core/schema.h"

namespace streamflow::expr::test {

// A batch of one row with the members of a JSON object as columns.
Batch record_batch(std::string_view json);

// The value as CEL text, or `error: …`, or `E0301@4-9 message [label]` for the first problem.  With
// a record names are its fields (of an open schema); without one there are none.
std::string eval(std::string_view text);
std::string eval(std::string_view text, std::string_view record);

// The problems, one a line, as above; warnings start with `warning `.
std::string problems(std::string_view text, const Scope& scope);
std::string problems(std::string_view text);  // over an open record
// The same without message and label: `E0301@4-9`.
std::string place(std::string_view text);
std::string place(std::string_view text, const Schema& schema);

Type type_of(std::string_view text, const Schema& schema);

}  // namespace streamflow::expr::test
