// Tables of SQLite files, read by a connection that cannot write.
#include <sqlite3.h>

#include <algorithm>

#include "connectors/table/table_builder.h"

namespace streamflow {
namespace {

constexpr int kBusyMs = 1'000;  // waiting for a writer

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

Result<Statement> prepare(sqlite3* db, const std::string& query) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v2(db, query.c_str(), -1, &raw, &tail) != SQLITE_OK)
    return fail(ErrorKind::kData, sqlite3_errmsg(db));
  Statement statement(raw);
  if (raw == nullptr) return fail(ErrorKind::kConfig, "the query is empty");
  if (std::string_view(tail).find_first_not_of(" \t\r\n;") != std::string_view::npos)
    return fail(ErrorKind::kConfig, "the query is more than one statement");
  if (sqlite3_stmt_readonly(raw) == 0) return fail(ErrorKind::kConfig, "the query writes");
  return statement;
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

// The query of the request, or all of its table, or of the only one.
Result<std::string> query_of(sqlite3* db, const TableRequest& request) {
  if (!request.query.empty()) return request.query;
  auto listed = prepare(db,
                        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE "
                        "'sqlite\\_%' ESCAPE '\\' ORDER BY name");
  if (!listed) return tl::unexpected(listed.error());
  std::vector<std::string> names;
  while (sqlite3_step(listed->get()) == SQLITE_ROW)
    names.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(listed->get(), 0)));
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  if (!request.table.empty()) {
    if (std::find(names.begin(), names.end(), request.table) == names.end())
      return fail(ErrorKind::kConfig,
                  "it has no table '" + request.table + "', but " + (all.empty() ? "none" : all));
    return "SELECT * FROM " + quoted(request.table);
  }
  if (names.size() != 1)
    return fail(ErrorKind::kConfig, names.empty() ? "it has no table" : "which table: " + all + "? Write table:");
  return "SELECT * FROM " + quoted(names.front());
}

Value cell(sqlite3_stmt* statement, int column) {
  const auto text = [&](const void* data) {
    return std::string(static_cast<const char*>(data ? data : ""),
                       static_cast<size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return Value::integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return Value::real(sqlite3_column_double(statement, column));
    case SQLITE_TEXT:
      return Value::string(text(sqlite3_column_text(statement, column)));
    case SQLITE_BLOB:
      return Value::bytes(text(sqlite3_column_blob(statement, column)));
    default:
      return Value::null();
  }
}

}  // namespace

Result<LookupTablePtr> read_sqlite_table(const TableRequest& request, const std::string& path) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const Database db(raw);
  if (opened != SQLITE_OK)
    return fail(ErrorKind::kIo, raw ? sqlite3_errmsg(raw) : "out of memory");
  sqlite3_busy_timeout(raw, kBusyMs);
  const auto query = query_of(raw, request);
  if (!query) return tl::unexpected(query.error());
  const auto statement = prepare(raw, *query);
  if (!statement) return tl::unexpected(statement.error());
  TableBuilder table(request);
  const int columns = sqlite3_column_count(statement->get());
  std::vector<size_t> places;
  for (int i = 0; i < columns; ++i) places.push_back(table.column(sqlite3_column_name(statement->get(), i)));
  int step = SQLITE_ROW;
  while (!table.full() && (step = sqlite3_step(statement->get())) == SQLITE_ROW) {
    table.begin_row();
    for (int i = 0; i < columns; ++i) table.set(places[static_cast<size_t>(i)], cell(statement->get(), i));
  }
  if (step != SQLITE_ROW && step != SQLITE_DONE) return fail(ErrorKind::kIo, sqlite3_errmsg(raw));
  return table.finish();
}

}  // namespace streamflow
