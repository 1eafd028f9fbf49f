#include "operators/order/time_order.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/kept_rows.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;

class TimeOrder final : public Operator {
 public:
  explicit TimeOrder(std::unique_ptr<Operator> inner) : inner_(std::move(inner)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const size_t n = batch.count();
    size_t at = begin;
    std::shared_ptr<Times> marks;  // of the rows that are passed on
    while (at < n) {
      const Micros before = (*batch.watermark)[batch.row_at(at)];
      if (const Micros due = next_deadline(); before >= due && due != kTimeMax) return at;
      const size_t end = in_order_end(batch, at);
      if (end > at) {
        if (!marks) marks = std::make_shared<Times>(*batch.watermark);
        pass_on(batch, at, end, marks, out);
        at = end;
      } else {
        set_aside(batch, batch.row_at(at++), out);
      }
    }
    return n;
  }

  bool on_watermark(Micros upto, Emitter& out) override {
    if (!held_.empty() && held_.begin()->first <= upto) {
      release(upto, out);
      return false;
    }
    const Micros deadline = inner_->next_deadline();
    if (deadline > upto) return true;
    handled_ = std::max(handled_, deadline);
    return inner_->on_watermark(upto, out);
  }

  Micros next_deadline() const override {
    const Micros held = held_.empty() ? kTimeMax : held_.begin()->first;
    return std::min(held, inner_->next_deadline());
  }
  Micros output_watermark(Micros input) const override { return inner_->output_watermark(input); }

  void save(StateParts& parts) const override {
    inner_->save(parts);
    std::string own;
    if (parts.wants(0) && (handled_ != kTimeMin || !held_.empty())) {
      save_micros(handled_, own);
      save_micros(mark_, own);
      save_count(held_.size(), own);
      for (const auto& [time, row] : held_) RowKeeper::save(row, own);
    }
    for (unsigned partition = 0; partition < kPartitions; ++partition) {
      const bool first = partition == 0;
      std::string& text = parts[partition];
      if (text.empty() && (!first || own.empty())) continue;
      std::string before(1, static_cast<char>(kVersion));
      save_text(first ? std::string_view(own) : std::string_view(), before);
      text.insert(0, before);
    }
  }

  Status load(unsigned partition, std::string_view bytes) override {
    if (partition == 0) {
      handled_ = mark_ = kTimeMin;
      held_.clear();
    }
    if (bytes.empty()) return inner_->load(partition, {});
    StateReader in(bytes);
    if (in.byte() != kVersion)
      return fail(ErrorKind::kData, "order: unknown version of the state");
    const std::string_view own = in.text();
    if (!own.empty()) load_own(own, in);
    if (!in.ok()) return fail(ErrorKind::kData, "order: damaged state");
    return inner_->load(partition, in.rest());
  }

  std::bitset<kPartitions> take_dirty() override {
    std::bitset<kPartitions> dirty = inner_->take_dirty();
    if (std::exchange(dirty_, false)) dirty.set(0);
    return dirty;
  }

  std::string unfinished() const override {
    std::string words = inner_->unfinished();
    if (held_.empty()) return words;
    if (!words.empty()) words += " and ";
    return words + std::to_string(held_.size()) + (held_.size() == 1 ? " held record" : " held records");
  }

 private:
  // The watermark with this row counted in.
  static Micros after(const Batch& batch, uint32_t row) {
    return row + 1 < batch.rows ? (*batch.watermark)[row + 1] : batch.watermark_after;
  }

  // The end of the rows from `at` on that can be handled at once, in their order.  A row that is
  // older than its watermark begins anew: what the inner step's deadline did before it may make it
  // late.
  size_t in_order_end(const Batch& batch, size_t at) const {
    const size_t first = at;
    const Times& time = *batch.time;
    const Micros held = held_.empty() ? kTimeMax : held_.begin()->first;
    Micros last = handled_;
    for (; at < batch.count(); ++at) {
      const uint32_t row = batch.row_at(at);
      if (time[row] < last || time[row] >= held || time[row] > after(batch, row)) break;
      if (at != first && time[row] < (*batch.watermark)[row]) break;
      last = time[row];
    }
    return at;
  }

