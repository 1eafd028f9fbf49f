#include "operators/top/top.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/keys.h"
#include "core/operator_output.h"
#include "core/kept_rows.h"
#include "operators/key_columns.h"
#include "operators/top/top_order.h"

namespace streamflow {
namespace {

constexpr unsigned char kVersion = 1;
constexpr Micros kTimesMax = kTimeMax / 4;  // beyond it no window is computed

enum class TopWindow : unsigned char { kAbove, kWithin, kAll };

struct TopPlan {
  size_t most = 0;
  TopWindow window = TopWindow::kAll;
  Micros within = 0;
  bool ties = false;  // all records that equal the last one
  std::string rank;   // name of a field, or empty
  size_t records_max = 0;
  TopOrder order;
  std::unique_ptr<KeyColumns> keys;
};

// Records are held until their window closes, at most `most` of each window and key (and those that
// tie): one that has no place any more is filtered at once.  A closed window's records are sent in
// the order of (key, rank), with the time of the window's last microsecond, or without a window
// that of the stream's last record.  A record whose window is closed is late.
//
// State: the held records, at most records_max, then records fail.
class Top final : public Operator {
 public:
  explicit Top(TopPlan plan) : plan_(std::move(plan)), ids_(KeyDictionary::kKeysMax) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const std::vector<ColumnPtr> order = plan_.order.columns(batch, begin);
    const std::vector<ColumnPtr> keys = plan_.keys->columns(batch, begin);
    size_t at = begin;
    for (; at < batch.count(); ++at) {
      const uint32_t row = batch.row_at(at);
      if ((*batch.watermark)[row] >= deadline_) break;
      std::string_view error = KeyColumns::error(keys, row);
      if (error.empty()) error = TopOrder::error(order, row);
      if (error.empty()) error = take(batch, row, order, keys, out);
      if (!error.empty()) out.fail(batch, row, error);
    }
    if (at > begin) dirty_.set(0);
    return at;
  }

  bool on_watermark(Micros upto, Emitter& out) override {
    if (windows_.empty() || deadline_ > upto) return true;
    const auto first = windows_.begin();
    const Micros end = first->first;
    if (closing_.empty()) {
      for (auto& [id, group] : first->second) closing_.push_back(id);
      ids_.sort(closing_);
      std::reverse(closing_.begin(), closing_.end());  // the next one is the last
    }
    std::vector<const KeptRow*> rows;
    std::vector<uint32_t> ranks, done;
    while (!closing_.empty() && rows.size() < kBatchRowsMax) {
      add(first->second.at(closing_.back()), rows, ranks);
      if (next_ == 0) {
        done.push_back(closing_.back());
        closing_.pop_back();
      }
    }
    send(rows, ranks, end == kTimeMax ? last_time_ : end - 1, upto, out);
    for (const uint32_t id : done) drop(first->second, id);
    if (closing_.empty()) windows_.erase(first);
    find_deadline();
    if (deadline_ <= upto && !windows_.empty()) return false;
    ids_.forget_dead();
    return true;
  }

  Micros next_deadline() const override { return deadline_; }

  void save(StateParts& parts) const override {
    CountedEntries entries(parts);
    for (const auto& [end, group_by_key] : windows_) {
      for (const auto& [id, group] : group_by_key) {
        std::string* const out = entries.next(partition(id));
        if (out == nullptr) continue;
        // While a window is being sent: what was sent is gone, of one key some first records.
        const bool current = next_ > 0 && end == windows_.begin()->first && id == closing_.back();
        const size_t from = current ? next_ : 0;
        save_micros(end, *out);
        ids_.save(id, *out);
        save_count(from, *out);
        save_count(current ? rank_at(group, next_) : 0, *out);
        save_count(group.items.size() - from, *out);
        for (size_t i = from; i < group.items.size(); ++i) {
          const Item& item = group.items[i];
          save_count(item.arrival, *out);
          for (const StoredCell& cell : item.place) cell.save(*out);
          RowKeeper::save(item.row, *out);
        }
      }
    }
    for (unsigned at = 0; at < kPartitions; ++at) {
      if (!parts.wants(at) || (entries.count(at) == 0 && (at != 0 || arrived_ == 0))) continue;
      std::string& out = parts[at];
      out.push_back(static_cast<char>(kVersion));
      if (at == 0) {
        save_count(arrived_, out);
        for (const Micros time : {last_time_, last_forwarded_}) save_micros(time, out);
      }
      entries.append_to(out, at);
    }
  }

