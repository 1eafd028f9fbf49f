#include "operators/aggregate/listing.h"

#include <algorithm>
#include <bit>

#include "operators/aggregate/distinct.h"
#include "operators/aggregate/grouped.h"
#include "operators/aggregate/stored_cell.h"

namespace streamflow {
namespace {

void append_cell(const StoredCell& cell, std::string& json) {
  switch (cell.kind()) {
    case Kind::kList:
    case Kind::kMap:
      json += cell.text();
      break;
    case Kind::kString:
      append_json_string(cell.text(), json);
      break;
    case Kind::kDouble:
      append_json_double(std::bit_cast<double>(cell.bits()), json);
      break;
    default: {
      Column one(1);
      cell.write(one, 0);
      append_json(one.value(0), json);
    }
  }
}

struct Top {
  std::vector<StoredCell> cells;  // descending
  uint32_t most = 1;

  void add(StoredCell cell) {
    const auto place =
        std::upper_bound(cells.begin(), cells.end(), cell,
                         [](const auto& a, const auto& b) { return a.compare(b) > 0; });
    if (cells.size() == most) {
      if (place == cells.end()) return;
      cells.pop_back();
    }
    cells.insert(place, std::move(cell));
  }
  void add(const Column& column, uint32_t row) {
    if (cells.size() == most && cells.back().compare(column, row) >= 0) return;
    StoredCell cell;
    cell.set(column, row);
    add(std::move(cell));
  }
  void merge(const Top& later) {
    for (const StoredCell& cell : later.cells) {
      if (cells.size() == most && cells.back().compare(cell) >= 0) return;
      add(cell);
    }
  }
  void save(std::string& out) const {
    save_count(cells.size(), out);
    for (const StoredCell& cell : cells) cell.save(out);
  }
  void load(StateReader& in) {
    cells.clear();
    uint64_t n = in.count();
    if (n > most) return in.fail();
    for (; n > 0 && in.ok(); --n) cells.emplace_back().load(in);
  }
};

class TopAggregate final : public GroupedAggregate<Top> {
 public:
  explicit TopAggregate(uint32_t most) : GroupedAggregate<Top>(Top{{}, most}) {}

  void add(const Contribution& input, Selection& wrong) override {
    for_values(input, wrong, [&](size_t i, uint32_t row) {
      if (StoredCell::orderable(input.value->kind(row))) {
        states_[input.groups[i]].add(*input.value, row);
      } else {
        wrong.push_back(row);
      }
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [](const Top& top, Column& to, uint32_t row) {
                   if (top.cells.empty()) return to.set_null(row);
                   std::string json = "[";
                   for (const StoredCell& cell : top.cells) {
                     if (json.size() > 1) json += ',';
                     append_cell(cell, json);
                   }
                   to.set_text(row, Kind::kList, to.keep(json + "]"));
                 });
  }
};

struct Listed {
  Micros time = 0;
  StoredCell cell;
};

struct Listing {
  std::vector<Listed> values;  // in order of arrival
  uint32_t most = kAggregateValuesMax;
  bool over = false;

  void add(Micros time, const Column& column, uint32_t row) {
    if (over) return;
    if (values.size() == most) return give_up();
    values.emplace_back().time = time;
    values.back().cell.set(column, row);
  }
  void merge(const Listing& later) {
    if (over) return;
    if (later.over || values.size() + later.values.size() > most) return give_up();
    values.insert(values.end(), later.values.begin(), later.values.end());
  }
  std::string json() const {
    std::vector<const Listed*> order;
    for (const Listed& listed : values) order.push_back(&listed);
    std::stable_sort(order.begin(), order.end(),
                     [](const Listed* a, const Listed* b) { return a->time < b->time; });
    std::string text = "[";
    for (const Listed* listed : order) {
      if (text.size() > 1) text += ',';
      append_cell(listed->cell, text);
    }
    return text + "]";
  }
  void save(std::string& out) const {
    out.push_back(over ? 1 : 0);
    save_count(values.size(), out);
    for (const Listed& listed : values) {
      save_micros(listed.time, out);
      listed.cell.save(out);
    }
  }
  void load(StateReader& in) {
    over = in.byte() != 0;
    values.clear();
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      values.emplace_back().time = in.micros();
      values.back().cell.load(in);
    }
  }

 private:
  void give_up() {
    over = true;
    values = {};
  }
};

class ListAggregate final : public GroupedAggregate<Listing> {
 public:
  explicit ListAggregate(uint32_t most) : GroupedAggregate<Listing>(Listing{{}, most, false}) {}

  void add(const Contribution& input, Selection& wrong) override {
    for_values(input, wrong, [&](size_t i, uint32_t row) {
      states_[input.groups[i]].add(input.time[row], *input.value, row);
    });
  }
  void write(uint32_t first, size_t count, Column& out, uint32_t first_row) const override {
    write_states(states_, first, count, out, first_row,
                 [](const Listing& list, Column& to, uint32_t row) {
                   if (list.over) {
                     to.set(row, Value::error("list: more than max_values values"));
                   } else if (list.values.empty()) {
                     to.set_null(row);
                   } else {
                     to.set_text(row, Kind::kList, to.keep(list.json()));
                   }
                 });
  }
};

}  // namespace

std::unique_ptr<Aggregate> make_top(const AggregateCallSpec& spec) {
  return std::make_unique<TopAggregate>(listed_of(spec));
}

std::unique_ptr<Aggregate> make_list(const AggregateCallSpec& spec) {
  return std::make_unique<ListAggregate>(spec.values_max);
}

}  // namespace streamflow
