#include "operators/aggregate/aggregate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace streamflow;

namespace {

using Cells = std::vector<Value>;

Value number(double d) { return Value::real(d); }
Value integer(int64_t i) { return Value::integer(i); }

std::unique_ptr<Aggregate> make(const std::string& function, std::vector<Value> constants = {}) {
  const AggregateKind* kind = find_aggregate(function);
  REQUIRE(kind != nullptr);
  auto made = kind->make({function, true, Type::kDyn, std::move(constants)});
  made->resize(1);
  return made;
}

Selection add(Aggregate& aggregate, const Cells& cells, std::vector<Micros> times = {},
              uint32_t group = 0) {
  Column column(cells.size());
  std::vector<uint32_t> rows(cells.size()), groups(cells.size(), group);
  std::iota(rows.begin(), rows.end(), 0u);
  for (size_t i = 0; i < cells.size(); ++i) column.set(i, cells[i]);
  if (times.empty()) times.resize(cells.size());
  Selection wrong;
  aggregate.add({rows, groups, &column, times.data()}, wrong);
  return wrong;
}

std::string result(const Aggregate& aggregate, uint32_t group = 0) {
  Column out(1);
  aggregate.write(group, 1, out, 0);
  std::string text;
  append_json(out.value(0), text);
  return out.kind(0) == Kind::kError ? "error: " + std::string(out.text(0)) : text;
}

std::string of(const std::string& function, const Cells& cells, std::vector<Micros> times = {},
               std::vector<Value> constants = {}) {
  const auto aggregate = make(function, std::move(constants));
  add(*aggregate, cells, std::move(times));
  return result(*aggregate);
}

double real(const std::string& text) { return std::stod(text); }

}  // namespace

TEST_CASE("aggregates: of nothing, null and missing values they are null, a count 0") {
  for (const char* function : {"sum", "mean", "min", "max", "first", "last", "std", "var"}) {
    CAPTURE(function);
    CHECK(of(function, {}) == "null");
    CHECK(of(function, {Value::null(), Value()}) == "null");
  }
  CHECK(of("count", {}) == "0");
  CHECK(of("count", {Value::null(), Value(), integer(3), Value::string("")}) == "2");
}

TEST_CASE("aggregates: NaN is skipped") {
  Column column(2);
  column.set_word(0, Kind::kDouble, std::bit_cast<uint64_t>(std::nan("")));
  column.set_real(1, 4);
  const std::vector<uint32_t> rows = {0, 1}, groups = {0, 0};
  const std::vector<Micros> times = {0, 1};
  for (const char* function : {"count", "sum", "mean", "min", "max", "first", "last"}) {
    CAPTURE(function);
    const auto aggregate = make(function);
    Selection wrong;
    aggregate->add({rows, groups, &column, times.data()}, wrong);
    CHECK(wrong.empty());
    CHECK(real(result(*aggregate)) == (std::string(function) == "count" ? 1 : 4));
  }
}

TEST_CASE("sum: of integers is exact, and an error beyond 64 bits") {
  CHECK(of("sum", {integer(1), integer(2)}) == "3");
  CHECK(of("sum", {integer(INT64_MAX), integer(INT64_MAX), integer(-INT64_MAX)}) ==
        std::to_string(INT64_MAX));
  CHECK(of("sum", {integer(INT64_MAX), integer(1)}) == "9223372036854775808");
  CHECK(of("sum", {Value::unsigned_integer(UINT64_MAX)}) == "18446744073709551615");
  CHECK(of("sum", {Value::unsigned_integer(UINT64_MAX), integer(1)}) ==
        "error: sum: the result is beyond 64 bits");
  CHECK(of("sum", {integer(INT64_MIN), integer(-1)}) == "error: sum: the result is beyond 64 bits");
  CHECK(of("sum", {integer(9007199254740993), integer(0)}) == "9007199254740993");
}

TEST_CASE("sum: of doubles does not lose what cancels") {
  CHECK(of("sum", {number(1e100), number(1), number(-1e100)}) == "1.0");
  CHECK(of("sum", {number(0.1), number(0.2), number(0.3)}) == "0.6");
  CHECK(of("sum", {integer(1), number(0.5)}) == "1.5");
  CHECK(of("sum", {integer(9007199254740993), number(-9007199254740992.0)}) == "1.0");
  CHECK(of("sum", Cells(10, number(0.1))) == "1.0");
}

TEST_CASE("mean: is the rounded mean") {
  CHECK(of("mean", {number(0.1), number(0.2)}) ==
        "0.15000000000000002");  // as 0.30000000000000004/2
  CHECK(of("mean", {integer(1), integer(2)}) == "1.5");
  CHECK(of("mean", {integer(INT64_MAX), integer(INT64_MAX)}) == "9.223372036854776e+18");
  CHECK(of("mean", {integer(9007199254740993), integer(9007199254740995)}) == "9007199254740994.0");
  CHECK(of("mean", {number(1e305), number(1e305)}) == "1e+305");
  CHECK(of("mean", Cells(3, number(1e16))) == "1e+16");
}

