// What holds for every aggregate: panes merged are the direct aggregate, order does not matter
// where it must not, and state survives being saved.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "operators/aggregate/aggregate.h"

using namespace streamflow;

namespace {

struct Case {
  const char* function;
  std::vector<Value> constants = {};
  bool two = false;
  bool truth = false;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"count"},
      {"sum"},
      {"mean"},
      {"min"},
      {"max"},
      {"first"},
      {"last"},
      {"std"},
      {"var", {Value::integer(0)}},
      {"median"},
      {"quantile", {Value::real(0.9)}},
      {"count_distinct"},
      {"top", {Value::integer(3)}},
      {"mode", {Value::integer(2)}},
      {"list"},
      {"histogram", {Value::real(7.5)}},
      {"histogram", {Value::integer(-10), Value::integer(0), Value::integer(50)}},
      {"corr", {}, true},
      {"slope"},
      {"argmin", {}, true},
      {"argmax", {}, true},
      {"any", {}, false, true},
      {"all", {}, false, true},
      {"approx_quantile", {Value::real(0.25)}},
      {"approx_count_distinct"},
  };
  return all;
}

struct Input {
  Column value, second;
  std::vector<Micros> time;
  explicit Input(size_t rows) : value(rows), second(rows), time(rows) {}
};

// Times ascend, so that panes of rows are panes of time.
std::unique_ptr<Input> random_input(std::mt19937& random, size_t rows, bool truth) {
  auto input = std::make_unique<Input>(rows);
  for (size_t row = 0; row < rows; ++row) {
    input->time[row] = static_cast<Micros>(row / 2) * 1'500'000;
    const auto number = static_cast<double>(random() % 2000) / 8 - 100;
    switch (random() % 8) {
      case 0:
        input->value.set_null(row);
        break;
      case 1:
        input->value.set_int(row, static_cast<int64_t>(random() % 40));
        break;
      default:
        input->value.set_real(row, number * (random() % 50 == 0 ? 1e9 : 1));
    }
    if (truth) input->value.set_bool(row, random() % 30 != 0);
    if (random() % 9 != 0) input->second.set_real(row, number + static_cast<double>(random() % 16));
  }
  return input;
}

std::unique_ptr<Aggregate> make(const Case& c) {
  auto made = find_aggregate(c.function)->make({c.function, true, Type::kDyn, c.constants});
  made->resize(1);
  return made;
}

void add(Aggregate& aggregate, const Input& input, const std::vector<uint32_t>& rows) {
  const std::vector<uint32_t> groups(rows.size(), 0);
  Selection wrong;
  aggregate.add({rows, groups, &input.value, input.time.data(), &input.second}, wrong);
  CHECK(wrong.empty());
}

Value result(const Aggregate& aggregate) {
  Column out(1);
  aggregate.write(0, 1, out, 0);
  Value value = out.value(0);
  return value.is(Kind::kString) ? Value::string(std::string(value.text())) : value;
}

void check_same(const Value& a, const Value& b) {
  if (a.is(Kind::kDouble) && b.is(Kind::kDouble)) {
    CHECK(std::abs(a.as_double() - b.as_double()) <= 1e-12 * std::abs(a.as_double()));
  } else {
    std::string a_text, b_text;
    append_json(a, a_text);
    append_json(b, b_text);
    CHECK(a_text == b_text);
  }
}

std::vector<uint32_t> range(size_t begin, size_t end) {
  std::vector<uint32_t> rows(end - begin);
  std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
  return rows;
}

}  // namespace

