// The order of `of`: expressions, each up or down; nulls come last either way.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/expr/program.h"
#include "core/registry.h"
#include "operators/aggregate/stored_cell.h"

namespace streamflow {

class TopOrder {
 public:
  static OptionDescriptor option();  // `of`
  // Nothing: reported.
  static std::optional<TopOrder> build(BuildContext& context);

  size_t size() const { return parts_.size(); }
  // Readable cells for the batch's rows from position `begin` on.
  std::vector<ColumnPtr> columns(const Batch& batch, size_t begin) const;
  // The reason why this row has no place, or empty.
  static std::string_view error(const std::vector<ColumnPtr>& columns, uint32_t row);

  // <0: a comes first.
  int compare(const std::vector<StoredCell>& a, const std::vector<StoredCell>& b) const;
  int compare(const std::vector<ColumnPtr>& a, uint32_t row,
              const std::vector<StoredCell>& b) const;

 private:
  struct Part {
    std::unique_ptr<expr::Program> program;
    bool down = false;
  };
  std::vector<Part> parts_;
};

}  // namespace streamflow
