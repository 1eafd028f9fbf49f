#include "core/event_time.h"

#include <string_view>

#include "core/time_format.h"

namespace streamflow {

const std::vector<OptionDescriptor>& EventTime::options() {
  static const std::vector<OptionDescriptor> options = {
      {.name = "time_format",
       .type = OptionType::kText,
       .help = "strptime format of the time where it is text; `%f` is a fraction of a second"},
      {.name = "time_unit",
       .type = OptionType::kChoice,
       .help = "unit of the time where it is a number; without it, by magnitude",
       .choices = {"s", "ms", "us", "ns"}},
      {.name = "timezone",
       .type = OptionType::kText,
       .help = "zone of a `time_format` that reads no offset: Europe/Paris, +02:00",
       .fallback = "UTC"},
  };
  return options;
}

EventTime EventTime::build(std::string field, const Params& params, Diagnostics& diagnostics) {
  EventTime out;
  out.field_ = std::move(field);
  out.format_ = params.text("time_format");
  out.has_offset_ = out.format_.find("%z") != std::string::npos || out.format_.find("%s") != std::string::npos;
  const std::string unit = params.text("time_unit");
  if (unit == "s") out.unit_ = TimeUnit::kSeconds;
  if (unit == "ms") out.unit_ = TimeUnit::kMillis;
  if (unit == "us") out.unit_ = TimeUnit::kMicros;
  if (unit == "ns") out.unit_ = TimeUnit::kNanos;
  if (!params.has("timezone")) return out;
  out.zone_ = expr::TimeZone::find(params.text("timezone"));
  if (!out.zone_)
    diagnostics.error("E0206", params.span("timezone"),
                      "there is no time zone '" + params.text("timezone") + "'", "",
                      "write a name as in Europe/Paris, or an offset as in +02:00");
  else if (out.format_.empty() || out.has_offset_)
    diagnostics.warning("E0207", params.span("timezone"),
                        out.has_offset_ ? "the time carries its own offset: `timezone` has no effect"
                                        : "`timezone` has no effect without `time_format`",
                        "");
  return out;
}

std::optional<Micros> EventTime::read(const Column& column, uint32_t row, std::string& reason) {
  std::optional<Micros> time;
  const Kind kind = column.kind(row);
  switch (kind) {
    case Kind::kMissing:
    case Kind::kNull:
      reason = "no event time: " + field_ + " is " + std::string(kind_name(kind));
      return std::nullopt;
    case Kind::kTimestamp:
      return static_cast<Micros>(column.bits(row));
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      if (unit_ == TimeUnit::kUnknown) unit_ = unit_by_magnitude(column.number(row));
      time = kind == Kind::kInt ? micros_from(static_cast<int64_t>(column.bits(row)), unit_)
                                : micros_from(column.number(row), unit_);
      break;
    case Kind::kString:
      time = read_text(column.text(row));
      break;
    case Kind::kError:
      reason = std::string(column.text(row));
      return std::nullopt;
    default:
      break;
  }
  if (!time) {
    std::string text;
    append_json(column.value(row), text);
    reason = "no event time: " + field_ + " is " + text.substr(0, 60) + ", not " +
             (format_.empty() ? "an RFC 3339 time or an epoch number" : "of the form " + format_);
  }
  return time;
}

std::optional<Micros> EventTime::read_text(std::string_view text) const {
  return format_.empty() ? parse_rfc3339(text) : read_formatted(text);
}

std::optional<Micros> EventTime::read_formatted(std::string_view text) const {
  return parse_time(text, format_, zone_.get());
}

}  // namespace streamflow