TEST_CASE("std and var: ddof, few values, equal values, far from zero") {
  CHECK(of("var", {integer(1), integer(2), integer(3), integer(4)}) == "1.6666666666666667");
  CHECK(of("var", {integer(1), integer(2), integer(3), integer(4)}, {}, {integer(0)}) == "1.25");
  CHECK(of("std", {integer(2), integer(4)}, {}, {integer(0)}) == "1.0");
  CHECK(of("std", {integer(2)}) == "null");
  CHECK(of("std", {integer(2)}, {}, {integer(0)}) == "0.0");
  CHECK(of("std", {integer(2), integer(5)}, {}, {integer(2)}) == "null");
  CHECK(of("std", Cells(1000, number(0.1))) == "0.0");
  CHECK(of("var", {number(1e9 + 4), number(1e9 + 7), number(1e9 + 13), number(1e9 + 16)}) ==
        "30.0");
  CHECK(of("var", {number(1e15 + 1), number(1e15 + 2), number(1e15 + 3)}) == "1.0");
}

TEST_CASE("min and max: of any ordered kind, strings by code point") {
  CHECK(of("min", {number(2.5), integer(2), integer(3)}) == "2");
  CHECK(of("max", {number(2.5), integer(2), integer(3)}) == "3");
  CHECK(of("min", {Value::string("b"), Value::string("a"), Value::string("é")}) == "\"a\"");
  CHECK(of("max", {Value::string("b"), Value::string("\U0001F600"), Value::string("\uFFFD")}) ==
        "\"\U0001F600\"");
  CHECK(of("max", {Value::timestamp(5), Value::timestamp(-3)}) ==
        "\"1970-01-01T00:00:00.000005Z\"");
  CHECK(of("min", {Value::boolean(true), Value::boolean(false)}) == "false");
  CHECK(of("max", {integer(9007199254740993), number(9007199254740992.0)}) == "9007199254740993");
  // Which of equal numbers is sent does not depend on their order.
  CHECK(of("min", {integer(1), number(1)}) == of("min", {number(1), integer(1)}));
  CHECK(of("max", {integer(1), number(1)}) == of("max", {number(1), integer(1)}));
  CHECK(of("min", {Value::string("a"), integer(7)}) == of("min", {integer(7), Value::string("a")}));
}

TEST_CASE("first and last: by time, then arrival, of values that are not null") {
  const Cells cells = {Value::string("a"), Value::string("b"), Value::string("c"), Value::null()};
  CHECK(of("first", cells, {5, 3, 3, 1}) == "\"b\"");
  CHECK(of("last", cells, {5, 7, 7, 9}) == "\"c\"");
  CHECK(of("last", {Value::list({integer(1)})}, {1}) == "[1]");
}

TEST_CASE("aggregates: what they cannot take is named, not taken") {
  for (const char* function : {"sum", "mean", "std", "var"}) {
    const auto aggregate = make(function);
    CHECK(add(*aggregate, {integer(1), Value::string("x"), Value::boolean(true), integer(1)}) ==
          Selection{1, 2});
    CHECK(real(result(*aggregate)) < 3);
  }
  const auto least = make("min");
  CHECK(add(*least, {Value::list({}), integer(4)}) == Selection{0});
  CHECK(result(*least) == "4");
}

TEST_CASE(
    "aggregates: merging parts equals the whole, in any order of values, through saved bytes") {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Cells cells;
    std::vector<Micros> times;
    const size_t count = 1 + random() % 60;
    for (size_t i = 0; i < count; ++i) {
      const double d = (static_cast<double>(random() % 20'000) - 5'000) / 100;
      cells.push_back(random() % 8 == 0   ? Value::null()
                      : random() % 3 == 0 ? integer(static_cast<int64_t>(d))
                                          : number(d));
      times.push_back(static_cast<Micros>(i));  // in order: parts are parts of time
    }
    const size_t cut = random() % (count + 1);
    for (const char* function :
         {"count", "sum", "mean", "min", "max", "first", "last", "std", "var"}) {
      CAPTURE(function);
      const std::string whole = of(function, cells, times);
      const auto parts = make(function), later = make(function), loaded = make(function);
      const auto middle = static_cast<ptrdiff_t>(cut);
      add(*parts, Cells(cells.begin(), cells.begin() + middle),
          {times.begin(), times.begin() + middle});
      add(*later, Cells(cells.begin() + middle, cells.end()),
          {times.begin() + middle, times.end()});
      std::string bytes;
      later->save(0, bytes);
      StateReader in(bytes);
      loaded->load(0, in);
      CHECK(in.ok());
      CHECK(in.at_end());
      const std::vector<uint32_t> zero = {0};
      parts->merge(zero, *loaded, zero);
      CHECK(result(*parts) == whole);

      std::vector<size_t> order(count);
      std::iota(order.begin(), order.end(), size_t{0});
      std::shuffle(order.begin(), order.end(), random);
      Cells mixed;
      std::vector<Micros> mixed_times;
      for (const size_t i : order) {
        mixed.push_back(cells[i]);
        mixed_times.push_back(times[i]);
      }
      CHECK(of(function, mixed, mixed_times) == whole);
    }
  }
}

TEST_CASE("aggregates: damaged bytes are refused") {
  for (const char* function : {"count", "sum", "mean", "min", "last", "std"}) {
    const auto aggregate = make(function);
    add(*aggregate, {integer(3), integer(4)});
    std::string bytes;
    aggregate->save(0, bytes);
    StateReader in(std::string_view(bytes).substr(0, bytes.size() - 1));
    make(function)->load(0, in);
    CHECK(!in.ok());
  }
}
