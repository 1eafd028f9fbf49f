#include "operators/aggregate/count.h"

#include <cmath>

#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

struct Count {
  uint64_t rows = 0;

  void merge(const Count& later) { rows += later.rows; }
  void save(std::string& out) const { save_count(rows, out); }
  void load(StateReader& in) { rows = in.count(); }
};

class CountAggregate final : public GroupedAggregate<Count> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    if (input.value == nullptr) {
      for (const uint32_t group : input.groups) ++states_[group].rows;
      return;
    }
    const Column& column = *input.value;
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const Kind kind = column.kind(input.rows[i]);
      if (kind == Kind::kError) {
        wrong.push_back(input.rows[i]);
        continue;
      }
      const bool nothing =
          kind <= Kind::kNull || (kind == Kind::kDouble && std::isnan(column.real(input.rows[i])));
      if (!nothing) ++states_[input.groups[i]].rows;
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      out.set_int(first_row + static_cast<uint32_t>(i),
                  static_cast<int64_t>(states_[first + i].rows));
    }
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_count(const AggregateCallSpec&) {
  return std::make_unique<CountAggregate>();
}

}  // namespace streamflow
