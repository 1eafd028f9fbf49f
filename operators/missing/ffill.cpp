#include "operators/missing/ffill.h"

#include "operators/aggregate/stored_cell.h"
#include "operators/field_pairs.h"
#include "operators/key_states.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

struct LastValue {
  StoredCell cell;  // empty: none yet
  Micros time = 0;
  uint64_t filled = 0;  // records in a row
};

struct LastValues {
  std::vector<LastValue> fields;

  bool empty() const { return fields.empty(); }
  void save(std::string& out) const {
    save_count(fields.size(), out);
    for (const LastValue& field : fields) {
      field.cell.save(out);
      save_micros(field.time, out);
      save_count(field.filled, out);
    }
  }
  void load(StateReader& in) {
    fields.clear();
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      LastValue field;
      field.cell.load(in);
      field.time = in.micros();
      field.filled = in.count();
      fields.push_back(std::move(field));
    }
  }
};

struct FillBounds {
  Micros within = kTimeMax;
  uint64_t limit = UINT64_MAX;
};

class ForwardFill final : public KeyedOperator<LastValues> {
 public:
  ForwardFill(KeyStates<LastValues> states, std::vector<FieldPair> fields, FillBounds bounds)
      : KeyedOperator(std::move(states)), fields_(std::move(fields)), bounds_(bounds) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    states_.find(batch, begin);
    Batch made = slice(batch, begin, batch.count());
    FieldEdit edit(made, fields_);
    auto passed = std::make_shared<Selection>();
    for (size_t i = begin; i < batch.count(); ++i) {
      LastValues* last = states_.at(batch, i, out);
      if (last == nullptr) continue;
      last->fields.resize(fields_.size());
      const uint32_t row = batch.row_at(i);
      for (size_t f = 0; f < fields_.size(); ++f)
        fill(last->fields[f], (*batch.time)[row], f, row, edit);
      passed->push_back(row);
    }
    states_.ids().release();
    out.tally().passed += passed->size();
    if (passed->empty()) return batch.count();
    if (passed->size() < made.count()) made.selected = std::move(passed);
    edit.apply(made);
    out.emit(std::move(made));
    return batch.count();
  }

 private:
  void fill(LastValue& last, Micros time, size_t f, uint32_t row, FieldEdit& edit) const {
    const Column& column = edit.from(f);
    if (column.kind(row) > Kind::kNull) {
      last.cell.set(column, row);
      last.time = time;
      last.filled = 0;
    } else if (!last.cell.empty() && time - last.time <= bounds_.within &&
               last.filled < bounds_.limit) {
      ++last.filled;
      last.cell.write(edit.to(f, row), row);
    }
  }

  std::vector<FieldPair> fields_;
  FillBounds bounds_;
};

std::unique_ptr<Operator> build(BuildContext& context) { return build_ffill(context, "ffill"); }

}  // namespace

OptionDescriptor within_option() {
  return {"within", OptionType::kDuration, "how far away in event time the value may be, at most"};
}

OptionDescriptor fill_limit_option() {
  OptionDescriptor option{"limit", OptionType::kInteger, "most records in a row that are filled"};
  option.least = 1;
  return option;
}

std::unique_ptr<Operator> build_ffill(BuildContext& context, std::string_view option) {
  auto fields = read_field_pairs(context, option);
  if (!fields) return nullptr;
  std::string signature;
  for (const FieldPair& field : *fields) signature += field.from + "\n";
  auto states = read_key_states<LastValues>(context, signature);
  if (!states) return nullptr;
  note_keys(context, states->ids().columns());
  FillBounds bounds;
  bounds.within = context.params.duration("within", kTimeMax);
  bounds.limit = static_cast<uint64_t>(context.params.integer("limit", INT64_MAX));
  return in_order(context.params,
                  std::make_unique<ForwardFill>(std::move(*states), std::move(*fields), bounds));
}

StepDescriptor ffill_step() {
  StepDescriptor step;
  step.verb = "ffill";
  step.summary = "fill fields that are null or missing with their last value";
  step.pandas = "ffill";
  step.argument = {"ffill", OptionType::kFields, "fields, in place or as {new: old}"};
  step.argument.required = true;
  step.options = {within_option(), fill_limit_option(), KeyColumns::option(),
                  KeyColumns::max_option(), order_option()};
  step.example = "- ffill: [temperature]\n  by: device\n  within: 10m";
  step.build = build;
  return step;
}

}  // namespace streamflow
