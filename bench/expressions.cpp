// Expressions over columns against loops that one would write by hand for exactly these columns:
// one fused loop over the rows, types known, no nulls to look for.  Both write the rows that pass,
// or a column of doubles.  Rounds alternate, so that a noisy neighbour hits both; answers are
// compared.
//
//   bench_expressions [ROUNDS]        medians of CPU time in ns a row, and the ratio to the loop
#include <re2/re2.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/column.h"
#include "core/expr/program.h"

using namespace streamflow;

namespace {

constexpr size_t kRows = 1024;    // of a batch, as the pipeline makes them
constexpr size_t kBatches = 512;  // different ones: branches are not learnt by heart

struct Data {
  std::vector<double> temperature, a, b;
  std::vector<std::string_view> device, status;
  Batch batch;
};

std::string device_name(unsigned number) {
  std::string digits = std::to_string(10'000 + number).substr(1);
  return "dev-" + digits;
}

Data make(std::mt19937& random, const std::vector<std::string>& devices) {
  static const char* kStates[] = {"ok", "warm", "hot", "cold", "off", "unknown"};
  std::normal_distribution<double> degrees(25, 6);
  Data out;
  out.batch.rows = kRows;
  auto number = [&](const char* name, std::vector<double>& values) {
    auto column = std::make_shared<Column>(kRows);
    for (size_t i = 0; i < kRows; ++i) {
      values.push_back(std::round(degrees(random) * 100) / 100);
      column->set_real(i, values.back());
    }
    out.batch.set(name, std::move(column));
  };
  number("temperature", out.temperature);
  number("a", out.a);
  number("b", out.b);
  for (double& b : out.b) b = b * 1.8 + 32;
  auto column = std::make_shared<Column>(kRows);
  for (size_t i = 0; i < kRows; ++i) column->set_real(i, out.b[i]);
  out.batch.set("b", std::move(column));
  auto device = std::make_shared<Column>(kRows), status = std::make_shared<Column>(kRows);
  auto mixed = std::make_shared<Column>(kRows);
  for (size_t i = 0; i < kRows; ++i) {
    out.device.push_back(devices[random() % devices.size()]);
    device->set_string(i, out.device.back());
    out.status.push_back(kStates[random() % std::size(kStates)]);
    status->set_string(i, out.status.back());
    const unsigned kind = random() % 10;
    mixed->set(i, kind < 5   ? Value::real(degrees(random))
                  : kind < 9 ? Value::integer(static_cast<int64_t>(random() % 50))
                             : Value::null());
  }
  out.batch.set("device", std::move(device));
  out.batch.set("status", std::move(status));
  out.batch.set("m", std::move(mixed));
  return out;
}

template <class Passes>
void loop(Selection& rows, Passes passes) {
  for (uint32_t row = 0; row < kRows; ++row)
    if (passes(row)) rows.push_back(row);
}

using Filter = std::function<void(const Data&, Selection&)>;
using Make = std::function<void(const Data&, std::vector<double>&)>;

struct Case {
  const char* text;
  Filter filter;  // either
  Make make;      // or
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Of this thread: what else runs on the machine counts less.
double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
double ns_per_row(Work work) {
  const double begin = cpu_ns();
  work();
  return (cpu_ns() - begin) / (kRows * kBatches);
}

[[noreturn]] void differ(const char* text) {
  std::fprintf(stderr, "answers differ: %s\n", text);
  std::exit(1);
}

void measure(const Case& what, const std::vector<Data>& data, size_t rounds) {
  const Schema open;
  expr::Scope scope;
  scope.schema = &open;
  std::vector<expr::Problem> problems;
  const auto program = expr::compile(what.text, scope, problems);
  if (!program) differ(what.text);
  std::vector<double> expression, by_hand;
  size_t sum = 0;
  for (size_t round = 0; round <= rounds; ++round) {
    const double ours = ns_per_row([&] {
      for (const Data& one : data) {
        if (what.filter) {
          Selection passed;
          passed.reserve(kRows);
          std::vector<expr::RowError> errors;
          program->filter(one.batch, 0, passed, errors);
          sum += passed.size();
        } else {
          sum += program->evaluate(one.batch)->size();
        }
      }
    });
    const double loops = ns_per_row([&] {
      for (const Data& one : data) {
        if (what.filter) {
          Selection passed;
          passed.reserve(kRows);
          what.filter(one, passed);
          sum += passed.size();
        } else {
          std::vector<double> out;
          what.make(one, out);
          sum += out.size();
        }
      }
    });
    if (round == 0) continue;  // caches, pools
    expression.push_back(ours);
    by_hand.push_back(loops);
  }
  for (const Data& one : data) {
    if (what.filter) {
      Selection passed, expected;
      std::vector<expr::RowError> errors;
      program->filter(one.batch, 0, passed, errors);
      what.filter(one, expected);
      if (passed != expected) differ(what.text);
    } else {
      std::vector<double> expected;
      what.make(one, expected);
      const ColumnPtr column = program->evaluate(one.batch);
      for (uint32_t row = 0; row < kRows; ++row)
        if (column->real(row) != expected[row]) differ(what.text);
    }
  }
  const double ours = median(expression), loops = median(by_hand);
  std::printf("| `%s` | %.2f | %.2f | %.2f |%s\n", what.text, ours, loops, ours / loops,
              sum == 0 ? " nothing passed" : "");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 11;
  std::vector<std::string> devices;
  for (unsigned i = 0; i < 1000; ++i) devices.push_back(device_name(i));
  std::mt19937 random(1);
  std::vector<Data> data;
  for (size_t i = 0; i < kBatches; ++i) data.push_back(make(random, devices));
  const re2::RE2 pattern("^dev-0[0-4]");
  const std::vector<Case> cases = {
      {"temperature > 25.0 && device.startsWith(\"dev-00\")",
       [](const Data& d, Selection& rows) {
         loop(rows, [&d](uint32_t row) {
           return d.temperature[row] > 25.0 && d.device[row].starts_with("dev-00");
         });
       },
       nullptr},
      {"a * 1.8 + 32 > b",
       [](const Data& d, Selection& rows) {
         loop(rows, [&d](uint32_t row) { return d.a[row] * 1.8 + 32 > d.b[row]; });
       },
       nullptr},
      {"device.matches(\"^dev-0[0-4]\")",
       [&pattern](const Data& d, Selection& rows) {
         loop(rows, [&](uint32_t row) {
           return re2::RE2::PartialMatch({d.device[row].data(), d.device[row].size()}, pattern);
         });
       },
       nullptr},
      {"temperature > 25.0 ? a : b * 2.0", nullptr,
       [](const Data& d, std::vector<double>& out) {
         out.resize(kRows);
         for (size_t row = 0; row < kRows; ++row)
           out[row] = d.temperature[row] > 25.0 ? d.a[row] : d.b[row] * 2.0;
       }},
      {"status in [\"ok\", \"warm\", \"hot\"]",
       [](const Data& d, Selection& rows) {
         loop(rows, [&d](uint32_t row) {
           const std::string_view s = d.status[row];
           return s == "ok" || s == "warm" || s == "hot";
         });
       },
       nullptr},
      {"m != null && m > 25",
       [](const Data& d, Selection& rows) {
         const Column& m = *d.batch.find("m");
         loop(rows, [&m](uint32_t row) {
           if (m.kind(row) == Kind::kDouble) return m.real(row) > 25;
           return m.kind(row) == Kind::kInt && static_cast<int64_t>(m.bits(row)) > 25;
         });
       },
       nullptr},
  };
  std::printf("| expression | ns a row | loop, ns a row | ratio |\n|--|--|--|--|\n");
  for (const Case& one : cases) measure(one, data, rounds);
  return 0;
}
