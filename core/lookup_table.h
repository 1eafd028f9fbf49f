// Tables that `lookup` enriches records from: read whole, indexed by key, immutable and so readable by
// any thread.  Operators do no I/O: the registry's opener (connectors/table/) reads and watches them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/batch.h"
#include "core/schema.h"
#include "core/status.h"

namespace streamflow {

struct TableRequest {
  std::string address;  // path.csv, path.json, path.ndjson, sqlite:path
  std::string folder;   // relative paths start here
  std::string table;    // of a database; empty: its only one
  std::string query;    // of a database, in place of a table
  std::vector<std::string> keys;
  size_t rows_max = 1'000'000;
  Micros refresh_us = 0;  // 0: read once
};

struct LookupTable {
  size_t rows = 0;
  std::vector<NamedColumn> columns;  // readable without `decode`
  std::vector<Type> types;           // of each column; kDyn where cells differ or all are null
  // Row of each key, encoded as in core/keys.h; of equal ones the last.  Rows with a null in their key
  // are in none.
  std::unordered_map<std::string, uint32_t> row_of;
  std::string doubled_key;  // that stands in several rows, as text; empty: none

  // Place of a column, or -1.
  int find(std::string_view name) const {
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) return static_cast<int>(i);
    return -1;
  }
};
using LookupTablePtr = std::shared_ptr<const LookupTable>;

class TableFeed {
 public:
  virtual ~TableFeed() = default;
  // As it was opened: what types were checked with.
  virtual LookupTablePtr first() const = 0;
  // The newest version that could be read.  Starts watching for changes where refresh was asked for; a
  // version that cannot be read, lacks a column or has one of another type is logged once and the old
  // one stays.
  virtual LookupTablePtr current() = 0;
};

// Reads the table now; an error names the file and what is wrong.
using TableOpener = std::function<Result<std::unique_ptr<TableFeed>>(const TableRequest&)>;

}  // namespace streamflow
