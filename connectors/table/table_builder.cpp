#include "connectors/table/table_builder.h"

#include <algorithm>

#include "core/keys.h"

namespace streamflow {

size_t TableBuilder::column(std::string_view name) {
  for (size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].name == name) return i;
  columns_.push_back({std::string(name), std::make_shared<Column>(0)});
  return columns_.size() - 1;
}

void TableBuilder::set(size_t column, const Value& value) {
  Column& cells = *columns_[column].cells;
  while (cells.size() < rows_) cells.append_missing();
  cells.set(rows_ - 1, value);
}

Type TableBuilder::type_of(const Column& cells) {
  Type type = Type::kDyn;
  for (size_t row = 0; row < cells.size(); ++row) {
    Type of = Type::kDyn;
    switch (cells.kind(row)) {
      case Kind::kMissing:
      case Kind::kNull:
        continue;
      case Kind::kBool:
        of = Type::kBool;
        break;
      case Kind::kInt:
      case Kind::kUint:
      case Kind::kDouble:
        of = Type::kNumber;
        break;
      case Kind::kString:
        of = Type::kString;
        break;
      case Kind::kBytes:
        of = Type::kBytes;
        break;
      case Kind::kList:
        of = Type::kList;
        break;
      case Kind::kMap:
        of = Type::kMap;
        break;
      default:
        break;
    }
    if (type != Type::kDyn && of != type) return Type::kDyn;
    type = of;
  }
  return type;
}

Result<LookupTablePtr> TableBuilder::finish() {
  if (full())
    return fail(ErrorKind::kLimit, "it has more than max_rows (" + std::to_string(request_.rows_max) + ") rows");
  auto table = std::make_shared<LookupTable>();
  table->rows = rows_;
  for (Named& named : columns_) {
    while (named.cells->size() < rows_) named.cells->append_missing();
    table->types.push_back(type_of(*named.cells));
    table->columns.push_back({named.name, named.cells, false});
  }
  std::vector<const Column*> keys;
  for (const std::string& key : request_.keys) {
    const int at = table->find(key);
    if (at < 0) {
      std::string names;
      for (const Named& named : columns_) names += (names.empty() ? "" : ", ") + named.name;
      return fail(ErrorKind::kConfig, "it has no column '" + key + "', but " + (names.empty() ? "none" : names));
    }
    keys.push_back(table->columns[static_cast<size_t>(at)].column.get());
  }
  table->row_of.reserve(rows_);
  for (uint32_t row = 0; row < rows_; ++row) {
    std::string key;
    bool null = false;
    for (const Column* cells : keys) {
      null = null || cells->kind(row) <= Kind::kNull;
      append_key_cell(*cells, row, key);
    }
    if (null) continue;
    if (table->row_of.insert_or_assign(key, row).second || !table->doubled_key.empty()) continue;
    for (const Column* cells : keys) {
      if (!table->doubled_key.empty()) table->doubled_key += ", ";
      append_json(cells->value(row), table->doubled_key);
    }
  }
  return LookupTablePtr(std::move(table));
}

}  // namespace streamflow
