// Records as lines of a CSV file with a fixed header.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/encode.h"

namespace streamflow::file {

class CsvWriter {
 public:
  explicit CsvWriter(TimestampStyle style) : style_(style) {}

  bool has_names() const { return !names_.empty(); }
  // From the header of a file that is continued; false when the text has none.
  bool take_header(std::string_view text);
  // The fields of a record, the file's first, and their line.  False where it has none.
  bool make_header(const Batch& batch, uint32_t row, std::string& out);

  // Before the rows of a batch; `number` tells batches apart.
  void bind(const Batch& batch, uint64_t number);
  // One line; fields that the record does not have are empty.  False, and nothing written, where
  // the record has a field that the header does not: `reason` says which.
  bool append(uint32_t row, std::string& out, std::string& reason);

 private:
  bool knows(std::string_view name) const;
  bool has_other_field(uint32_t row, std::string& reason) const;

  TimestampStyle style_;
  std::vector<std::string> names_;
  const Batch* batch_ = nullptr;
  uint64_t bound_ = 0;                             // number of batch_; 0: none
  std::vector<ColumnPtr> columns_;                 // of names_; null: no row has it
  std::vector<const NamedColumn*> other_columns_;  // that are not in names_
  std::string cell_;
};

}  // namespace streamflow::file
