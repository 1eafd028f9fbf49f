// Expressions in options: compiled, their problems reported at the characters they stand at, and
// what they look at noted for the plan.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/expr/program.h"
#include "core/registry.h"

namespace streamflow {

// Problems of an expression go to the diagnostics.  `shift` bytes of the compiled text come before
// the option's own text.
void report_problems(BuildContext& context, const SpecValue& value,
                     const std::vector<expr::Problem>& problems, size_t shift = 0);

// The scalar of an option as a program over records of `schema`; fields and meta fields that it
// looks at are added to the context's, but for fields in `made` (made by the step itself).  Null:
// reported.
std::unique_ptr<expr::Program> compile_option(BuildContext& context, const SpecValue& value,
                                              const Schema& schema,
                                              const std::set<std::string>* made = nullptr);

// The same for a condition: a result that is neither true nor false is a problem, one that never
// changes a warning.
std::unique_ptr<expr::Program> compile_condition_option(BuildContext& context,
                                                        const SpecValue& value,
                                                        const Schema& schema);

// As compile_option, or compile_condition_option, where row functions (lag, diff…) may stand.
std::unique_ptr<expr::RowProgram> compile_row_option(BuildContext& context, const SpecValue& value,
                                                     const Schema& schema, bool condition,
                                                     const std::set<std::string>* made = nullptr);

// An aggregate expression over the input; `outside` are the names that may stand outside
// aggregates. With `function`, the option is that function's argument: `mean: temperature`.  Null:
// reported.
std::unique_ptr<expr::AggregateProgram> compile_aggregate_option(BuildContext& context,
                                                                 const SpecValue& value,
                                                                 const Schema& outside,
                                                                 std::string_view function = {});

// Reports a name that no record of the step's input can have (its schema is closed).
void report_unknown_field(BuildContext& context, const SpecValue& name);

// `temperature`, `s.t`: names joined by dots.
bool is_path(std::string_view text);
// The name of a field made from a path: its parts joined by `_`, `meta.` left out.
std::string path_name(std::string_view path);

// The cells of a program for the rows of a batch from position `begin` on, readable.  A plain field
// is the batch's own column.  Never null.
ColumnPtr column_of(const expr::Program& program, const Batch& batch, size_t begin);

// What a step does with a record whose expression fails.
enum class OnError : unsigned char { kFailRecord, kNull };
OptionDescriptor on_error_option(OnError fallback);
OnError on_error(const Params& params);

}  // namespace streamflow
