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

namespace streamflow {

struct FieldEntry {
  std::string name;
  std::unique_ptr<expr::Program> program;
};

// From the option; `schema` gets each entry's field in turn.  Nothing: reported.
std::optional<std::vector<FieldEntry>> read_entries(BuildContext& context, std::string_view option,
                                                    Schema& schema);

// Sets each entry's field of `batch` in turn.  A plain field is shared as it is, its text included.
// What an expression could not give, infinity and NaN are null; failed cells are reported, or their
// rows failed and taken out of the batch.
void compute_entries(const std::vector<FieldEntry>& entries, OnError on_error, Batch& batch,
                     Emitter& out);

}  // namespace streamflow