TEST_CASE("aggregates: merged panes are the direct aggregate, and state survives saving") {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    for (const Case& c : cases()) {
      CAPTURE(c.function);
      const size_t rows = random() % 120;
      const auto input = random_input(random, rows, c.truth);
      const auto direct = make(c);
      add(*direct, *input, range(0, rows));
      const auto merged = make(c);
      for (size_t begin = 0; begin < rows;) {
        const size_t end = std::min(rows, begin + 1 + random() % 40);
        const auto pane = make(c);
        add(*pane, *input, range(begin, end));
        std::string saved;
        pane->save(0, saved);
        const auto loaded = make(c);
        StateReader reader(saved);
        loaded->load(0, reader);
        CHECK((reader.ok() && reader.at_end()));
        check_same(result(*pane), result(*loaded));
        const uint32_t zero = 0;
        merged->merge({&zero, 1}, *loaded, {&zero, 1});
        begin = end;
      }
      check_same(result(*direct), result(*merged));
      direct->reset(0);
      check_same(result(*direct), result(*make(c)));
    }
  }
}

TEST_CASE("aggregates: the order of arrival does not matter where times differ") {
  std::mt19937 random(2);
  for (const Case& c : cases()) {
    CAPTURE(c.function);
    const auto input = random_input(random, 200, c.truth);
    for (size_t row = 0; row < 200; ++row) input->time[row] = static_cast<Micros>(row) * 1'000'000;
    const auto in_order = make(c), shuffled = make(c);
    std::vector<uint32_t> rows = range(0, 200);
    add(*in_order, *input, rows);
    std::shuffle(rows.begin(), rows.end(), random);
    add(*shuffled, *input, rows);
    check_same(result(*in_order), result(*shuffled));
  }
}

TEST_CASE("aggregates: damaged state is refused or empty, never fatal") {
  std::mt19937 random(3);
  for (const Case& c : cases()) {
    CAPTURE(c.function);
    const auto input = random_input(random, 50, c.truth);
    const auto from = make(c);
    add(*from, *input, range(0, 50));
    std::string saved;
    from->save(0, saved);
    for (size_t size = 0; size < saved.size(); ++size) {
      const auto to = make(c);
      StateReader reader(std::string_view(saved).substr(0, size));
      to->load(0, reader);
      CHECK(!reader.ok());
    }
    for (int i = 0; i < 200; ++i) {
      std::string changed = saved;
      changed[random() % changed.size()] = static_cast<char>(random());
      const auto to = make(c);
      StateReader reader(changed);
      to->load(0, reader);
      if (reader.ok()) result(*to);
    }
  }
}

TEST_CASE("approx_quantile: within its bound over many magnitudes and both signs") {
  std::mt19937 random(4);
  std::lognormal_distribution<double> distribution(0, 4);
  constexpr size_t kRows = 20'000;
  Input input(kRows);
  std::vector<double> sorted;
  for (size_t row = 0; row < kRows; ++row) {
    const double x = distribution(random) * (random() % 4 == 0 ? -1 : 1);
    input.value.set_real(row, x);
    sorted.push_back(x);
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double q : {0.0, 0.001, 0.1, 0.249, 0.3, 0.5, 0.9, 0.999, 1.0}) {
    CAPTURE(q);
    const auto aggregate = make({"approx_quantile", {Value::real(q)}});
    add(*aggregate, input, range(0, kRows));
    const double place = q * (kRows - 1);
    const auto low = static_cast<size_t>(place);
    const double next = sorted[std::min(low + 1, kRows - 1)];
    const double exact = sorted[low] + (next - sorted[low]) * (place - static_cast<double>(low));
    CHECK(std::abs(result(*aggregate).to_double() - exact) <= 0.01 * std::abs(exact));
  }
}

TEST_CASE("approx_count_distinct: exact for few, within five standard errors for many") {
  for (const size_t n : {1u, 1'000u, 1'024u, 1'025u, 20'000u, 300'000u}) {
    CAPTURE(n);
    const auto aggregate = make({"approx_count_distinct"});
    Input input(n);
    for (size_t row = 0; row < n; ++row) input.value.set_int(row, static_cast<int64_t>(row) * 7);
    add(*aggregate, input, range(0, n));
    add(*aggregate, input, range(0, n));
    const double error = std::abs(result(*aggregate).to_double() - static_cast<double>(n));
    CHECK(error <= (n <= 1'024 ? 0 : 5 * 0.0081 * static_cast<double>(n)));
  }
}