  Status load(unsigned partition_, std::string_view bytes) override {
    forget_partition(partition_);
    if (!bytes.empty()) {
      StateReader in(bytes);
      if (in.byte() != kVersion) return fail(ErrorKind::kData, "top: unknown version of the state");
      if (partition_ == 0) {
        arrived_ = in.count();
        for (Micros* time : {&last_time_, &last_forwarded_}) *time = in.micros();
      }
      for (uint64_t left = in.count(); left > 0 && in.ok(); --left) load_group(in);
      ids_.unpin();
      if (!in.ok() || !in.at_end()) {
        forget_partition(partition_);
        return fail(ErrorKind::kData, "top: damaged state");
      }
    }
    find_deadline();
    return {};
  }

  std::bitset<kPartitions> take_dirty() override { return std::exchange(dirty_, {}); }

  std::string unfinished() const override {
    if (windows_.empty()) return {};
    return std::to_string(windows_.size()) +
           (windows_.size() == 1 ? " open window" : " open windows");
  }

 private:
  struct Item {
    std::vector<StoredCell> place;
    uint64_t arrival = 0;
    KeptRow row;
  };
  struct Group {
    std::vector<Item> items;  // in their order
    // Loaded while it was being sent: how many were, and the rank of the first that was not.
    uint32_t sent = 0, first_rank = 0;
  };
  using Groups = std::map<uint32_t, Group>;

  // When the window of a time closes.
  Micros end_of(Micros time) const {
    switch (plan_.window) {
      case TopWindow::kAbove:
        return time + 1;
      case TopWindow::kWithin:
        return floor_to(time, plan_.within) + plan_.within;
      case TopWindow::kAll:
        break;
    }
    return kTimeMax;
  }

  // The reason why the record fails, or empty.
  std::string_view take(const Batch& batch, uint32_t row, const std::vector<ColumnPtr>& order,
                        const std::vector<ColumnPtr>& keys, Emitter& out) {
    const Micros time = (*batch.time)[row];
    if (time < -kTimesMax || time > kTimesMax) return "top: the record's time is out of range";
    const Micros end = end_of(time);
    if (end <= (*batch.watermark)[row]) {
      Batch one = batch;
      one.selected = std::make_shared<Selection>(Selection{row});
      out.late(std::move(one));
      return {};
    }
    std::vector<const Column*> plain;
    for (const ColumnPtr& column : keys) plain.push_back(column.get());
    uint32_t id = KeyDictionary::kNone;
    if (!ids_.ids_of(plain, {&row, 1}, &id)) return "top: too many keys at a time";
    last_time_ = std::max(last_time_, time);
    Groups& groups = windows_[end];
    const auto [found, is_new] = groups.try_emplace(id);
    if (is_new) ids_.retain(id);
    ids_.unpin();
    deadline_ = std::min(deadline_, end);
    dirty_.set(partition(id));
    return insert(found->second, batch, row, order, out);
  }