  void pass_on(const Batch& batch, size_t begin, size_t end, const std::shared_ptr<Times>& marks,
               Emitter& out) {
    Batch part = slice(batch, begin, end);
    for (size_t i = begin; i < end; ++i) {
      const uint32_t row = batch.row_at(i);
      handled_ = (*batch.time)[row];
      mark_ = std::max({mark_, (*batch.watermark)[row], handled_});
      (*marks)[row] = mark_;
    }
    part.watermark = marks;
    part.watermark_after = mark_;
    dirty_ = true;
    run(part, out);
  }

  // As a node runs its operator.
  void run(const Batch& batch, Emitter& out) {
    size_t at = inner_->process(batch, 0, out);
    while (at < batch.count()) {
      const Micros mark = (*batch.watermark)[batch.row_at(at)];
      while (!inner_->on_watermark(mark, out)) {
      }
      at = inner_->process(batch, at, out);
    }
  }

  void set_aside(const Batch& batch, uint32_t row, Emitter& out) {
    const Micros time = (*batch.time)[row];
    dirty_ = true;
    if (time < handled_) {
      Batch one = batch;
      one.selected = std::make_shared<Selection>(Selection{row});
      return out.late(std::move(one));
    }
    held_.emplace_hint(held_.end(), time, keeper_.keep(batch, row));
    ++out.tally().held;
  }

  // Hands on a batch of rows whose time the watermark has reached.
  void release(Micros upto, Emitter& out) {
    std::vector<const KeptRow*> due;
    auto end = held_.begin();
    for (; end != held_.end() && end->first <= upto && due.size() < kBatchRowsMax; ++end)
      due.push_back(&end->second);
    size_t taken = 0;
    Batch batch = RowKeeper::restore(due, taken);
    auto marks = std::make_shared<Times>();
    for (const Micros time : *batch.time) marks->push_back(mark_ = std::max(mark_, time));
    handled_ = batch.time->back();
    batch.watermark = std::move(marks);
    batch.watermark_after = mark_;
    held_.erase(held_.begin(), std::next(held_.begin(), static_cast<std::ptrdiff_t>(taken)));
    out.tally().held -= taken;
    dirty_ = true;
    run(batch, out);
  }

  void load_own(std::string_view own, StateReader& in) {
    StateReader rows(own);
    handled_ = rows.micros();
    mark_ = rows.micros();
    for (uint64_t left = rows.count(); left > 0 && rows.ok(); --left) {
      KeptRow row = keeper_.load(rows);
      const Micros time = row.time;
      held_.emplace_hint(held_.end(), time, std::move(row));
    }
    if (!rows.ok() || !rows.at_end()) in.fail();
  }

  std::unique_ptr<Operator> inner_;
  RowKeeper keeper_;
  std::multimap<Micros, KeptRow> held_;  // equal times in the order of arrival
  Micros handled_ = kTimeMin;            // time of the last row handled
  Micros mark_ = kTimeMin;               // watermark of the last row handled
  bool dirty_ = false;
};

}  // namespace

OptionDescriptor order_option() {
  return {.name = "order",
          .type = OptionType::kChoice,
          .help = "handle records by event time, or as they arrive (none is late then)",
          .fallback = "time",
          .choices = {"time", "arrival"}};
}

std::unique_ptr<Operator> in_time_order(std::unique_ptr<Operator> inner) {
  return std::make_unique<TimeOrder>(std::move(inner));
}

std::unique_ptr<Operator> in_order(const Params& params, std::unique_ptr<Operator> op) {
  return params.choice("order") == "arrival" ? std::move(op) : in_time_order(std::move(op));
}

}  // namespace streamflow
