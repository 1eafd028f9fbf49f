// From rows to text.  What passed unchanged is written as it came: whole JSON records as their line,
// cells as their token.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/diagnostic.h"

namespace streamflow {

// How timestamps are written: RFC 3339 UTC, or a whole number of a unit since the epoch.
enum class TimestampStyle : unsigned char { kRfc3339, kSeconds, kMillis, kMicros, kNanos };
TimestampStyle timestamp_style(std::string_view option);  // "rfc3339" (also empty) s ms us ns

// The record as one JSON object without line breaks, no newline at the end.
void append_record(const Batch& batch, uint32_t row, TimestampStyle style, std::string& out);
// All selected rows from position `begin`, each with a newline: the fast way (runs of untouched lines
// are copied at once).
void append_records(const Batch& batch, size_t begin, TimestampStyle style, std::string& out);
// append_record for many single rows of one batch: what the rows share is made once.  Keeps a
// reference to the batch.
class RecordEncoder {
 public:
  RecordEncoder(const Batch& batch, TimestampStyle style);
  ~RecordEncoder();
  void append(uint32_t row, std::string& out);
  void append_from(size_t begin, std::string& out);  // append_records

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};
// One cell as JSON; "null" for null and missing.
void append_cell(const Column& column, uint32_t row, TimestampStyle style, std::string& out);
// One cell as plain text: strings without quotes, null and missing empty.
void append_cell_text(const Column& column, uint32_t row, TimestampStyle style, std::string& out);

// The fields of a batch's records in output order, for CSV headers: closed records only (no origin);
// with an origin the members of its first row.
std::vector<std::string> record_fields(const Batch& batch);

// `alerts/{device}/state`: text with fields filled in from each record.
class Template {
 public:
  static Template parse(std::string_view text);  // `{{` is a brace; other braces without a name too
  bool has_fields() const { return !fields_.empty(); }
  const std::vector<std::string>& fields() const { return fields_; }
  // The literal text before the first field.
  std::string_view prefix() const { return literals_.front(); }
  // Fills in a row; null and missing become empty.  `{meta.topic}` is a meta field.
  std::string fill(const Batch& batch, uint32_t row) const;
  // The same for many rows of a batch: its fields' columns are looked up once (null: missing).
  std::vector<ColumnPtr> columns(const Batch& batch) const;
  std::string fill(const std::vector<ColumnPtr>& columns, uint32_t row) const;
  const std::vector<std::string>& literals() const { return literals_; }  // one more than fields

 private:
  std::vector<std::string> literals_ = {""};
  std::vector<std::string> fields_;
};

}  // namespace streamflow
