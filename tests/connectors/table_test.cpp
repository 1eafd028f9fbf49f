#include "connectors/table/table.h"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>

#include "core/log.h"
#include "tests/support/poll_loop.h"

namespace streamflow::test {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/streamflow-table-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_; }
  // In one step, as a careful program would.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/new", std::ios::binary) << text;
    fs::rename(path_ + "/new", path_ + "/" + name);
  }
  void sql(const std::string& name, const std::string& statements) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((path_ + "/" + name).c_str(), &db) == SQLITE_OK);
    char* problem = nullptr;
    REQUIRE_MESSAGE(sqlite3_exec(db, statements.c_str(), nullptr, nullptr, &problem) == SQLITE_OK, problem);
    sqlite3_close(db);
  }

 private:
  std::string path_;
};

Result<std::unique_ptr<TableFeed>> open_table(const TableRequest& request) {
  Registry registry;
  register_tables(registry);
  return registry.tables()(request);
}

TableRequest request_of(const Folder& folder, const std::string& address, std::vector<std::string> keys) {
  TableRequest request;
  request.address = address;
  request.folder = folder.path();
  request.keys = std::move(keys);
  return request;
}

std::string text_of(const LookupTable& table) {
  std::string out;
  for (size_t row = 0; row < table.rows; ++row) {
    for (const NamedColumn& c : table.columns) {
      append_json(c.column->value(row), out);
      out += c.column == table.columns.back().column ? '\n' : ' ';
    }
  }
  return out;
}

std::string types_of(const LookupTable& table) {
  std::string out;
  for (size_t i = 0; i < table.columns.size(); ++i)
    out += table.columns[i].name + ":" + std::string(type_name(table.types[i])) + " ";
  return out;
}

std::string problem_of(const TableRequest& request) {
  const auto feed = open_table(request);
  REQUIRE_FALSE(feed.has_value());
  std::string message = feed.error().message;
  const std::string folder = request.folder + "/";
  if (message.starts_with(folder)) message.erase(0, folder.size());
  return message;
}

TEST_CASE("table: CSV, JSON and lines of JSON give the same rows") {
  Folder folder;
  folder.write("a.csv", "k,n,s\n1,2.5,x\n2,,\n");
  folder.write("a.json", R"([{"k": 1, "n": 2.5, "s": "x"}, {"k": 2, "n": null}])");
  folder.write("a.ndjson", "{\"k\": 1, \"n\": 2.5, \"s\": \"x\"}\n\n{\"k\": 2, \"n\": null}\n");
  for (const char* name : {"a.csv", "a.json", "a.ndjson", "file:a.csv"}) {
    CAPTURE(name);
    const auto feed = open_table(request_of(folder, name, {"k"}));
    REQUIRE(feed.has_value());
    const LookupTable& table = *(*feed)->first();
    CHECK(text_of(table) == "1 2.5 \"x\"\n2 null null\n");
    CHECK(types_of(table) == "k:number n:number s:string ");
    CHECK(table.row_of.size() == 2);
  }
}

TEST_CASE("table: SQLite by table, by query, and what cannot be meant") {
  Folder folder;
  folder.sql("a.db",
             "CREATE TABLE devices (id TEXT, floor INTEGER, height REAL, raw BLOB);"
             "INSERT INTO devices VALUES ('a', 1, 2.0, x'00'), ('b', NULL, 3.5, NULL), (NULL, 3, 1, NULL);"
             "CREATE TABLE \"odd \"\"name\" (id INTEGER);");
  TableRequest request = request_of(folder, "sqlite:a.db", {"id"});
  CHECK(problem_of(request) == "a.db: which table: devices, odd \"name? Write table:");
  request.table = "devicse";
  CHECK(problem_of(request) == "a.db: it has no table 'devicse', but devices, odd \"name");
  request.table = "odd \"name";
  CHECK(open_table(request).has_value());
  request.table = "devices";
  const auto feed = open_table(request);
  REQUIRE(feed.has_value());
  CHECK(types_of(*(*feed)->first()) == "id:string floor:number height:number raw:bytes ");
  CHECK((*feed)->first()->row_of.size() == 2);  // a null is no key
  request.query = "SELECT floor AS id, 2 * height AS twice FROM devices WHERE floor > 0;";
  CHECK(text_of(*(*open_table(request))->first()) == "1 4.0\n3 2.0\n");
  request.query = "DELETE FROM devices";
  CHECK(problem_of(request) == "a.db: the query writes");
  request.query = "SELECT 1; SELECT 2";
  CHECK(problem_of(request) == "a.db: the query is more than one statement");
  request.query = "SELECT absent FROM devices";
  CHECK(problem_of(request) == "a.db: no such column: absent");
  folder.write("text.db", "this is no database, whatever its name says, and long enough to be read as one\n");
  CHECK(problem_of(request_of(folder, "sqlite:text.db", {"id"})) == "text.db: file is not a database");
  CHECK(problem_of(request_of(folder, "sqlite:none.db", {"id"})) == "none.db: unable to open database file");
}

