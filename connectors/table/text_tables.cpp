// CSV and JSON tables, with the decoders that sources use.
#include <cstring>

#include "connectors/table/table_builder.h"
#include "core/decode/csv.h"

namespace streamflow {
namespace {

class Rows final : public DecoderOutput {
 public:
  explicit Rows(TableBuilder& table) : table_(table) {}
  void rows(Decoded decoded) override {
    std::vector<size_t> places;
    for (const NamedColumn& c : decoded.columns) {
      places.push_back(table_.column(c.name));
      c.column->decode(nullptr);
    }
    for (uint32_t row = 0; row < decoded.rows && !table_.full(); ++row, ++count_) {
      table_.begin_row();
      for (size_t i = 0; i < places.size(); ++i)
        table_.set(places[i], decoded.columns[i].column->value(row));
    }
  }
  void bad(std::string_view, std::string_view reason, uint32_t) override {
    if (problem.empty()) problem = "record " + std::to_string(count_ + 1) + ": " + std::string(reason);
  }
  std::string problem;

 private:
  TableBuilder& table_;
  size_t count_ = 0;
};

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool add_record(TableBuilder& table, const Value& record) {
  if (!record.is(Kind::kMap)) return false;
  table.begin_row();
  for (const auto& [key, value] : record.entries()) table.set(table.column(key.text()), value);
  return true;
}

}  // namespace

Result<LookupTablePtr> read_csv_table(const TableRequest& request, std::string_view text) {
  TableBuilder table(request);
  Rows rows(table);
  auto block = std::make_shared<Block>(text.size());
  std::memcpy(block->data.get(), text.data(), text.size());
  block->size = text.size();
  const auto decoder = make_csv_decoder({});
  decoder->decode(block, nullptr, rows);
  decoder->finish(rows);
  if (!rows.problem.empty()) return fail(ErrorKind::kData, rows.problem);
  return table.finish();
}

Result<LookupTablePtr> read_json_table(const TableRequest& request, std::string_view text, bool lines) {
  TableBuilder table(request);
  if (!lines) {
    const Value whole = parse_json(text);
    if (whole.is_error()) return fail(ErrorKind::kData, std::string(whole.text()));
    if (!whole.is(Kind::kList)) return fail(ErrorKind::kData, "it is no list of objects");
    for (size_t i = 0; i < whole.items().size() && !table.full(); ++i)
      if (!add_record(table, whole.items()[i]))
        return fail(ErrorKind::kData, "element " + std::to_string(i + 1) + " is no object");
    return table.finish();
  }
  size_t number = 0;
  while (!text.empty() && !table.full()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    const Value record = parse_json(line);
    const std::string where = "line " + std::to_string(number);
    if (record.is_error()) return fail(ErrorKind::kData, where + ": " + std::string(record.text()));
    if (!add_record(table, record)) return fail(ErrorKind::kData, where + " is no object");
  }
  return table.finish();
}

}  // namespace streamflow
