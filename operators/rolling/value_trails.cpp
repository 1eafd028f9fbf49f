#include "operators/rolling/value_trails.h"

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <limits>

#include "core/keys.h"
#include "operators/aggregate/distinct.h"
#include "operators/aggregate/quantile.h"
#include "operators/aggregate/stored_cell.h"
#include "operators/aggregate/value_counts.h"
#include "operators/rolling/collected_rows.h"
#include "operators/rolling/ring.h"

namespace streamflow {
namespace {

// What these have in common: a window by key, rows collected first.
template <class Window>
class ValueTrail : public Trail {
 public:
  ValueTrail(size_t call, CollectedRows::Takes takes) : rows_(takes), call_(call) {}
  void read(CallInputs& inputs, const Batch& batch, std::span<const uint32_t> rows,
            Emitter& out) final {
    rows_.read(inputs, call_, batch, rows, out);
  }
  void forget(uint32_t key) final { window(key) = Window(); }
  void save(uint32_t key, std::string& out) const final {
    key < windows_.size() ? windows_[key].save(out) : Window().save(out);
  }
  void load(uint32_t key, StateReader& in) final {
    window(key) = Window();
    window(key).load(in);
  }

 protected:
  Window& window(uint32_t key) {
    if (windows_.size() <= key) windows_.resize(key + size_t{1});
    return windows_[key];
  }
  CollectedRows rows_;

 private:
  size_t call_;
  std::vector<Window> windows_;
};

// --- min, max ---

struct ExtremeWindow {
  struct Candidate {
    uint64_t number = 0;  // of its record
    StoredCell cell;
  };
  Ring<Candidate> candidates;
  uint64_t pushed = 0, popped = 0;

  void push(const Column* column, uint32_t row, int sign) {
    const uint64_t number = pushed++;
    if (column == nullptr) return;
    while (!candidates.empty() && candidates.back().cell.compare(*column, row) * sign <= 0) {
      candidates.pop_back();
    }
    Candidate candidate{number, {}};
    candidate.cell.set(*column, row);
    candidates.push_back(std::move(candidate));
  }
  void pop() {
    if (!candidates.empty() && candidates.front().number == popped) candidates.pop_front();
    ++popped;
  }
  void save(std::string& out) const {
    save_count(pushed - popped, out);
    save_count(candidates.size(), out);
    for (size_t i = 0; i < candidates.size(); ++i) {
      save_count(candidates[i].number - popped, out);
      candidates[i].cell.save(out);
    }
  }
  void load(StateReader& in) {
    pushed = in.count();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      Candidate candidate{in.count(), {}};
      candidate.cell.load(in);
      candidates.push_back(std::move(candidate));
    }
  }
};

class ExtremeTrail final : public ValueTrail<ExtremeWindow> {
 public:
  ExtremeTrail(size_t call, int sign)
      : ValueTrail<ExtremeWindow>(call, CollectedRows::Takes::kOrderable), sign_(sign) {}
  void push(uint32_t key, size_t i) override {
    window(key).push(rows_.has(i) ? &rows_.column() : nullptr, rows_.row(i), sign_);
  }
  void pop(uint32_t key) override { window(key).pop(); }
  void write(uint32_t key, Column& out, uint32_t row) override {
    const ExtremeWindow& from = window(key);
    if (from.candidates.empty()) {
      out.set_null(row);
    } else {
      from.candidates.front().cell.write(out, row);
    }
  }

 private:
  int sign_;
};

// --- median, quantile ---

using CountingTree =
    __gnu_pbds::tree<std::pair<double, uint64_t>, __gnu_pbds::null_type,
                     std::less<std::pair<double, uint64_t>>, __gnu_pbds::rb_tree_tag,
                     __gnu_pbds::tree_order_statistics_node_update>;

struct QuantileWindow {
  Ring<double> values;  // by record; NaN: none
  uint64_t popped = 0;
  std::unique_ptr<CountingTree> tree = std::make_unique<CountingTree>();

