#include "operators/aggregate/histogram.h"

#include <algorithm>
#include <cmath>

#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

constexpr double kBinMax = 9.0e15;  // beyond it neighbours of a bin are not told apart

struct Histogram {
  std::vector<std::pair<int64_t, uint64_t>> bins;  // number and count, by number
  uint32_t most = kAggregateValuesMax;
  bool over = false;

  void add(int64_t bin, uint64_t times = 1) {
    if (over) return;
    auto place = std::lower_bound(bins.begin(), bins.end(), bin,
                                  [](const auto& a, int64_t b) { return a.first < b; });
    if (place == bins.end() || place->first != bin) {
      if (bins.size() == most) {
        over = true;
        bins = {};
        return;
      }
      place = bins.insert(place, {bin, 0});
    }
    place->second += times;
  }
  void merge(const Histogram& later) {
    over |= later.over;
    if (over) bins = {};
    for (const auto& [bin, times] : later.bins) add(bin, times);
  }
  void save(std::string& out) const {
    out.push_back(over ? 1 : 0);
    save_count(bins.size(), out);
    for (const auto& [bin, times] : bins) {
      save_word(static_cast<uint64_t>(bin), out);
      save_count(times, out);
    }
  }
  void load(StateReader& in) {
    over = in.byte() != 0;
    bins.clear();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      const auto bin = static_cast<int64_t>(in.word());
      bins.emplace_back(bin, in.count());
    }
  }
};

class HistogramAggregate final : public GroupedAggregate<Histogram> {
 public:
  explicit HistogramAggregate(const AggregateCallSpec& spec)
      : GroupedAggregate<Histogram>(Histogram{{}, spec.values_max, false}) {
    for (const Value& edge : spec.constants) edges_.push_back(edge.to_double());
    if (edges_.empty()) edges_.push_back(1);
  }

  void add(const Contribution& input, Selection& wrong) override {
    for_numbers(input, wrong, [&](size_t i, double x) {
      int64_t bin = 0;
      if (find(x, bin)) states_[input.groups[i]].add(bin);
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [this](const Histogram& state, Column& to, uint32_t row) {
                   if (state.over) {
                     to.set(row, Value::error("histogram: more than max_values bins"));
                   } else {
                     to.set_text(row, Kind::kList, to.keep(json(state)));
                   }
                 });
  }

 private:
  bool by_width() const { return edges_.size() == 1; }
  bool find(double x, int64_t& bin) const {
    if (by_width()) {
      double place = std::floor(x / edges_[0]);
      // The division rounds: the edges are k * width, as they are shown.
      if (place * edges_[0] > x) --place;
      if ((place + 1) * edges_[0] <= x) ++place;
      if (!(std::abs(place) < kBinMax)) return false;
      bin = static_cast<int64_t>(place);
      return true;
    }
    if (x < edges_.front() || x > edges_.back()) return false;
    const auto above = std::upper_bound(edges_.begin(), edges_.end() - 1, x);
    bin = above - edges_.begin() - 1;
    bin = std::min<int64_t>(bin, static_cast<int64_t>(edges_.size()) - 2);
    return true;
  }
  void append(int64_t bin, uint64_t times, std::string& out) const {
    const double start =
        by_width() ? static_cast<double>(bin) * edges_[0] : edges_[static_cast<size_t>(bin)];
    const double end = by_width() ? static_cast<double>(bin + 1) * edges_[0]
                                  : edges_[static_cast<size_t>(bin) + 1];
    if (out.size() > 1) out += ',';
    out += "{\"start\":";
    append_json_double(start, out);
    out += ",\"end\":";
    append_json_double(end, out);
    out += ",\"count\":" + std::to_string(times) + "}";
  }
  std::string json(const Histogram& state) const {
    std::string out = "[";
    if (by_width()) {
      for (const auto& [bin, times] : state.bins) append(bin, times, out);
      return out + "]";
    }
    size_t next = 0;
    for (int64_t bin = 0; bin + 1 < static_cast<int64_t>(edges_.size()); ++bin) {
      const bool any = next < state.bins.size() && state.bins[next].first == bin;
      append(bin, any ? state.bins[next++].second : 0, out);
    }
    return out + "]";
  }

  std::vector<double> edges_;  // one: the width
};

}  // namespace

std::unique_ptr<Aggregate> make_histogram(const AggregateCallSpec& spec) {
  return std::make_unique<HistogramAggregate>(spec);
}

}  // namespace streamflow
