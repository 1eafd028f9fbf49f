#include "operators/aggregate/extreme.h"

#include <bit>

#include "operators/aggregate/grouped.h"
#include "operators/aggregate/stored_cell.h"

namespace streamflow {
namespace {

template <int kSign>  // -1: the least, 1: the greatest
struct Extreme {
  StoredCell cell;

  void add(double x) {
    if (cell.kind() == Kind::kDouble) {
      const double present = std::bit_cast<double>(cell.bits());
      if (kSign < 0 ? x < present : x > present) set(x);
    } else if (cell.empty() || better(cell, x)) {
      set(x);
    }
  }
  void set(double x) { cell.set_word(Kind::kDouble, std::bit_cast<uint64_t>(x + 0.0)); }
  // The order is total, so whichever of several equal numbers of different kinds comes first, the
  // same one wins.
  static bool wins(int present_to_candidate) {
    return kSign < 0 ? present_to_candidate > 0 : present_to_candidate < 0;
  }
  static bool better(const StoredCell& present, double x) {
    StoredCell candidate;
    candidate.set_word(Kind::kDouble, std::bit_cast<uint64_t>(x));
    return wins(present.compare(candidate));
  }
  void add(const Column& column, uint32_t row) {
    if (cell.empty() || wins(cell.compare(column, row))) cell.set(column, row);
  }
  void merge(const Extreme& later) {
    if (later.cell.empty()) return;
    if (cell.empty() || wins(cell.compare(later.cell))) cell = later.cell;
  }
  void save(std::string& out) const { cell.save(out); }
  void load(StateReader& in) { cell.load(in); }
};

template <int kSign>
class ExtremeAggregate final : public GroupedAggregate<Extreme<kSign>> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    const Column& column = *input.value;
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind kind = column.kind(row);
      if (kind == Kind::kDouble) {
        const double x = column.real(row);
        if (x == x) this->states_[input.groups[i]].add(x);
      } else if (StoredCell::orderable(kind)) {
        this->states_[input.groups[i]].add(column, row);
      } else if (kind > Kind::kNull) {
        wrong.push_back(row);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      this->states_[first + i].cell.write(out, first_row + static_cast<uint32_t>(i));
    }
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_min(const AggregateCallSpec&) {
  return std::make_unique<ExtremeAggregate<-1>>();
}

std::unique_ptr<Aggregate> make_max(const AggregateCallSpec&) {
  return std::make_unique<ExtremeAggregate<1>>();
}

}  // namespace streamflow
