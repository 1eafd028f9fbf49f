#include "operators/aggregate/distinct.h"

#include <algorithm>

#include "core/keys.h"
#include "operators/aggregate/grouped.h"
#include "operators/aggregate/value_counts.h"

namespace streamflow {
namespace {

struct Distinct {
  ValueCounts counts;
  uint32_t most = kAggregateValuesMax;
  bool over = false;

  void add(std::string_view encoding, Kind kind) {
    if (over) return;
    counts.add(encoding, kind);
    check();
  }
  void merge(const Distinct& later) {
    if (over) return;
    over = later.over;
    if (!over) counts.merge(later.counts);
    check();
  }
  void save(std::string& out) const {
    out.push_back(over ? 1 : 0);
    counts.save(out);
  }
  void load(StateReader& in) {
    over = in.byte() != 0;
    counts.load(in);
  }

 private:
  void check() {
    if (counts.size() > most) over = true;
    if (over) counts = {};
  }
};

class DistinctAggregate final : public GroupedAggregate<Distinct> {
 public:
  DistinctAggregate(const AggregateCallSpec& spec, uint32_t listed)
      : GroupedAggregate<Distinct>(Distinct{{}, spec.values_max, false}),
        name_(spec.function),
        listed_(listed) {}

  void add(const Contribution& input, Selection& wrong) override {
    for_values(input, wrong, [&](size_t i, uint32_t row) {
      encoding_.clear();
      append_key_cell(*input.value, row, encoding_);
      states_[input.groups[i]].add(encoding_, input.value->kind(row));
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [this](const Distinct& state, Column& to, uint32_t row) {
                   if (state.over) {
                     to.set(row, Value::error(name_ + ": more than max_values different values"));
                   } else if (listed_ == 0) {
                     to.set_int(row, static_cast<int64_t>(state.counts.size()));
                   } else if (state.counts.size() == 0) {
                     to.set_null(row);
                   } else {
                     to.set_text(row, Kind::kList, to.keep(most_frequent(state.counts, listed_)));
                   }
                 });
  }

 private:
  std::string name_;
  uint32_t listed_;  // 0: their number
  std::string encoding_;
};

}  // namespace

std::string most_frequent(const ValueCounts& counts, uint32_t k) {
  std::vector<const ValueCounts::Entry*> entries;
  counts.each([&](const ValueCounts::Entry& entry) { entries.push_back(&entry); });
  const size_t taken = std::min<size_t>(k, entries.size());
  std::partial_sort(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(taken), entries.end(),
                    [&](const auto* a, const auto* b) {
                      if (a->count != b->count) return a->count > b->count;
                      return counts.encoding(*a) < counts.encoding(*b);
                    });
  std::string json = "[";
  for (size_t i = 0; i < taken; ++i) {
    if (i > 0) json += ',';
    append_json(counts.value(*entries[i]), json);
  }
  return json + "]";
}

uint32_t listed_of(const AggregateCallSpec& spec) {
  if (spec.constants.empty() || !is_number(spec.constants[0].kind())) return 1;
  return static_cast<uint32_t>(std::clamp(spec.constants[0].to_double(), 1.0, double{kListedMax}));
}

std::unique_ptr<Aggregate> make_count_distinct(const AggregateCallSpec& spec) {
  return std::make_unique<DistinctAggregate>(spec, 0);
}

std::unique_ptr<Aggregate> make_mode(const AggregateCallSpec& spec) {
  return std::make_unique<DistinctAggregate>(spec, listed_of(spec));
}

}  // namespace streamflow
