// The entries of `derive` and `select`: fields and the expressions that make them, in written
// order, each seeing those above.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "core/node.h"
#include "core/registry.h"
#include "operators/expression_option.h"
#include "operators/row/row_state.h"

namespace streamflow {

struct FieldEntry {
  std::string name;
  std::unique_ptr<expr::Program> program;  // reads the results of `calls` as "$0", "$1"…
  std::vector<expr::RowCall> calls;        // row functions; mostly none
};

// The calls of all entries, in order.
std::vector<const expr::RowCall*> calls_of(const std::vector<FieldEntry>& entries);

// From the option; `schema` gets each entry's field in turn.  Nothing: reported.
std::optional<std::vector<FieldEntry>> read_entries(BuildContext& context, std::string_view option,
                                                    Schema& schema);

// Sets each entry's field of `batch` in turn.  A plain field is shared as it is, its text included.
// What an expression could not give, infinity and NaN are null; failed cells are reported, or their
// rows failed and taken out of the batch.  `state` is that of the entries' row functions, null
// where there are none.
void compute_entries(const std::vector<FieldEntry>& entries, OnError on_error, Batch& batch,
                     Emitter& out, RowState* state = nullptr);

}  // namespace streamflow
