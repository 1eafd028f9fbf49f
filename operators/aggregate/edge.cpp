#include "operators/aggregate/edge.h"

#include <cmath>

#include "operators/aggregate/grouped.h"
#include "operators/aggregate/stored_cell.h"

namespace streamflow {
namespace {

template <bool kLast>
struct Edge {
  Micros time = 0;
  StoredCell cell;

  // Whether a record that arrived later, of time `t`, takes the place.
  bool yields_to(Micros t) const { return cell.empty() || (kLast ? t >= time : t < time); }
  void merge(const Edge& later) {
    if (!later.cell.empty() && yields_to(later.time)) *this = later;
  }
  void save(std::string& out) const {
    save_micros(time, out);
    cell.save(out);
  }
  void load(StateReader& in) {
    time = in.micros();
    cell.load(in);
  }
};

template <bool kLast>
class EdgeAggregate final : public GroupedAggregate<Edge<kLast>> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    const Column& column = *input.value;
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind kind = column.kind(row);
      if (kind <= Kind::kNull) continue;
      if (kind > Kind::kMap) {
        wrong.push_back(row);
        continue;
      }
      if (kind == Kind::kDouble && std::isnan(column.real(row))) continue;
      Edge<kLast>& edge = this->states_[input.groups[i]];
      if (!edge.yields_to(input.time[row])) continue;
      edge.time = input.time[row];
      edge.cell.set(column, row);
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    for (size_t i = 0; i < count; ++i) {
      this->states_[first + i].cell.write(out, first_row + static_cast<uint32_t>(i));
    }
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_first(const AggregateCallSpec&) {
  return std::make_unique<EdgeAggregate<false>>();
}

std::unique_ptr<Aggregate> make_last(const AggregateCallSpec&) {
  return std::make_unique<EdgeAggregate<true>>();
}

}  // namespace streamflow
