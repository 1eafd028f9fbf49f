#include "operators/aggregate/sum.h"

#include <bit>
#include <cmath>

#include "operators/aggregate/exact.h"
#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

__extension__ typedef __int128 Int128;

struct Mean {
  Exact sum;
  uint64_t count = 0;

  void add(double x) {
    sum.add(x);
    ++count;
  }
  void merge(const Mean& later) {
    sum.add(later.sum);
    count += later.count;
  }
  void save(std::string& out) const {
    save_count(count, out);
    save_real(sum.high, out);
    save_real(sum.low, out);
  }
  void load(StateReader& in) {
    count = in.count();
    sum.high = in.real();
    sum.low = in.real();
  }
};

class MeanAggregate final : public GroupedAggregate<Mean> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    const Kind* kinds = input.value->kinds().data();
    const uint64_t* words = input.value->words();
    Mean* states = states_.data();
    const std::span<const uint32_t> rows = input.rows, groups = input.groups;
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t row = rows[i];
      if (kinds[row] == Kind::kDouble) {
        const double x = std::bit_cast<double>(words[row]);
        if (x == x) states[groups[i]].add(x);
      } else {
        add_other(states[groups[i]], kinds[row], *input.value, row, wrong);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      const auto row = first_row + static_cast<uint32_t>(i);
      const Mean& mean = states_[first + i];
      if (mean.count == 0) {
        out.set_null(row);
      } else {
        out.set_real(row, quotient(mean.sum.normal(), static_cast<double>(mean.count)).rounded());
      }
    }
  }

 private:
  static void add_other(Mean& state, Kind kind, const Column& column, uint32_t row,
                        Selection& wrong) {
    if (kind == Kind::kInt) {
      state.sum.add(exact_integer(static_cast<int64_t>(column.bits(row))));
      ++state.count;
    } else if (kind == Kind::kUint) {
      state.sum.add(exact_integer(column.bits(row)));
      ++state.count;
    } else if (kind > Kind::kNull) {
      wrong.push_back(row);
    }
  }
};

struct Sum {
  Exact real;
  Int128 whole = 0;
  bool any = false;
  bool any_real = false;

  void add(double x) {
    real.add(x);
    any = any_real = true;
  }
  void add(Int128 i) {
    whole += i;
    any = true;
  }
  void merge(const Sum& later) {
    real.add(later.real);
    whole += later.whole;
    any |= later.any;
    any_real |= later.any_real;
  }
  void save(std::string& out) const {
    out.push_back(static_cast<char>((any ? 1 : 0) | (any_real ? 2 : 0)));
    save_real(real.high, out);
    save_real(real.low, out);
    save_word(static_cast<uint64_t>(whole), out);
    save_word(static_cast<uint64_t>(whole >> 64), out);
  }
  void load(StateReader& in) {
    const unsigned char flags = in.byte();
    any = (flags & 1) != 0;
    any_real = (flags & 2) != 0;
    real.high = in.real();
    real.low = in.real();
    const uint64_t low = in.word();
    whole = static_cast<Int128>(static_cast<int64_t>(in.word())) * (Int128{1} << 64) +
            static_cast<Int128>(low);
  }
};

class SumAggregate final : public GroupedAggregate<Sum> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    const Kind* kinds = input.value->kinds().data();
    const uint64_t* words = input.value->words();
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      Sum& sum = states_[input.groups[i]];
      switch (kinds[row]) {
        case Kind::kDouble:
          if (const double x = std::bit_cast<double>(words[row]); x == x) sum.add(x);
          break;
        case Kind::kInt:
          sum.add(static_cast<Int128>(static_cast<int64_t>(words[row])));
          break;
        case Kind::kUint:
          sum.add(static_cast<Int128>(words[row]));
          break;
        case Kind::kNull:
        case Kind::kMissing:
          break;
        default:
          wrong.push_back(row);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      write_one(states_[first + i], out, first_row + static_cast<uint32_t>(i));
    }
  }

 private:
  static void write_one(const Sum& sum, Column& out, uint32_t row) {
    if (!sum.any) {
      out.set_null(row);
    } else if (sum.any_real) {
      Exact total = sum.real;
      const auto high = static_cast<double>(sum.whole);
      total.add(high);
      total.add(static_cast<double>(sum.whole - static_cast<Int128>(high)));
      out.set_real(row, total.rounded());
    } else if (sum.whole >= INT64_MIN && sum.whole <= INT64_MAX) {
      out.set_int(row, static_cast<int64_t>(sum.whole));
    } else if (sum.whole >= 0 && sum.whole <= static_cast<Int128>(UINT64_MAX)) {
      out.set_word(row, Kind::kUint, static_cast<uint64_t>(sum.whole));
    } else {
      out.set(row, Value::error("sum: the result is beyond 64 bits"));
    }
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_mean(const AggregateCallSpec&) {
  return std::make_unique<MeanAggregate>();
}

std::unique_ptr<Aggregate> make_sum(const AggregateCallSpec&) {
  return std::make_unique<SumAggregate>();
}

}  // namespace streamflow