  void push(double value) {
    if (value == value) tree->insert({value, popped + values.size()});
    values.push_back(value);
  }
  void pop() {
    const double value = values.front();
    if (value == value) tree->erase({value, popped});
    values.pop_front();
    ++popped;
  }
  double quantile(double q) const {
    const QuantilePlace place = quantile_place(tree->size(), q);
    auto at = tree->find_by_order(place.low);
    const double low = at->first;
    if (place.fraction == 0) return low;
    return between(low, (++at)->first, place.fraction);
  }
  void save(std::string& out) const {
    save_count(values.size(), out);
    for (size_t i = 0; i < values.size(); ++i) save_real(values[i], out);
  }
  void load(StateReader& in) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) push(in.real());
  }
};

class QuantileTrail final : public ValueTrail<QuantileWindow> {
 public:
  QuantileTrail(size_t call, double q)
      : ValueTrail<QuantileWindow>(call, CollectedRows::Takes::kNumbers), q_(q) {}
  void push(uint32_t key, size_t i) override {
    window(key).push(rows_.has(i) ? rows_.column().number(rows_.row(i))
                                  : std::numeric_limits<double>::quiet_NaN());
  }
  void pop(uint32_t key) override { window(key).pop(); }
  void write(uint32_t key, Column& out, uint32_t row) override {
    const QuantileWindow& from = window(key);
    if (from.tree->empty()) {
      out.set_null(row);
    } else {
      out.set_real(row, from.quantile(q_));
    }
  }

 private:
  double q_;
};

// --- count_distinct, mode ---

struct DistinctWindow {
  Ring<std::string> values;  // by record, as keys are encoded; empty: none
  ValueCounts counts;

  void push(std::string encoding, Kind kind) {
    if (!encoding.empty()) counts.add(encoding, kind);
    values.push_back(std::move(encoding));
  }
  void pop() {
    if (!values.front().empty()) counts.remove(values.front());
    values.pop_front();
  }
  void save(std::string& out) const {
    save_count(values.size(), out);
    for (size_t i = 0; i < values.size(); ++i) save_text(values[i], out);
    counts.save(out);
  }
  void load(StateReader& in) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) values.push_back(std::string(in.text()));
    counts.load(in);
  }
};

class DistinctTrail final : public ValueTrail<DistinctWindow> {
 public:
  DistinctTrail(const CallPlan& plan, size_t call)
      : ValueTrail<DistinctWindow>(call, CollectedRows::Takes::kAll),
        listed_(plan.kind->name == "mode" ? listed_of(plan.spec) : 0) {}
  void push(uint32_t key, size_t i) override {
    std::string encoding;
    if (rows_.has(i)) append_key_cell(rows_.column(), rows_.row(i), encoding);
    const Kind kind = rows_.column().kind(rows_.row(i));
    window(key).push(std::move(encoding), kind);
  }
  void pop(uint32_t key) override { window(key).pop(); }
  void write(uint32_t key, Column& out, uint32_t row) override {
    const ValueCounts& counts = window(key).counts;
    if (listed_ == 0) {
      out.set_int(row, static_cast<int64_t>(counts.size()));
    } else if (counts.size() == 0) {
      out.set_null(row);
    } else {
      out.set_text(row, Kind::kList, out.keep(most_frequent(counts, listed_)));
    }
  }

 private:
  uint32_t listed_;  // 0: their number
};

}  // namespace

std::unique_ptr<Trail> make_extreme_trail(size_t call, int sign) {
  return std::make_unique<ExtremeTrail>(call, sign);
}

std::unique_ptr<Trail> make_quantile_trail(const CallPlan& plan, size_t call) {
  return std::make_unique<QuantileTrail>(call, quantile_of(plan.spec));
}

std::unique_ptr<Trail> make_distinct_trail(const CallPlan& plan, size_t call) {
  return std::make_unique<DistinctTrail>(plan, call);
}

}  // namespace streamflow
