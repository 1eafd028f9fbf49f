#include "core/event_time.h"

#include <doctest/doctest.h>

#include "core/spec.h"

namespace streamflow {
namespace {

EventTime reader(const std::vector<std::pair<std::string, std::string>>& options, std::string* problems = nullptr) {
  Params params;
  params.descriptors = &EventTime::options();
  for (const auto& [name, value] : options) params.values.emplace_back(name, SpecValue::scalar(value));
  Diagnostics diagnostics;
  EventTime out = EventTime::build("at", params, diagnostics);
  if (problems)
    for (const Diagnostic& d : diagnostics.all()) *problems += d.code + " " + d.message;
  return out;
}

std::string read(EventTime& times, const Value& value) {
  Column column(1);
  column.set(0, value);
  std::string reason;
  const auto time = times.read(column, 0, reason);
  return time ? format_rfc3339(*time) : reason;
}

TEST_CASE("event time: a strptime format, with fractions, offsets and zones") {
  EventTime plain = reader({{"time_format", "%d/%m/%Y %H:%M:%S"}});
  CHECK(read(plain, Value::string("31/12/2024 23:59:58")) == "2024-12-31T23:59:58Z");
  CHECK(read(plain, Value::string("31/02/2024 10:00:00")) ==
        "no event time: at is \"31/02/2024 10:00:00\", not of the form %d/%m/%Y %H:%M:%S");
  EventTime fine = reader({{"time_format", "%Y-%m-%d %H:%M:%S.%f %z"}});
  CHECK(read(fine, Value::string("2024-06-01 12:00:00.25 +0200")) == "2024-06-01T10:00:00.250Z");
  CHECK(read(fine, Value::string("2024-06-01 12:00:00. +0200")).starts_with("no event time"));
  EventTime paris = reader({{"time_format", "%Y-%m-%d %H:%M"}, {"timezone", "Europe/Paris"}});
  CHECK(read(paris, Value::string("2024-07-01 12:00")) == "2024-07-01T10:00:00Z");
  CHECK(read(paris, Value::string("2024-01-01 12:00")) == "2024-01-01T11:00:00Z");
  CHECK(read(paris, Value::string("2024-10-27 02:30")) == "2024-10-27T00:30:00Z");  // the earlier of two
}

TEST_CASE("event time: numbers by unit, or by the magnitude of the first") {
  EventTime by_unit = reader({{"time_unit", "ms"}});
  CHECK(read(by_unit, Value::integer(1500)) == "1970-01-01T00:00:01.500Z");
  EventTime guessed = reader({});
  CHECK(read(guessed, Value::real(1704067200.5)) == "2024-01-01T00:00:00.500Z");
  CHECK(guessed.unit() == TimeUnit::kSeconds);
  CHECK(read(guessed, Value::integer(1704067200000)) != "2024-01-01T00:00:00Z");
  CHECK(read(guessed, Value::null()) == "no event time: at is null");
}

TEST_CASE("event time: an unknown zone is an error, a useless one a warning") {
  std::string problems;
  reader({{"time_format", "%H"}, {"timezone", "Europe/Pari"}}, &problems);
  CHECK(problems == "E0206 there is no time zone 'Europe/Pari'");
  problems.clear();
  reader({{"timezone", "Europe/Paris"}}, &problems);
  CHECK(problems == "E0207 `timezone` has no effect without `time_format`");
}

}  // namespace
}  // namespace streamflow
