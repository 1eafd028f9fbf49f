#include "tests/core/expr/support.h"

#include "core/column.h"

namespace streamflow::expr::test {
namespace {

std::string shown(const Problem& problem, bool words) {
  std::string out = problem.warning ? "warning " : "";
  out += problem.code + "@" + std::to_string(problem.begin) + "-" + std::to_string(problem.end);
  if (!words) return out;
  out += " " + problem.message;
  if (!problem.label.empty()) out += " [" + problem.label + "]";
  return out;
}

std::string all(std::string_view text, const Scope& scope, bool words) {
  std::vector<Problem> found;
  compile(text, scope, found);
  std::string out;
  for (const Problem& problem : found) out += (out.empty() ? "" : "\n") + shown(problem, words);
  return out;
}

std::string run(std::string_view text, const Scope& scope, const Batch& batch) {
  std::vector<Problem> found;
  const auto program = compile(text, scope, found);
  if (!program) return shown(found.front(), true);
  return literal(program->evaluate_row(batch, 0));
}

}  // namespace

Batch record_batch(std::string_view json) {
  Batch batch;
  batch.rows = 1;
  const Value record = parse_json(json);
  for (const auto& [key, value] : record.entries()) {
    auto column = std::make_shared<Column>(1);
    column->set(0, value);
    batch.set(std::string(key.text()), std::move(column));
  }
  return batch;
}

std::string eval(std::string_view text) {
  Batch batch;
  batch.rows = 1;
  return run(text, Scope{}, batch);
}

std::string eval(std::string_view text, std::string_view record) {
  const Schema open;
  Scope scope;
  scope.schema = &open;
  return run(text, scope, record_batch(record));
}

std::string problems(std::string_view text, const Scope& scope) { return all(text, scope, true); }

std::string problems(std::string_view text) {
  const Schema open;
  Scope scope;
  scope.schema = &open;
  return all(text, scope, true);
}

std::string place(std::string_view text) { return place(text, Schema{}); }

std::string place(std::string_view text, const Schema& schema) {
  Scope scope;
  scope.schema = &schema;
  return all(text, scope, false);
}

Type type_of(std::string_view text, const Schema& schema) {
  Scope scope;
  scope.schema = &schema;
  std::vector<Problem> found;
  const auto program = compile(text, scope, found);
  return program ? program->type() : Type::kError;
}

}  // namespace streamflow::expr::test
