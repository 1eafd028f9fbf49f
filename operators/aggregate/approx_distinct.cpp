#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/keys.h"
#include "operators/aggregate/approximate.h"
#include "operators/aggregate/grouped.h"

namespace streamflow {
namespace {

constexpr unsigned kIndexBits = 14;
constexpr size_t kRegisters = size_t{1} << kIndexBits;
constexpr unsigned kRankBits = 64 - kIndexBits;

// Ertl's sigma and tau: what registers that are empty and full add to the harmonic sum.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x;
  for (double before = -1; z != before;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x;
  for (double before = -1; z != before;) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

struct Cardinality {
  std::vector<uint64_t> hashes;    // sorted; while there are few
  std::vector<uint8_t> registers;  // then

  void add(uint64_t hash) {
    if (!registers.empty()) return add_to_registers(hash);
    const auto place = std::lower_bound(hashes.begin(), hashes.end(), hash);
    if (place != hashes.end() && *place == hash) return;
    hashes.insert(place, hash);
    if (hashes.size() > kExactHashesMax) become_registers();
  }
  void merge(const Cardinality& later) {
    for (const uint64_t hash : later.hashes) add(hash);
    if (later.registers.empty()) return;
    if (registers.empty()) become_registers();
    for (size_t i = 0; i < kRegisters; ++i)
      registers[i] = std::max(registers[i], later.registers[i]);
  }
  int64_t estimate() const {
    if (registers.empty()) return static_cast<int64_t>(hashes.size());
    std::array<uint32_t, kRankBits + 2> counts{};
    for (const uint8_t rank : registers) ++counts[rank];
    constexpr double m = kRegisters;
    double z = m * tau(1 - counts[kRankBits + 1] / m);
    for (size_t rank = kRankBits; rank >= 1; --rank) z = 0.5 * (z + counts[rank]);
    z += m * sigma(counts[0] / m);
    return std::llround(m * m / (2 * std::log(2.0) * z));
  }
  void save(std::string& out) const {
    save_count(hashes.size(), out);
    for (const uint64_t hash : hashes) save_word(hash, out);
    save_text({reinterpret_cast<const char*>(registers.data()), registers.size()}, out);
  }
  void load(StateReader& in) {
    hashes.clear();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) hashes.push_back(in.word());
    const std::string_view bytes = in.text();
    registers.assign(bytes.begin(), bytes.end());
    const bool good = (registers.empty() || registers.size() == kRegisters) &&
                      std::all_of(registers.begin(), registers.end(),
                                  [](uint8_t rank) { return rank <= kRankBits + 1; });
    if (!good) in.fail();
  }

 private:
  void add_to_registers(uint64_t hash) {
    const uint64_t rest = hash << kIndexBits;
    const auto rank = static_cast<uint8_t>(
        rest == 0 ? kRankBits + 1 : static_cast<unsigned>(std::countl_zero(rest)) + 1);
    uint8_t& present = registers[hash >> kRankBits];
    present = std::max(present, rank);
  }
  void become_registers() {
    registers.assign(kRegisters, 0);
    for (const uint64_t hash : hashes) add_to_registers(hash);
    hashes = {};
  }
};

class ApproxCountDistinct final : public GroupedAggregate<Cardinality> {
 public:
  void add(const Contribution& input, Selection& wrong) override {
    for_values(input, wrong, [&](size_t i, uint32_t row) {
      encoding_.clear();
      append_key_cell(*input.value, row, encoding_);
      states_[input.groups[i]].add(key_hash(encoding_));
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [](const Cardinality& state, Column& to, uint32_t row) {
                   to.set_int(row, state.estimate());
                 });
  }

 private:
  std::string encoding_;
};

}  // namespace

std::unique_ptr<Aggregate> make_approx_count_distinct(const AggregateCallSpec&) {
  return std::make_unique<ApproxCountDistinct>();
}

}  // namespace streamflow
