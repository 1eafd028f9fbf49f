#include "operators/row/row_functions.h"

#include <bit>
#include <cmath>
#include <vector>

#include "operators/aggregate/stored_cell.h"
#include "operators/aggregate/sum.h"
#include "operators/rolling/ring.h"

namespace streamflow {
namespace {

__extension__ typedef __int128 Int128;

Value refused(std::string_view function, Kind kind) {
  return Value::error(std::string(function) + ": cannot take " + with_article(kind));
}

// A state by key; what there is to do for a value that is neither null nor an error.
template <class State>
class KeyedFunction : public RowFunction {
 public:
  void resize(size_t keys) final {
    if (states_.size() < keys) states_.resize(keys);
  }
  void run(const Input& input, Column& out) final {
    for (const uint32_t row : input.rows) {
      const Kind kind = input.argument.kind(row);
      if (kind <= Kind::kNull) {
        out.set_null(row);
      } else if (kind == Kind::kError) {
        out.copy_cell(row, input.argument, row);
      } else if (kind == Kind::kDouble && std::isnan(input.argument.real(row))) {
        out.set_null(row);
      } else {
        step(states_[input.keys[row]], input.argument, row, input.time[row], out);
      }
    }
  }
  void forget(uint32_t key) final { states_[key] = State(); }
  void save(uint32_t key, std::string& out) const final { states_[key].save(out); }
  void load(uint32_t key, StateReader& in) final {
    states_[key] = State();
    states_[key].load(in);
  }

 protected:
  virtual void step(State& state, const Column& argument, uint32_t row, Micros time,
                    Column& out) = 0;

 private:
  std::vector<State> states_;
};

struct Earlier {
  Ring<StoredCell> cells;

  void save(std::string& out) const {
    save_count(cells.size(), out);
    for (size_t i = 0; i < cells.size(); ++i) cells[i].save(out);
  }
  void load(StateReader& in) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      StoredCell cell;
      cell.load(in);
      cells.push_back(std::move(cell));
    }
  }
};

class Lag final : public KeyedFunction<Earlier> {
 public:
  explicit Lag(size_t n) : n_(n) {}

 private:
  void step(Earlier& earlier, const Column& argument, uint32_t row, Micros, Column& out) override {
    if (earlier.cells.size() < n_) {
      out.set_null(row);
    } else {
      earlier.cells.front().write(out, row);
      earlier.cells.pop_front();
    }
    StoredCell cell;
    cell.set(argument, row);
    earlier.cells.push_back(std::move(cell));
  }
  size_t n_;
};

struct Last {
  StoredCell cell;
  Micros time = 0;

  void save(std::string& out) const {
    cell.save(out);
    save_micros(time, out);
  }
  void load(StateReader& in) {
    cell.load(in);
    time = in.micros();
  }
};

double number_of(Kind kind, uint64_t bits) {
  if (kind == Kind::kDouble) return std::bit_cast<double>(bits);
  if (kind == Kind::kInt) return static_cast<double>(static_cast<int64_t>(bits));
  return static_cast<double>(bits);
}
Int128 whole_of(Kind kind, uint64_t bits) {
  return kind == Kind::kUint ? static_cast<Int128>(bits)
                             : static_cast<Int128>(static_cast<int64_t>(bits));
}

// a - b: of whole numbers exact where 64 bits hold it.
void write_difference(Kind a_kind, uint64_t a, Kind b_kind, uint64_t b, Column& out, uint32_t row) {
  if (a_kind != Kind::kDouble && b_kind != Kind::kDouble) {
    const Int128 whole = whole_of(a_kind, a) - whole_of(b_kind, b);
    if (whole >= INT64_MIN && whole <= INT64_MAX) {
      return out.set_int(row, static_cast<int64_t>(whole));
    }
  }
  out.set_real(row, number_of(a_kind, a) - number_of(b_kind, b));
}

class Diff final : public KeyedFunction<Last> {
 private:
  void step(Last& last, const Column& argument, uint32_t row, Micros, Column& out) override {
    const Kind kind = argument.kind(row), before = last.cell.kind();
    const bool time = kind == Kind::kTimestamp || kind == Kind::kDuration;
    if (!time && !is_number(kind)) return out.set(row, refused("diff", kind));
    if (last.cell.empty()) {
      out.set_null(row);
    } else if (is_number(kind) && is_number(before)) {
      write_difference(kind, argument.bits(row), before, last.cell.bits(), out, row);
    } else if (kind == before) {
      out.set_word(row, Kind::kDuration, argument.bits(row) - last.cell.bits());
    } else {
      out.set(row, Value::error("diff: " + std::string(kind_name(kind)) + " after " +
                                std::string(kind_name(before))));
    }
    last.cell.set(argument, row);
  }
};