  std::string_view insert(Group& group, const Batch& batch, uint32_t row,
                          const std::vector<ColumnPtr>& order, Emitter& out) {
    std::vector<Item>& items = group.items;
    const Micros time = (*batch.time)[row];
    const uint64_t arrival = arrived_++;
    // Behind those that come before it by (order, time); it is the last to arrive.
    const auto place = std::partition_point(items.begin(), items.end(), [&](const Item& item) {
      const int c = plan_.order.compare(order, row, item.place);
      return c > 0 || (c == 0 && item.row.time <= time);
    });
    const auto index = static_cast<size_t>(place - items.begin());
    if (plan_.most == 0 || (index >= plan_.most && !ties_with_last(items, order, row))) {
      ++out.tally().filtered;
      return {};
    }
    if (held_ >= plan_.records_max) return "top: more than max_records records at a time";
    Item item;
    item.place.resize(plan_.order.size());
    for (size_t i = 0; i < order.size(); ++i) item.place[i].set(*order[i], row);
    item.arrival = arrival;
    item.row = keeper_.keep(batch, row);
    items.insert(place, std::move(item));
    ++held_;
    ++out.tally().held;
    cut(items, out);
    return {};
  }

  bool ties_with_last(const std::vector<Item>& items, const std::vector<ColumnPtr>& order,
                      uint32_t row) const {
    return plan_.ties && items.size() >= plan_.most &&
           plan_.order.compare(order, row, items[plan_.most - 1].place) == 0;
  }

  // Records that lost their place.
  void cut(std::vector<Item>& items, Emitter& out) {
    size_t keep = std::min(items.size(), plan_.most);
    if (plan_.ties)
      while (keep < items.size() &&
             plan_.order.compare(items[keep].place, items[plan_.most - 1].place) == 0)
        ++keep;
    const size_t gone = items.size() - keep;
    items.resize(keep);
    held_ -= gone;
    out.tally().held -= gone;
    out.tally().filtered += gone;
  }

  // The rank of item `i`, that before it having rank_.
  uint32_t rank_at(const Group& group, size_t i) const {
    if (i == 0 && group.first_rank != 0) return group.first_rank;
    const bool shared = plan_.ties && i > 0 &&
                        plan_.order.compare(group.items[i - 1].place, group.items[i].place) == 0;
    return shared ? rank_ : group.sent + static_cast<uint32_t>(i) + 1;
  }

  // Rows of the group that is being sent, from next_ on; next_ is 0 when it is done.
  void add(const Group& group, std::vector<const KeptRow*>& rows, std::vector<uint32_t>& ranks) {
    for (; next_ < group.items.size() && rows.size() < kBatchRowsMax; ++next_) {
      rank_ = rank_at(group, next_);
      rows.push_back(&group.items[next_].row);
      ranks.push_back(rank_);
    }
    if (next_ == group.items.size()) next_ = 0;
  }

  void send(const std::vector<const KeptRow*>& rows, const std::vector<uint32_t>& ranks,
            Micros time, Micros upto, Emitter& out) {
    for (size_t begin = 0; begin < rows.size();) {
      size_t end = begin;
      Batch batch = RowKeeper::restore(rows, end);
      const Micros mark = made_row_watermark(last_forwarded_, time, upto);
      batch.time = std::make_shared<Times>(batch.rows, time);
      batch.watermark = std::make_shared<Times>(batch.rows, mark);
      batch.watermark_after = mark;
      if (!plan_.rank.empty()) {
        auto column = std::make_shared<Column>(batch.rows);
        for (size_t i = begin; i < end; ++i) column->set_int(i - begin, ranks[i]);
        batch.set(plan_.rank, std::move(column));
      }
      held_ -= batch.rows;
      out.tally().held -= batch.rows;
      out.tally().passed += batch.rows;
      out.emit(std::move(batch));
      begin = end;
    }
  }

  void drop(Groups& groups, uint32_t id) {
    dirty_.set(partition(id));
    groups.erase(id);
    ids_.release(id);
  }

  void find_deadline() { deadline_ = windows_.empty() ? kTimeMax : windows_.begin()->first; }

