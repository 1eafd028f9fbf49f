// Column kernels against the scalar evaluator, on random expressions over random mixed columns.
#include "core/expr/columns.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "core/column.h"
#include "core/expr/parse.h"
#include "tests/core/expr/support.h"

namespace streamflow::expr {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  size_t below(size_t n) { return engine_() % n; }
  bool chance(size_t percent) { return below(100) < percent; }
  template <class T, size_t n>
  const T& one(const std::array<T, n>& of) {
    return of[below(n)];
  }

 private:
  std::mt19937_64 engine_;
};

constexpr size_t kRows = 50;

Value random_cell(Random& random) {
  static const std::array<double, 9> kDoubles = {
      0.0, -0.0, 1.5, 25.0, 9007199254740992.0, -1e300, 3.0, 1e-10, 9223372036854775808.0};
  static const std::array<int64_t, 8> kInts = {0,
                                               1,
                                               3,
                                               -7,
                                               25,
                                               9007199254740993,
                                               std::numeric_limits<int64_t>::max(),
                                               std::numeric_limits<int64_t>::min()};
  static const std::array<const char*, 5> kTexts = {"", "dev-0042", "dev-1", "héllo", "25"};
  switch (random.below(12)) {
    case 0:
      return Value();
    case 1:
      return Value::null();
    case 2:
      return Value::boolean(random.chance(50));
    case 3:
      return Value::unsigned_integer(random.chance(50) ? 5 : ~uint64_t{0});
    case 4:
      return Value::string(random.one(kTexts));
    case 5:
      return random.chance(50)
                 ? parse_json("[1, \"a\"]")
                 : parse_json(random.chance(50) ? "{\"k\": 3}"
                                                : R"({"k": "dev-1", "o": {"p": 2.5}})");
    case 6:
      return Value::timestamp(static_cast<Micros>(random.below(5)) * kMicrosPerSecond);
    case 7:
    case 8:
      return Value::integer(random.one(kInts));
    default:
      return Value::real(random.one(kDoubles));
  }
}

ColumnPtr random_column(Random& random, size_t kind) {
  auto column = std::make_shared<Column>(kRows);
  static const std::array<const char*, 4> kNames = {"dev-0042", "dev-1", "x", "dev-00"};
  for (size_t row = 0; row < kRows; ++row) {
    if (kind == 0 || random.chance(kind == 4 ? 100 : 5))
      column->set(row, random_cell(random));
    else if (kind == 1)
      column->set_real(row, static_cast<double>(random.below(60)));
    else if (kind == 2)
      column->set_int(row, static_cast<int64_t>(random.below(60)));
    else
      column->set_string(row, random.one(kNames));
  }
  return column;
}

// n: doubles, i: ints, s: strings, m: anything, b: bools and others, x: in no row.
Batch random_batch(Random& random) {
  Batch batch;
  batch.rows = kRows;
  batch.set("n", random_column(random, 1));
  batch.set("i", random_column(random, 2));
  batch.set("s", random_column(random, 3));
  batch.set("m", random_column(random, 4));
  auto bools = std::make_shared<Column>(kRows);
  for (size_t row = 0; row < kRows; ++row)
    bools->set(row, random.chance(90) ? Value::boolean(random.chance(50)) : random_cell(random));
  batch.set("b", std::move(bools));
  auto times = std::make_shared<Times>(kRows);
  for (size_t row = 0; row < kRows; ++row)
    (*times)[row] = static_cast<Micros>(row) * kMicrosPerSecond / 4;
  batch.time = times;
  batch.arrival = times;
  if (random.chance(50)) {
    auto selected = std::make_shared<Selection>();
    for (uint32_t row = 0; row < kRows; ++row)
      if (random.chance(70)) selected->push_back(row);
    batch.selected = std::move(selected);
  }
  return batch;
}

std::string number_text(Random& random, int depth);
std::string bool_text(Random& random, int depth);

std::string text_text(Random& random, int depth) {
  static const std::array<const char*, 6> kLeaves = {"s", "m", "'dev-1'", "m.k", "''", "x"};
  if (depth <= 0 || random.chance(60)) return random.one(kLeaves);
  if (random.chance(50)) return text_text(random, depth - 1) + " + " + text_text(random, depth - 1);
  return "(" + bool_text(random, depth - 1) + " ? " + text_text(random, depth - 1) + " : " +
         text_text(random, depth - 1) + ")";
}

