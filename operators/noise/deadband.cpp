#include "operators/noise/deadband.h"

#include <cmath>

#include "operators/aggregate/stored_cell.h"
#include "operators/field_pairs.h"
#include "operators/key_states.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

struct LastPassed {
  bool known = false;
  Micros time = 0;
  std::vector<StoredCell> fields;  // empty cells: null

  bool empty() const { return !known; }
  void save(std::string& out) const {
    save_micros(time, out);
    save_count(fields.size(), out);
    for (const StoredCell& cell : fields) cell.save(out);
  }
  void load(StateReader& in) {
    known = true;
    time = in.micros();
    fields.clear();
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      fields.emplace_back();
      fields.back().load(in);
    }
  }
};

struct Band {
  double width = 0;
  double percent = 0;
  Micros every = kTimeMax;
};

double number_of(const StoredCell& cell) {
  if (cell.kind() == Kind::kDouble) return std::bit_cast<double>(cell.bits());
  if (cell.kind() == Kind::kInt) return static_cast<double>(static_cast<int64_t>(cell.bits()));
  return static_cast<double>(cell.bits());
}

class Deadband final : public KeyedFilter<LastPassed> {
 public:
  Deadband(KeyStates<LastPassed> states, std::vector<std::string> names, Band band)
      : KeyedFilter(std::move(states)), names_(std::move(names)), band_(band) {}

 private:
  void read(const Batch& batch) override {
    columns_.clear();
    for (const std::string& name : names_) columns_.push_back(readable_field(batch, name));
  }

  bool passes(LastPassed& last, const Batch& batch, uint32_t row) override {
    const Micros time = (*batch.time)[row];
    last.fields.resize(names_.size());
    bool moved = !last.known || (band_.every != kTimeMax && time - last.time >= band_.every);
    for (size_t f = 0; f < names_.size() && !moved; ++f) moved = has_moved(last.fields[f], f, row);
    if (!moved) return false;
    last.known = true;
    last.time = time;
    for (size_t f = 0; f < names_.size(); ++f) {
      if (columns_[f]->kind(row) <= Kind::kNull) {
        last.fields[f] = StoredCell();
      } else {
        last.fields[f].set(*columns_[f], row);
      }
    }
    return true;
  }

  bool has_moved(const StoredCell& last, size_t f, uint32_t row) const {
    const Column& column = *columns_[f];
    const Kind kind = column.kind(row);
    if (last.empty() || kind <= Kind::kNull) return last.empty() != (kind <= Kind::kNull);
    if (!is_number(kind) || !is_number(last.kind())) {
      return kind != last.kind() || last.compare(column, row) != 0;
    }
    const double from = number_of(last);
    const double moved = std::abs(column.number(row) - from);
    return moved > std::max(band_.width, band_.percent / 100 * std::abs(from));
  }

  std::vector<std::string> names_;
  Band band_;
  std::vector<ColumnPtr> columns_;  // of one batch
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  if (!params.has("width") && !params.has("percent")) {
    context.diagnostics.error("E0436", params.verb_span, "deadband needs a width",
                              "add `width: 0.5` or `percent: 1`",
                              "`width: 0` lets every change pass");
    return nullptr;
  }
  std::vector<std::string> names;
  std::string signature;
  bool good = true;
  for (const SpecValue* item : params.list("deadband")) {
    good = check_field(context, *item) && good;
    context.reads.insert(item->text);
    names.push_back(item->text);
    signature += item->text + "\n";
  }
  if (!good) return nullptr;
  auto states = read_key_states<LastPassed>(context, signature);
  if (!states) return nullptr;
  note_keys(context, states->ids().columns());
  const Band band{params.number("width"), params.number("percent"),
                  params.duration("every", kTimeMax)};
  return in_order(params, std::make_unique<Deadband>(std::move(*states), std::move(names), band));
}

}  // namespace

StepDescriptor deadband_step() {
  StepDescriptor step;
  step.verb = "deadband";
  step.summary = "let a record pass only when a field has moved";
  step.argument = {"deadband", OptionType::kNames, "a field or a list of fields"};
  step.argument.required = true;
  OptionDescriptor width{"width", OptionType::kNumber, "a move is more than this"};
  width.least = 0;
  OptionDescriptor percent{"percent", OptionType::kNumber,
                           "a move is more than this part of the last value"};
  percent.least = 0;
  step.options = {std::move(width),
                  std::move(percent),
                  {"every", OptionType::kDuration, "let one pass at least this often"},
                  KeyColumns::option(),
                  KeyColumns::max_option(),
                  order_option()};
  step.example = "- deadband: temperature\n  width: 0.5\n  every: 5m\n  by: device";
  step.build = build;
  return step;
}

}  // namespace streamflow