  void load_group(StateReader& in) {
    const Micros end = in.micros();
    const uint32_t id = ids_.id_of(in.text());
    if (id == KeyDictionary::kNone || !in.ok()) return in.fail();
    const auto [found, is_new] = windows_[end].try_emplace(id);
    if (is_new) ids_.retain(id);
    Group& group = found->second;
    group.sent = static_cast<uint32_t>(in.count());
    group.first_rank = static_cast<uint32_t>(in.count());
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      Item item;
      item.arrival = in.count();
      item.place.resize(plan_.order.size());
      for (StoredCell& cell : item.place) cell.load(in);
      item.row = keeper_.load(in);
      group.items.push_back(std::move(item));
      ++held_;
    }
  }

  void forget_partition(unsigned partition_) {
    closing_.clear();
    next_ = 0;
    for (auto window = windows_.begin(); window != windows_.end();) {
      Groups& groups = window->second;
      for (auto group = groups.begin(); group != groups.end();) {
        if (partition(group->first) != partition_) {
          ++group;
          continue;
        }
        held_ -= group->second.items.size();
        ids_.release(group->first);
        group = groups.erase(group);
      }
      window = groups.empty() ? windows_.erase(window) : std::next(window);
    }
  }

  unsigned partition(uint32_t id) const { return plan_.keys->keyed() ? ids_.partition(id) : 0; }

  const TopPlan plan_;
  KeyDictionary ids_;
  RowKeeper keeper_;
  std::map<Micros, Groups> windows_;  // by end
  std::vector<uint32_t> closing_;     // keys of the first window that are still to be sent
  size_t next_ = 0;                   // row of the last of them
  uint32_t rank_ = 0;
  uint64_t arrived_ = 0;
  size_t held_ = 0;
  Micros last_time_ = kTimeMin;
  Micros last_forwarded_ = kTimeMin;
  Micros deadline_ = kTimeMax;
  std::bitset<kPartitions> dirty_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  TopPlan plan;
  plan.most = static_cast<size_t>(params.integer("top"));
  plan.ties = params.choice("ties") == "all";
  plan.rank = params.text("rank");
  plan.records_max = static_cast<size_t>(params.integer("max_records"));
  if (params.has("within")) {
    plan.within = params.duration("within");
    plan.window = TopWindow::kWithin;
    if (plan.within <= 0) {
      context.diagnostics.error("E0409", params.span("within"), "a window has a length above zero");
      return nullptr;
    }
  } else if (context.input.window_us > 0) {
    plan.window = TopWindow::kAbove;
  }
  auto order = TopOrder::build(context);
  plan.keys = KeyColumns::build(context);
  if (!order || !plan.keys) return nullptr;
  plan.order = std::move(*order);
  if (plan.keys->keyed()) {
    context.output.keys.clear();
    for (const std::string& name : plan.keys->names())
      if (context.output.find(name) || context.output.open) context.output.keys.push_back(name);
  }
  if (!plan.rank.empty()) context.output.set(plan.rank, Type::kInt);
  return std::make_unique<Top>(std::move(plan));
}

}  // namespace

StepDescriptor top_step() {
  StepDescriptor step;
  step.verb = "top";
  step.summary = "the first records of each window and key, sent when the window closes";
  step.pandas = "nlargest, nsmallest, groupby().head()";
  step.argument = {.name = "top",
                   .type = OptionType::kInteger,
                   .help = "how many",
                   .required = true,
                   .least = 0};
  step.options = {
      TopOrder::option(),
      KeyColumns::option(),
      {.name = "rank", .type = OptionType::kName, .help = "a field for the place, from 1"},
      {.name = "ties",
       .type = OptionType::kChoice,
       .help = "exactly so many, or also all that equal the last one (they share their rank)",
       .fallback = "cut",
       .choices = {"cut", "all"}},
      {.name = "within",
       .type = OptionType::kDuration,
       .help = "the window, as in 60s; without it the window above, else the whole stream"},
      {.name = "max_records",
       .type = OptionType::kInteger,
       .help = "most records held; one beyond it fails",
       .fallback = "1000000",
       .least = 1}};
  step.example = "- top: 3\n  of: [-price, bidder]\n  by: category\n  within: 60s\n  rank: place";
  step.build = build;
  return step;
}

}  // namespace streamflow