class Derivative final : public KeyedFunction<Last> {
 private:
  void step(Last& last, const Column& argument, uint32_t row, Micros time, Column& out) override {
    const Kind kind = argument.kind(row);
    if (!is_number(kind)) return out.set(row, refused("derivative", kind));
    if (last.cell.empty()) {
      out.set_null(row);
    } else {
      Column rise(1);
      write_difference(kind, argument.bits(row), last.cell.kind(), last.cell.bits(), rise, 0);
      const double seconds =
          static_cast<double>(time - last.time) / static_cast<double>(kMicrosPerSecond);
      if (rise.kind(0) == Kind::kNull) {
        out.set_null(row);
      } else {
        out.set_real(row, rise.number(0) / seconds);  // of equal times: null
      }
    }
    last.cell.set(argument, row);
    last.time = time;
  }
};

struct Smoothed {
  bool any = false;
  double value = 0;

  void save(std::string& out) const {
    out.push_back(any ? 1 : 0);
    save_real(value, out);
  }
  void load(StateReader& in) {
    any = in.byte() != 0;
    value = in.real();
  }
};

class Ewm final : public KeyedFunction<Smoothed> {
 public:
  explicit Ewm(double a) : a_(a) {}

 private:
  void step(Smoothed& smoothed, const Column& argument, uint32_t row, Micros,
            Column& out) override {
    if (!is_number(argument.kind(row))) return out.set(row, refused("ewm", argument.kind(row)));
    const double x = argument.number(row);
    smoothed.value = smoothed.any ? a_ * x + (1 - a_) * smoothed.value : x;
    smoothed.any = true;
    out.set_real(row, smoothed.value);
  }
  double a_;
};

class Changed final : public KeyedFunction<Last> {
 private:
  static bool same(const StoredCell& cell, const Column& column, uint32_t row) {
    const Kind kind = column.kind(row);
    if (is_number(kind) && is_number(cell.kind())) {
      return compare_numbers(cell.kind(), cell.bits(), kind, column.bits(row)) == 0;
    }
    return kind == cell.kind() && cell.compare(column, row) == 0;
  }
  void step(Last& last, const Column& argument, uint32_t row, Micros, Column& out) override {
    out.set_bool(row, last.cell.empty() || !same(last.cell, argument, row));
    last.cell.set(argument, row);
  }
};

// The sum aggregate's accumulators are kept by key.
class CumSum final : public RowFunction {
 public:
  CumSum() : sum_(make_sum({})) {}

  void resize(size_t keys) override { sum_->resize(keys); }
  void run(const Input& input, Column& out) override {
    Selection wrong;
    for (const uint32_t row : input.rows) {
      const Kind kind = input.argument.kind(row);
      if (kind <= Kind::kNull) {
        out.set_null(row);
      } else if (kind == Kind::kError) {
        out.copy_cell(row, input.argument, row);
      } else if (!is_number(kind)) {
        out.set(row, refused("cumsum", kind));
      } else {
        sum_->add({{&row, 1}, {&input.keys[row], 1}, &input.argument, input.time}, wrong);
        sum_->write(input.keys[row], 1, out, row);
      }
    }
  }
  void forget(uint32_t key) override { sum_->reset(key); }
  void save(uint32_t key, std::string& out) const override { sum_->save(key, out); }
  void load(uint32_t key, StateReader& in) override { sum_->load(key, in); }

 private:
  std::unique_ptr<Aggregate> sum_;
};

}  // namespace

std::unique_ptr<RowFunction> make_row_function(const expr::RowCall& call) {
  const std::string& name = call.function;
  if (name == "lag" || name == "previous") {
    return std::make_unique<Lag>(
        call.constants.empty() ? 1 : static_cast<size_t>(call.constants[0].as_int()));
  }
  if (name == "diff") return std::make_unique<Diff>();
  if (name == "derivative") return std::make_unique<Derivative>();
  if (name == "cumsum") return std::make_unique<CumSum>();
  if (name == "ewm") return std::make_unique<Ewm>(call.constants[0].to_double());
  return std::make_unique<Changed>();
}

}  // namespace streamflow
