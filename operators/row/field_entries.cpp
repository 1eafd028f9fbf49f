#include "operators/row/field_entries.h"

#include <algorithm>
#include <cmath>

namespace streamflow {
namespace {

bool is_field_value(const Column& column, uint32_t row) {
  const Kind kind = column.kind(row);
  if (kind == Kind::kDouble) return std::isfinite(column.real(row));
  return kind > Kind::kMissing && kind <= Kind::kMap;
}

bool all_field_values(const Column& column, const Batch& batch) {
  for (size_t i = 0; i < batch.count(); ++i) {
    if (!is_field_value(column, batch.row_at(i))) return false;
  }
  return true;
}

// A copy in which all that cannot be a field's value is null.
std::shared_ptr<Column> cleaned(const Column& column, const Batch& batch) {
  auto clean = std::make_shared<Column>(batch.rows);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    if (is_field_value(column, row)) {
      clean->copy_cell(row, column, row);
    } else if (column.kind(row) == Kind::kType || column.kind(row) == Kind::kOptional) {
      clean->set(row, column.value(row));
    } else {
      clean->set_null(row);
    }
  }
  return clean;
}

void report_errors(const Column& column, OnError on_error, Batch& batch, Emitter& out) {
  auto kept = std::make_shared<Selection>();
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    if (column.kind(row) != Kind::kError) {
      kept->push_back(row);
    } else if (on_error == OnError::kFailRecord) {
      out.fail(batch, row, column.text(row));
    } else {
      out.cell_error(batch, row, column.text(row));
      kept->push_back(row);
    }
  }
  if (kept->size() < batch.count()) batch.selected = std::move(kept);
}

}  // namespace

std::optional<std::vector<FieldEntry>> read_entries(BuildContext& context, std::string_view option,
                                                    Schema& schema) {
  std::vector<FieldEntry> entries;
  std::set<std::string> made;
  bool good = true;
  for (const auto& [name, value] : context.params.entries(option)) {
    FieldEntry entry;
    auto row_program = compile_row_option(context, *value, schema, false, &made);
    if (row_program) {
      entry.program = std::move(row_program->outer);
      entry.calls = std::move(row_program->calls);
    }
    if (!entry.program) {
      good = false;
      schema.set(name->text, Type::kError);
      made.insert(name->text);
      continue;
    }
    entry.name = name->text;
    if (name == value) {
      const std::string_view field =
          entry.calls.empty() ? entry.program->plain_field() : std::string_view();
      if (field.empty() && !is_path(value->text)) {
        context.diagnostics.error("E0404", value->span, "a field that is computed needs a name",
                                  "write {name: expression}");
        good = false;
        continue;
      }
      entry.name = field.empty() ? path_name(value->text) : std::string(field);
    }
    if (!made.insert(entry.name).second) {
      context.diagnostics.error("E0405", name->span, "'" + entry.name + "' is given twice");
      good = false;
    }
    schema.set(entry.name, entry.program->type());
    entries.push_back(std::move(entry));
  }
  if (!good) return std::nullopt;
  return entries;
}

std::vector<const expr::RowCall*> calls_of(const std::vector<FieldEntry>& entries) {
  std::vector<const expr::RowCall*> calls;
  for (const FieldEntry& entry : entries) {
    for (const expr::RowCall& call : entry.calls) calls.push_back(&call);
  }
  return calls;
}

void compute_entries(const std::vector<FieldEntry>& entries, OnError on_error, Batch& batch,
                     Emitter& out, RowState* state) {
  if (state != nullptr) state->take(batch, out);
  size_t first_call = 0;
  for (const FieldEntry& entry : entries) {
    if (batch.empty()) return;
    const bool plain = entry.calls.empty() && !entry.program->plain_field().empty();
    ColumnPtr column =
        entry.calls.empty()
            ? column_of(*entry.program, batch, 0)
            : column_of(*entry.program, state->with_results(batch, entry.calls, first_call), 0);
    first_call += entry.calls.size();
    if (!plain && !all_field_values(*column, batch)) {
      report_errors(*column, on_error, batch, out);
      if (batch.empty()) return;
      column = cleaned(*column, batch);
    }
    batch.set(entry.name, std::move(column));
  }
}

}  // namespace streamflow
