// Which rows have a value that an aggregate takes: what it would be given, remembered instead.
#pragma once

#include <cmath>
#include <vector>

#include "operators/aggregate/calls.h"

namespace streamflow {

class CollectedRows final : public Aggregate {
 public:
  enum class Takes : unsigned char { kNumbers, kOrderable, kAll };
  explicit CollectedRows(Takes takes) : takes_(takes) {}

  void read(CallInputs& inputs, size_t call, const Batch& batch, std::span<const uint32_t> rows,
            Emitter& out) {
    groups_.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) groups_[i] = static_cast<uint32_t>(i);
    rows_.assign(rows.begin(), rows.end());
    taken_.assign(rows.size(), 0);
    column_ = inputs.value(call);
    inputs.add(batch, call, *this, rows, groups_, out);
  }
  bool has(size_t i) const { return taken_[i] != 0; }
  uint32_t row(size_t i) const { return rows_[i]; }
  const Column& column() const { return *column_; }

  void resize(size_t) override {}
  void add(const Contribution& input, Selection& wrong) override {
    for (size_t i = 0; i < input.rows.size(); ++i) {
      const Kind kind = input.value->kind(input.rows[i]);
      if (kind <= Kind::kNull) continue;
      if (kind == Kind::kDouble && std::isnan(input.value->real(input.rows[i]))) continue;
      if (takes(kind)) {
        taken_[input.groups[i]] = 1;
      } else {
        wrong.push_back(input.rows[i]);
      }
    }
  }
  void merge(std::span<const uint32_t>, const Aggregate&, std::span<const uint32_t>) override {}
  void write(uint32_t, size_t, Column&, uint32_t) const override {}
  void reset(uint32_t) override {}
  void save(uint32_t, std::string&) const override {}
  void load(uint32_t, StateReader&) override {}

 private:
  bool takes(Kind kind) const {
    if (takes_ == Takes::kNumbers) return is_number(kind);
    return takes_ == Takes::kOrderable ? kind <= Kind::kDuration : kind <= Kind::kMap;
  }

  Takes takes_;
  const Column* column_ = nullptr;
  std::vector<uint32_t> rows_, groups_;
  std::vector<char> taken_;
};

}  // namespace streamflow
