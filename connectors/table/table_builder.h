// From rows of any reader to a table with types and an index.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/lookup_table.h"

namespace streamflow {

class TableBuilder {
 public:
  explicit TableBuilder(const TableRequest& request) : request_(request) {}

  // Place of the column, new ones behind the others.
  size_t column(std::string_view name);
  void begin_row() { ++rows_; }
  void set(size_t column, const Value& value);  // of the row begun last
  bool full() const { return rows_ > request_.rows_max; }

  // Error: too many rows, or a key that is no column.
  Result<LookupTablePtr> finish();

 private:
  struct Named {
    std::string name;
    std::shared_ptr<Column> cells;
  };
  static Type type_of(const Column& cells);

  const TableRequest& request_;
  size_t rows_ = 0;
  std::vector<Named> columns_;
};

// The readers.  `path` is absolute or starts at the working directory; `text` is the file's.
Result<LookupTablePtr> read_csv_table(const TableRequest& request, std::string_view text);
Result<LookupTablePtr> read_json_table(const TableRequest& request, std::string_view text, bool lines);
Result<LookupTablePtr> read_sqlite_table(const TableRequest& request, const std::string& path);

}  // namespace streamflow