std::string number_text(Random& random, int depth) {
  static const std::array<const char*, 16> kLeaves = {"n",
                                                      "i",
                                                      "m",
                                                      "n",
                                                      "x",
                                                      "0",
                                                      "25",
                                                      "1.5",
                                                      "-3",
                                                      "5u",
                                                      "9007199254740993",
                                                      "i",
                                                      "9223372036854775807",
                                                      "1e300",
                                                      "-9223372036854775808",
                                                      "m"};
  static const std::array<const char*, 5> kOps = {" + ", " - ", " * ", " / ", " % "};
  if (depth <= 0 || random.chance(30)) return random.one(kLeaves);
  switch (random.below(8)) {
    case 0:
      return "-(" + number_text(random, depth - 1) + ")";
    case 1:
      return "size(" + text_text(random, depth - 1) + ")";
    case 2:
      return "(" + bool_text(random, depth - 1) + " ? " + number_text(random, depth - 1) + " : " +
             number_text(random, depth - 1) + ")";
    case 3:
      return random.chance(50) ? "m.k" : "m.o.p";
    default:
      return "(" + number_text(random, depth - 1) + random.one(kOps) +
             number_text(random, depth - 1) + ")";
  }
}

std::string bool_text(Random& random, int depth) {
  static const std::array<const char*, 6> kOps = {" == ", " != ", " < ", " <= ", " > ", " >= "};
  static const std::array<const char*, 7> kLeaves = {"b",      "true", "false",   "has(m)",
                                                     "has(x)", "m",    "has(m.k)"};
  if (depth <= 0 || random.chance(10)) return random.one(kLeaves);
  const auto inner = [&] { return bool_text(random, depth - 1); };
  switch (random.below(14)) {
    case 0:
      return "!(" + inner() + ")";
    case 1:
      return "(" + inner() + " && " + inner() + ")";
    case 2:
      return "(" + inner() + " || " + inner() + " || " + inner() + ")";
    case 3:
      return "(" + inner() + " && " + inner() + " && " + inner() + ")";
    case 4:
      return text_text(random, depth - 1) + random.one(kOps) + text_text(random, depth - 1);
    case 5:
      return "(" + text_text(random, 0) + ").startsWith('dev-00')";
    case 6:
      return "(" + text_text(random, 0) + ").contains('e')";
    case 7:
      return "(" + text_text(random, 0) + ").matches('^dev-[0-9]$')";
    case 8:
      return number_text(random, 1) + " in [1, 2.5, 25, 9007199254740993, 5u]";
    case 9:
      return text_text(random, 1) + " in ['dev-1', 'x', null]";
    case 10:
      return "(" + inner() + " ? " + inner() + " : " + inner() + ")";
    case 11:
      return "time > timestamp('1970-01-01T00:00:05Z')";
    default:
      return number_text(random, depth - 1) + random.one(kOps) + number_text(random, depth - 1);
  }
}

std::unique_ptr<Program> compiled(const std::string& text, bool optimise = true) {
  static const Schema open;
  Scope scope;
  scope.schema = &open;
  scope.optimise = optimise;
  std::vector<Problem> found;
  return compile(text, scope, found);
}

// A value as a cell keeps it.
std::string cell_text(const Value& value) {
  if (value.is(Kind::kDouble) && !std::isfinite(value.as_double())) return "null";
  if (value.is_absent()) return "null";
  return literal(value);
}

void check_filter(const Program& program, const Batch& batch, size_t begin) {
  Selection passed, expected;
  std::vector<RowError> errors, expected_errors;
  program.filter(batch, begin, passed, errors);
  for (size_t at = begin; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    const Value value = program.evaluate_row(batch, row);
    if (value.is(Kind::kBool)) {
      if (value.as_bool()) expected.push_back(row);
    } else {
      expected_errors.push_back({row, value.is_error() ? std::string(value.text()) : ""});
    }
  }
  CHECK(passed == expected);
  REQUIRE(errors.size() == expected_errors.size());
  for (size_t i = 0; i < errors.size(); ++i) {
    CHECK(errors[i].row == expected_errors[i].row);
    if (!expected_errors[i].message.empty()) CHECK(errors[i].message == expected_errors[i].message);
  }
}

void check_values(const Program& program, const Batch& batch, size_t begin) {
  const ColumnPtr column = program.evaluate(batch, begin);
  REQUIRE(column->size() == batch.rows);
  for (size_t at = begin; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    const Value cell = column->kind(row) == Kind::kError
                           ? Value::error(std::string(column->text(row)))
                           : column->value(row);
    CHECK(cell_text(cell) == cell_text(program.evaluate_row(batch, row)));
  }
}

}  // namespace

TEST_CASE("kernels and scalar evaluator agree on random expressions over mixed columns") {
  size_t tried = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    const Batch batch = random_batch(random);
    const size_t begin = random.chance(30) ? random.below(batch.count() + 1) : 0;
    for (int i = 0; i < 5; ++i) {
      const std::string condition = bool_text(random, 3);
      CAPTURE(seed);
      CAPTURE(condition);
      if (const auto program = compiled(condition)) {
        check_filter(*program, batch, begin);
        check_values(*program, batch, begin);
        ++tried;
      }
      const std::string value = random.chance(70) ? number_text(random, 3) : text_text(random, 2);
      CAPTURE(value);
      if (const auto program = compiled(value)) {
        check_values(*program, batch, begin);
        ++tried;
      }
    }
  }
  CHECK(tried > 2000);
}

