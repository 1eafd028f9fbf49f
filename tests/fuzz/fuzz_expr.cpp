// libFuzzer's entry (driver.cpp is a main for other compilers): lex, parse, print, check and both evaluators on arbitrary text.  The first byte
// chooses the scope.  What must hold: no crash, printed text parses again, kernels agree with the
// scalar evaluator.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/batch.h"
#include "core/column.h"
#include "core/expr/parse.h"
#include "core/expr/program.h"

namespace {

using namespace streamflow;

const Batch& sample() {
  static const Batch batch = [] {
    Batch out;
    out.rows = 3;
    const char* records[] = {R"({"a": 1, "b": 2.5, "s": "dev-1", "l": [1, "x"], "m": {"k": 1}})",
                             R"({"a": null, "b": 18446744073709551615, "s": "", "t": true})",
                             R"({"a": "text", "b": -9223372036854775808, "l": [], "m": {}})"};
    for (const char* name : {"a", "b", "s", "l", "m", "t"}) {
      auto column = std::make_shared<Column>(out.rows);
      for (uint32_t row = 0; row < out.rows; ++row) {
        const Value record = parse_json(records[row]);
        for (const auto& [key, value] : record.entries())
          if (key.text() == name) column->set(row, value);
      }
      out.set(name, std::move(column));
    }
    out.time = std::make_shared<Times>(Times{0, 1'000'000, 2'500'000});
    out.arrival = out.time;
    return out;
  }();
  return batch;
}

void check(bool good) {
  if (!good) std::abort();
}

void round_trip(std::string_view text) {
  std::vector<expr::Problem> problems;
  const expr::NodePtr node = expr::parse(text, problems);
  if (!node) return;
  const std::string printed = expr::print(*node);
  if (printed.size() > (1u << 20)) return;
  const expr::NodePtr again = expr::parse(printed, problems);
  check(again != nullptr && expr::print(*again) == printed);
}

void agree(const expr::Program& program) {
  const Batch& batch = sample();
  const ColumnPtr column = program.evaluate(batch);
  Selection passed;
  std::vector<expr::RowError> errors;
  program.filter(batch, 0, passed, errors);
  size_t at = 0;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Value value = program.evaluate_row(batch, row);
    check((column->kind(row) == Kind::kError) == value.is_error());
    const bool pass = value.is(Kind::kBool) && value.as_bool();
    check(pass == (at < passed.size() && passed[at] == row));
    if (pass) ++at;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  round_trip(text);
  Schema schema;
  expr::Scope scope;
  if (data[0] & 1) scope.schema = &schema;
  scope.condition = (data[0] & 2) != 0;
  scope.unchecked = (data[0] & 4) != 0;
  std::vector<expr::Problem> problems;
  if (data[0] & 8) {
    scope.aggregates = true;
    scope.schema = &schema;
    expr::compile_aggregate(text, scope, problems);
  } else if (data[0] & 16) {
    scope.schema = &schema;
    expr::compile_row(text, scope, problems);
  } else if (const auto program = expr::compile(text, scope, problems)) {
    agree(*program);
  }
  for (const expr::Problem& problem : problems)
    check(problem.begin <= problem.end && problem.end <= text.size());
  return 0;
}
