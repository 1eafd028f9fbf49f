#include "core/field_watch.h"

#include <algorithm>

#include "core/decode/json.h"
#include "core/diagnostic.h"
#include "core/json_text.h"

namespace streamflow {

void FieldWatch::count(std::string name) {
  if (records_of_.size() >= kNamesMax && !records_of_.contains(name)) return;
  ++records_of_[std::move(name)];
}

void FieldWatch::count(const Batch& batch, uint32_t row) {
  ++records_;
  if (batch.origin) {
    JsonMembers members(batch.origin->text(row));
    while (members.next()) {
      std::string name(members.key);
      if (name.find('\\') != std::string::npos) {
        const Value plain = parse_json("\"" + name + "\"");
        if (plain.is(Kind::kString)) name = plain.text();
      }
      count(std::move(name));
    }
  }
  for (const NamedColumn& column : batch.columns) {
    if (batch.origin && column.original) continue;
    if (column.column->kind(row) != Kind::kMissing) count(column.name);
  }
}

std::vector<std::string> FieldWatch::look(const Batch& batch) {
  if (done()) return {};
  for (size_t i = 0; i < batch.count() && records_ < kRecords; ++i) count(batch, batch.row_at(i));
  return records_ < kRecords ? std::vector<std::string>() : end();
}

std::vector<std::string> FieldWatch::end() {
  std::vector<std::string> out;
  if (records_ > 0)
    for (const std::string& name : wanted_)
      if (!records_of_.contains(name)) out.push_back(message(name));
  wanted_.clear();
  records_of_.clear();
  return out;
}

std::string FieldWatch::message(const std::string& name) const {
  constexpr size_t kShown = 8;
  std::vector<std::string> names;
  for (const auto& [known, count] : records_of_) names.push_back(known);
  const std::string records = records_ == 1 ? "one record" : std::to_string(records_) + " records";
  std::string out = "'" + name + "' was never seen in " + records;
  const std::string likely = nearest(name, names);
  if (!likely.empty()) {
    const size_t count = records_of_.at(likely);
    return out + "; '" + likely + "' is in " +
           (count == records_ ? "every record" : std::to_string(count) + " of them");
  }
  for (size_t i = 0; i < names.size() && i < kShown; ++i)
    out += (i == 0 ? "; they have " : ", ") + names[i];
  return names.size() > kShown ? out + "…" : out;
}

}  // namespace streamflow
