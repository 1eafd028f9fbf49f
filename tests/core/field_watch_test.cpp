#include "core/field_watch.h"

#include <doctest/doctest.h>

#include "core/column.h"

namespace streamflow {
namespace {

Batch records(size_t rows, std::initializer_list<const char*> names) {
  Batch batch;
  batch.rows = rows;
  for (const char* name : names) {
    auto column = std::make_shared<Column>(rows);
    for (size_t row = 0; row < rows; ++row) column->set_int(row, 1);
    batch.set(name, std::move(column));
  }
  return batch;
}

}  // namespace

TEST_CASE("a name that no record has is reported once, with the likely one") {
  FieldWatch watch;
  watch.watch({"temprature", "device"});
  CHECK(watch.look(records(60, {"temperature", "device"})).empty());
  CHECK(watch.look(records(60, {"temperature", "device"})) ==
        std::vector<std::string>{
            "'temprature' was never seen in 100 records; 'temperature' is in every record"});
  CHECK(watch.done());
  CHECK(watch.look(records(200, {"x"})).empty());
  CHECK(watch.end().empty());
}

TEST_CASE("the end of input reports too; no records say nothing") {
  FieldWatch watch;
  watch.watch({"temprature"});
  CHECK(watch.look(records(3, {"temperature"})).empty());
  CHECK(watch.look(records(1, {"x"})).empty());
  CHECK(watch.end() ==
        std::vector<std::string>{
            "'temprature' was never seen in 4 records; 'temperature' is in 3 of them"});
  FieldWatch empty;
  empty.watch({"x"});
  CHECK(empty.end().empty());
}

TEST_CASE("without a likely name the names that are there are listed") {
  FieldWatch watch;
  watch.watch({"pressure"});
  watch.look(records(1, {"a", "b"}));
  CHECK(watch.end() ==
        std::vector<std::string>{"'pressure' was never seen in one record; they have a, b"});
}

TEST_CASE("a missing cell is no field") {
  Batch batch = records(2, {"a"});
  batch.set("b", std::make_shared<Column>(2));
  FieldWatch watch;
  watch.watch({"b"});
  watch.look(batch);
  CHECK(watch.end().size() == 1);
}

}  // namespace streamflow
