#include "core/error_samples.h"

#include <algorithm>
#include <memory>

#include "core/encode.h"
#include "core/expr/utf8.h"

namespace streamflow {

namespace {

// A reason without its values: one 0 for any number, nothing between quotes.
std::string kind_of(std::string_view reason) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string kind;
  for (size_t i = 0; i < reason.size(); ++i) {
    const char c = reason[i];
    if (is_digit(c) && !kind.empty() && kind.back() == '0') continue;
    kind += is_digit(c) ? '0' : c;
    if (c != '"' && (c != '\'' || (i > 0 && is_letter(reason[i - 1])))) continue;
    i = reason.find(c, i + 1);
    if (i == std::string_view::npos) break;
    kind += c;
  }
  return kind;
}

}  // namespace

std::string record_text(const Batch& batch, uint32_t row) {
  const Selection only = {row};
  Batch one = batch;
  one.selected = std::make_shared<Selection>(only);
  std::string text;
  append_record(one, row, TimestampStyle::kRfc3339, text);
  return text;
}

Batch error_record(const std::string& step, std::string_view reason, std::string_view original) {
  Batch batch;
  batch.rows = 1;
  const auto add = [&batch](const char* name, std::string_view text) {
    auto column = std::make_shared<Column>(1);
    column->set_string(0, text);
    batch.columns.push_back({name, std::move(column), false});
  };
  add("error", reason);
  add("step", step);
  add("original", expr::to_valid_utf8(original));
  return batch;
}

Batch error_record(const std::string& step, std::string_view reason, const Batch& batch, uint32_t row,
                   std::string_view original) {
  Batch record = error_record(step, reason, original);
  if (batch.arrival) record.arrival = std::make_shared<Times>(1, (*batch.arrival)[row]);
  return record;
}

void ErrorSamples::add(Micros now, const std::string& step, std::string_view reason,
                       std::string_view sample) {
  const std::string shown = expr::to_valid_utf8(sample.substr(0, kSampleBytes));
  const std::string kind = kind_of(reason);
  for (ErrorSample& e : samples_) {
    if (e.step != step || e.kind != kind) continue;
    ++e.count;
    e.at = now;
    e.reason = expr::to_valid_utf8(reason);
    e.sample = shown;
    return;
  }
  if (samples_.size() == kKept)
    samples_.erase(std::min_element(samples_.begin(), samples_.end(),
                                    [](const auto& a, const auto& b) { return a.at < b.at; }));
  samples_.push_back({now, step, expr::to_valid_utf8(reason), shown, 1, kind});
}

}  // namespace streamflow