TEST_CASE("table: what cannot be read says which file and why") {
  Folder folder;
  folder.write("bad.json", "[{\"k\": 1}, 2]");
  folder.write("half.json", "[{\"k\": 1}");
  folder.write("map.json", "{\"k\": 1}");
  folder.write("bad.ndjson", "{\"k\": 1}\n{\"k\": }\n");
  folder.write("empty.csv", "");
  folder.write("long.csv", "k\n1\n2\n3\n");
  CHECK(problem_of(request_of(folder, "none.csv", {"k"})) == "none.csv: No such file or directory");
  CHECK(problem_of(request_of(folder, "bad.json", {"k"})) == "bad.json: element 2 is no object");
  CHECK(problem_of(request_of(folder, "half.json", {"k"})).starts_with("half.json: "));
  CHECK(problem_of(request_of(folder, "map.json", {"k"})) == "map.json: it is no list of objects");
  CHECK(problem_of(request_of(folder, "bad.ndjson", {"k"})).starts_with("bad.ndjson: line 2: "));
  CHECK(problem_of(request_of(folder, "empty.csv", {"k"})) == "empty.csv: it has no column 'k', but none");
  CHECK(problem_of(request_of(folder, "long.csv", {"q"})) == "long.csv: it has no column 'q', but k");
  TableRequest request = request_of(folder, "long.csv", {"k"});
  request.rows_max = 2;
  CHECK(problem_of(request) == "long.csv: it has more than max_rows (2) rows");
  request.rows_max = 3;
  CHECK(open_table(request).has_value());
}

TEST_CASE("table: of rows with one key the last counts, and the key is named") {
  Folder folder;
  folder.write("a.csv", "k,l,n\na,1,1\nb,1,2\na,1,3\n");
  const auto feed = open_table(request_of(folder, "a.csv", {"k", "l"}));
  REQUIRE(feed.has_value());
  CHECK((*feed)->first()->row_of.size() == 2);
  CHECK((*feed)->first()->doubled_key == "\"a\", 1");
}

TEST_CASE("table: a change is read, a broken one keeps the old rows and is said once") {
  static std::mutex mutex;
  static std::vector<std::string> lines;
  set_log_sink([](LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(text);
  });
  const auto said = [](std::string_view part) {
    const std::lock_guard lock(mutex);
    size_t count = 0;
    for (const std::string& line : lines) count += line.find(part) != std::string::npos;
    return count;
  };
  Folder folder;
  folder.write("a.csv", "k,n\na,1\n");
  TableRequest request = request_of(folder, "a.csv", {"k"});
  request.refresh_us = 1'000;
  {
    const auto feed = open_table(request);
    REQUIRE(feed.has_value());
    CHECK((*feed)->current()->rows == 1);
    PollLoop loop;
    std::function<void()> look = [&] { loop.after(kMicrosPerMilli, look); };  // the other thread wakes no loop
    look();
    folder.write("a.csv", "k,n\na,1\nb,2\n");
    CHECK(loop.run_until([&] { return (*feed)->current()->rows == 2; }));
    folder.write("a.csv", "k,n\na,one\n");
    CHECK(loop.run_until([&] { return said("column 'n' is no number any more") == 1; }));
    folder.write("a.csv", "k\na\n");
    CHECK(loop.run_until([&] { return said("column 'n' is gone") == 1; }));
    fs::remove(folder.path() + "/a.csv");
    CHECK(loop.run_until([&] { return said("No such file") == 1; }));
    CHECK((*feed)->current()->rows == 2);
    folder.write("a.csv", "k,n\na,1\nb,2\nc,3\n");
    CHECK(loop.run_until([&] { return (*feed)->current()->rows == 3; }));
    CHECK(said("can be read again") == 1);
  }
  set_log_sink({});
}

}  // namespace
}  // namespace streamflow::test