TEST_CASE("parts that are written more than once change nothing") {
  size_t tried = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    Random random(seed);
    const Batch batch = random_batch(random);
    const std::string e = "(" + number_text(random, 2) + ")", c = bool_text(random, 2);
    for (const std::string& text :
         {e + " + " + e + " > 3 || " + e + " == 25 && size(s + 'x') > size(s + 'x') - " + e,
          "(" + c + " ? " + e + " : -" + e + ") * " + e,
          "has(m.k) && m.k == " + e + " || m.k > " + e,
          "[1, 2].exists(v, v + i > 2 && " + e + " > v) && [1, 2].exists(v, v + i > 2)",
          "cel.bind(v, " + e + ", v + 1 > 2 && v + 1 < 9) || cel.bind(v, n, v + 1 > 2)"}) {
      CAPTURE(seed);
      CAPTURE(text);
      const auto program = compiled(text), plain = compiled(text, false);
      if (!program || !plain) continue;
      ++tried;
      check_values(*program, batch, 0);
      for (size_t at = 0; at < batch.count(); ++at) {
        const uint32_t row = batch.row_at(at);
        CHECK(literal(program->evaluate_row(batch, row)) ==
              literal(plain->evaluate_row(batch, row)));
      }
    }
  }
  CHECK(tried > 300);
}

TEST_CASE("random expressions print as text that parses to the same") {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    const std::string text = bool_text(random, 4);
    CAPTURE(text);
    std::vector<Problem> found;
    const NodePtr node = parse(text, found);
    REQUIRE(node);
    const std::string printed = print(*node);
    const NodePtr again = parse(printed, found);
    REQUIRE(again);
    CHECK(print(*again) == printed);
  }
}

TEST_CASE("a plain field is evaluated to its own column") {
  Random random(7);
  const Batch batch = random_batch(random);
  const auto program = compiled("record.n");
  CHECK(program->evaluate(batch).get() == batch.find("n"));
  const ColumnPtr missing = compiled("x")->evaluate(batch);
  CHECK(missing->kind(0) == Kind::kMissing);
}

TEST_CASE("a field never holds infinity or NaN") {
  Batch batch = test::record_batch(R"({"a": 1, "z": 0})");
  CHECK(compiled("a / z")->evaluate(batch)->kind(0) == Kind::kNull);
  CHECK(compiled("z / z")->evaluate(batch)->kind(0) == Kind::kNull);
  CHECK(compiled("z % z")->evaluate(batch)->kind(0) == Kind::kNull);
  CHECK(compiled("a / z > 5")->evaluate(batch)->value(0).as_bool());
}

TEST_CASE("computed texts outlive the program and the batch") {
  ColumnPtr column;
  {
    Batch batch = test::record_batch(R"({"s": "a text that is long enough to be on the heap"})");
    column = compiled("s == 'never' ? 'constant' : s")->evaluate(batch);
  }
  CHECK(column->text(0) == "a text that is long enough to be on the heap");
  {
    Batch batch = test::record_batch(R"({"s": "never"})");
    column = compiled("s == 'never' ? 'another constant of some length' : s")->evaluate(batch);
  }
  CHECK(column->text(0) == "another constant of some length");
}

TEST_CASE("an error is absorbed by a false operand after it, row by row") {
  Batch batch;
  batch.rows = 3;
  auto a = std::make_shared<Column>(3), b = std::make_shared<Column>(3);
  for (size_t row = 0; row < 3; ++row) {
    b->set_bool(row, row != 1);
    if (row == 2) a->set_int(row, 5);
  }
  batch.set("a", a);
  batch.set("b", b);
  Selection passed;
  std::vector<RowError> errors;
  compiled("a > 1 && b")->filter(batch, 0, passed, errors);
  CHECK(passed == Selection{2});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].row == 0);
  CHECK(errors[0].message == "a is missing");
}

TEST_CASE("an empty selection, and a batch without rows, give nothing") {
  Batch batch = test::record_batch(R"({"a": 1})");
  batch.selected = std::make_shared<Selection>();
  Selection passed;
  std::vector<RowError> errors;
  compiled("a > 0 || x > 1")->filter(batch, 0, passed, errors);
  CHECK(passed.empty());
  CHECK(errors.empty());
  Batch none;
  compiled("a > 0 && (x > 1 || b)")->filter(none, 0, passed, errors);
  CHECK(passed.empty());
  CHECK(compiled("a + 1")->evaluate(none)->size() == 0);
}

}  // namespace streamflow::expr
