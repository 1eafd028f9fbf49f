#include "core/batch.h"

#include <algorithm>

#include "core/decode/json.h"

namespace streamflow {

const Column* Batch::find(std::string_view name) const {
  for (const NamedColumn& c : columns)
    if (c.name == name) return c.column.get();
  return nullptr;
}

ColumnPtr Batch::field(std::string_view name) const {
  for (const NamedColumn& c : columns)
    if (c.name == name) return c.column;
  if (!origin) return nullptr;
  if (dropped && std::find(dropped->begin(), dropped->end(), name) != dropped->end()) return nullptr;
  return read_member(origin, name);
}

void Batch::set(std::string name, ColumnPtr column) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&name](const NamedColumn& c) { return c.name == name; });
  if (found != columns.end() && !found->original) {
    found->column = std::move(column);
    return;
  }
  // The place of an original column says nothing: it is there because some step looks at the field.
  if (found != columns.end()) columns.erase(found);
  columns.push_back({std::move(name), std::move(column), false});
}

void Batch::drop(std::string_view name) {
  std::erase_if(columns, [name](const NamedColumn& c) { return c.name == name; });
  if (!origin) return;
  auto names = dropped ? std::make_shared<std::vector<std::string>>(*dropped)
                       : std::make_shared<std::vector<std::string>>();
  if (std::find(names->begin(), names->end(), name) == names->end()) names->emplace_back(name);
  dropped = std::move(names);
}

Batch slice(const Batch& batch, size_t begin, size_t end) {
  if (begin == 0 && end == batch.count()) return batch;
  Batch part = batch;
  auto rows = std::make_shared<Selection>();
  rows->reserve(end - begin);
  for (size_t i = begin; i < end; ++i) rows->push_back(batch.row_at(i));
  part.selected = std::move(rows);
  if (end < batch.count() && batch.watermark) part.watermark_after = (*batch.watermark)[batch.row_at(end)];
  return part;
}

}  // namespace streamflow
