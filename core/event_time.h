// A field of a record read as its event time.  RFC 3339 text, text of a strptime format, or a number since
// the epoch, whose unit is fixed by the first one where it is not given.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/column.h"
#include "core/expr/timezone.h"
#include "core/registry.h"
#include "core/time.h"

namespace streamflow {

class EventTime {
 public:
  // `time_format`, `time_unit`, `timezone`.
  static const std::vector<OptionDescriptor>& options();
  // From those; problems are reported.  `field` is the time's expression as written, for messages.
  static EventTime build(std::string field, const Params& params, Diagnostics& diagnostics);

  EventTime() = default;

  const std::string& field() const { return field_; }
  // Nothing, and the reason, for a cell that is no time.  The column is decoded there.
  std::optional<Micros> read(const Column& column, uint32_t row, std::string& reason);

  // kUnknown until a number has been seen.  Part of the state of who owns this.
  TimeUnit unit() const { return unit_; }
  void set_unit(TimeUnit unit) { unit_ = unit; }

 private:
  std::optional<Micros> read_text(std::string_view text) const;
  std::optional<Micros> read_formatted(std::string_view text) const;

  std::string field_;
  std::string format_;  // empty: RFC 3339
  bool has_offset_ = false;  // the format reads an offset from UTC
  TimeUnit unit_ = TimeUnit::kUnknown;
  std::shared_ptr<const expr::TimeZone> zone_;  // null: UTC
};

}  // namespace streamflow
