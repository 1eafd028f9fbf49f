#include "operators/aggregate/choice.h"

#include <cmath>

#include "operators/aggregate/grouped.h"
#include "operators/aggregate/stored_cell.h"

namespace streamflow {
namespace {

// By value: of equal numbers of different kinds none is less.
int compare_values(const StoredCell& a, const StoredCell& b) {
  if (is_number(a.kind()) && is_number(b.kind())) {
    return compare_numbers(a.kind(), a.bits(), b.kind(), b.bits());
  }
  return a.compare(b);
}

template <int kSign>  // -1: least, 1: greatest
struct Choice {
  Micros time = 0;
  StoredCell by, value;

  bool yields_to(const StoredCell& other, Micros other_time) const {
    if (by.empty()) return true;
    const int order = compare_values(other, by) * kSign;
    return order > 0 || (order == 0 && other_time < time);
  }
  void merge(const Choice& later) {
    if (!later.by.empty() && yields_to(later.by, later.time)) *this = later;
  }
  void save(std::string& out) const {
    save_micros(time, out);
    by.save(out);
    value.save(out);
  }
  void load(StateReader& in) {
    time = in.micros();
    by.load(in);
    value.load(in);
  }
};

template <int kSign>
class ChoiceAggregate final : public GroupedAggregate<Choice<kSign>> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    StoredCell candidate;
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind by = input.second->kind(row);
      if (by <= Kind::kNull) continue;
      if (by == Kind::kDouble && std::isnan(input.second->real(row))) continue;
      if (!StoredCell::orderable(by) || input.value->kind(row) > Kind::kMap) {
        wrong.push_back(row);
        continue;
      }
      candidate.set(*input.second, row);
      Choice<kSign>& state = this->states_[input.groups[i]];
      if (!state.yields_to(candidate, input.time[row])) continue;
      state.time = input.time[row];
      state.by = candidate;
      state.value.set(*input.value, row);
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(
        this->states_, first, count, out, first_row,
        [](const Choice<kSign>& state, Column& to, uint32_t row) { state.value.write(to, row); });
  }
};

struct Truth {
  bool some_true = false, some_false = false;

  void merge(const Truth& later) {
    some_true |= later.some_true;
    some_false |= later.some_false;
  }
  void save(std::string& out) const {
    out.push_back(static_cast<char>((some_true ? 1 : 0) | (some_false ? 2 : 0)));
  }
  void load(StateReader& in) {
    const unsigned char bits = in.byte();
    some_true = (bits & 1) != 0;
    some_false = (bits & 2) != 0;
  }
};

class TruthAggregate final : public GroupedAggregate<Truth> {
 public:
  explicit TruthAggregate(bool all) : all_(all) {}

  void add(const Contribution& input, Selection& wrong) override {
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const uint32_t row = input.rows[i];
      const Kind kind = input.value->kind(row);
      if (kind == Kind::kBool) {
        Truth& state = states_[input.groups[i]];
        (input.value->bits(row) != 0 ? state.some_true : state.some_false) = true;
      } else if (kind > Kind::kNull) {
        wrong.push_back(row);
      }
    }
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [this](const Truth& state, Column& to, uint32_t row) {
                   if (!state.some_true && !state.some_false) return to.set_null(row);
                   to.set_bool(row, all_ ? !state.some_false : state.some_true);
                 });
  }

 private:
  bool all_;
};

}  // namespace

std::unique_ptr<Aggregate> make_argmin(const AggregateCallSpec&) {
  return std::make_unique<ChoiceAggregate<-1>>();
}
std::unique_ptr<Aggregate> make_argmax(const AggregateCallSpec&) {
  return std::make_unique<ChoiceAggregate<1>>();
}
std::unique_ptr<Aggregate> make_any(const AggregateCallSpec&) {
  return std::make_unique<TruthAggregate>(false);
}
std::unique_ptr<Aggregate> make_all(const AggregateCallSpec&) {
  return std::make_unique<TruthAggregate>(true);
}

}  // namespace streamflow
