// Rows of one stream, in order: what flows between steps.  Immutable once emitted and cheap to copy:
// a filter shares the columns and carries a narrower selection.  Batch boundaries never change a
// result: each row carries the stream's watermark as it was just before it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/column.h"
#include "core/time.h"

namespace streamflow {

inline constexpr size_t kBatchRowsMax = 1024;

// The text that rows were read from.  A JSON record keeps members that no step looked at here; they
// are written out as they came.
struct Origin {
  BlockPtr block;
  std::vector<Token> rows;  // the text of each row's object, `{` to `}`
  bool one_line = false;    // no row's text holds a line break (LF or CR)
  std::string_view text(size_t row) const {
    return {block->data.get() + rows[row].begin, rows[row].end - rows[row].begin};
  }
};

// What a connector knows of each record beside its content: topic, key, partition, offset, retain,
// qos, path, row…  Few fields, so plain columns by name.
struct NamedColumn {
  std::string name;
  ColumnPtr column;
  bool original = false;  // the cell is the member of this name in Origin, unchanged
};

using Times = std::vector<Micros>;

struct Batch {
  size_t rows = 0;                            // size of each column; not all may be selected
  std::shared_ptr<const Times> time;          // event time of each row, any order
  std::shared_ptr<const Times> watermark;     // the stream's watermark just before each row
  Micros watermark_after = kTimeMin;          // and after the last; never falls
  Micros stream_start = kTimeMin;             // time of the stream's first record at the inlet
  std::shared_ptr<const Times> arrival;       // arrival stamp of each row: now()
  SelectionPtr selected;                      // rows that are present; null: all
  unsigned input = 0;                         // of a step with two inputs: which one it came by
  std::vector<NamedColumn> columns;           // unique names, in output order
  // Where `origin` is set, a record is its origin's members minus `dropped`, with the columns that
  // are not `original` replacing members of their name in place or following them in order.  Without
  // it a record is the columns.
  std::shared_ptr<const Origin> origin;
  std::shared_ptr<const std::vector<std::string>> dropped;
  std::vector<NamedColumn> meta;

  size_t count() const { return selected ? selected->size() : rows; }
  uint32_t row_at(size_t i) const { return selected ? (*selected)[i] : static_cast<uint32_t>(i); }
  bool empty() const { return count() == 0; }
  // The column of a field, or null where no row has it among the columns.  With an origin the field
  // may still be in the text: `field` looks there too.
  const Column* find(std::string_view name) const;
  // As `find`, but reads the member from the origin's text where no column has it (and it was not
  // dropped).  Null: missing in all rows.  Pipelines decode what they use, so this is the rare way.
  ColumnPtr field(std::string_view name) const;
  // Sets `name` to `column`: in its place where a step has made it, else at the end (the origin's member
  // of that name is replaced in its own place all the same).
  void set(std::string name, ColumnPtr column);
  void drop(std::string_view name);
};

// The rows [begin, end) of a batch's selection, sharing everything else; the watermark after them is
// that before the next.
Batch slice(const Batch& batch, size_t begin, size_t end);

}  // namespace streamflow
