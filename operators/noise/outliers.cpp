#include "operators/noise/outliers.h"

#include "operators/field_pairs.h"
#include "operators/key_states.h"
#include "operators/noise/outlier_rules.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

enum class Action : unsigned char { kDrop, kNull, kClip, kMedian, kFlag };

struct Windows {
  std::vector<ValueWindow> fields;

  bool empty() const { return fields.empty(); }
  void save(std::string& out) const {
    save_count(fields.size(), out);
    for (const ValueWindow& window : fields) window.save(out);
  }
  void load(StateReader& in) {
    fields.clear();
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      fields.emplace_back();
      fields.back().load(in);
    }
  }
};

struct OutlierPlan {
  std::vector<FieldPair> fields;
  OutlierMethod method = OutlierMethod::kHampel;
  Action action = Action::kDrop;
  size_t n = 11;
  double k = 3;
};

class Outliers final : public KeyedOperator<Windows> {
 public:
  Outliers(KeyStates<Windows> states, OutlierPlan plan)
      : KeyedOperator(std::move(states)), plan_(std::move(plan)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    states_.find(batch, begin);
    Batch made = slice(batch, begin, batch.count());
    FieldEdit edit(made, plan_.fields);
    start_flags(batch.rows);
    auto passed = std::make_shared<Selection>();
    for (size_t i = begin; i < batch.count(); ++i) {
      Windows* windows = states_.at(batch, i, out);
      if (windows == nullptr) continue;
      windows->fields.resize(plan_.fields.size());
      const uint32_t row = batch.row_at(i);
      bool drops = false;
      for (size_t f = 0; f < plan_.fields.size(); ++f)
        drops |= judge_cell(windows->fields[f], f, batch, row, edit, out);
      if (drops) {
        ++out.tally().filtered;
      } else {
        passed->push_back(row);
      }
    }
    states_.ids().release();
    out.tally().passed += passed->size();
    if (passed->empty()) return batch.count();
    if (passed->size() < made.count()) made.selected = std::move(passed);
    edit.apply(made);
    add_flags(made);
    out.emit(std::move(made));
    return batch.count();
  }

 private:
  // Whether the record is to be dropped.
  bool judge_cell(ValueWindow& window, size_t f, const Batch& batch, uint32_t row, FieldEdit& edit,
                  Emitter& out) {
    const Column& column = edit.from(f);
    const Kind kind = column.kind(row);
    if (kind <= Kind::kNull) return set_flags(f, row, {}, false);
    if (!is_finite_number(column, row)) {
      out.cell_error(batch, row, not_a_number("outliers", kind));
      return set_flags(f, row, {}, false);
    }
    const double x = column.number(row);
    const Verdict verdict = judge(plan_.method, window, x, plan_.n, plan_.k);
    if (plan_.action == Action::kFlag) return set_flags(f, row, verdict, true);
    if (!verdict.outlier) return false;
    switch (plan_.action) {
      case Action::kDrop:
        return true;
      case Action::kNull:
        edit.to(f, row).set_null(row);
        break;
      case Action::kClip:
        edit.to(f, row).set_real(row, x < verdict.low ? verdict.low : verdict.high);
        break;
      case Action::kMedian:
        edit.to(f, row).set_real(row, verdict.median);
        break;
      case Action::kFlag:
        break;
    }
    return false;
  }

  void start_flags(size_t rows) {
    flags_.clear();
    scores_.clear();
    if (plan_.action != Action::kFlag) return;
    for (size_t f = 0; f < plan_.fields.size(); ++f) {
      flags_.push_back(std::make_shared<Column>(rows));
      scores_.push_back(std::make_shared<Column>(rows));
    }
  }

  bool set_flags(size_t f, uint32_t row, const Verdict& verdict, bool is_number) {
    if (flags_.empty()) return false;
    if (is_number) {
      flags_[f]->set_bool(row, verdict.outlier);
    } else {
      flags_[f]->set_null(row);
    }
    if (verdict.scored) {
      scores_[f]->set_real(row, verdict.score);
    } else {
      scores_[f]->set_null(row);
    }
    return false;
  }

  void add_flags(Batch& batch) {
    for (size_t f = 0; f < flags_.size(); ++f) {
      batch.set(plan_.fields[f].to + "_outlier", std::move(flags_[f]));
      batch.set(plan_.fields[f].to + "_score", std::move(scores_[f]));
    }
  }

  OutlierPlan plan_;
  std::vector<std::shared_ptr<Column>> flags_, scores_;  // of one batch, by field
};

Action action_of(std::string_view name) {
  if (name == "null") return Action::kNull;
  if (name == "clip") return Action::kClip;
  if (name == "median") return Action::kMedian;
  return name == "flag" ? Action::kFlag : Action::kDrop;
}

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  auto fields = read_field_pairs(context, "outliers", FieldValues::kNumbers);
  if (!fields) return nullptr;
  OutlierPlan plan;
  plan.fields = std::move(*fields);
  plan.method = outlier_method(params.choice("method"));
  plan.action = action_of(params.choice("action"));
  plan.n = static_cast<size_t>(params.integer("n"));
  plan.k = params.number("k", plan.method == OutlierMethod::kIqr ? 1.5 : 3);
  if (plan.k < 0) {
    context.diagnostics.error("E0435", params.span("k"), "'k' must not be negative");
    return nullptr;
  }
  std::string signature = params.choice("method") + " " + std::to_string(plan.n);
  for (const FieldPair& field : plan.fields) {
    signature += "\n" + field.from;
    if (plan.action != Action::kFlag) continue;
    context.output.set(field.to + "_outlier", Type::kBool);
    context.output.set(field.to + "_score", Type::kDouble);
  }
  auto states = read_key_states<Windows>(context, signature);
  if (!states) return nullptr;
  note_keys(context, states->ids().columns());
  return in_order(params, std::make_unique<Outliers>(std::move(*states), std::move(plan)));
}

}  // namespace

StepDescriptor outliers_step() {
  StepDescriptor step;
  step.verb = "outliers";
  step.summary = "find numbers far from those before them, and drop or mend them";
  step.pandas = "rolling(n).median() and friends";
  step.argument = {"outliers", OptionType::kFields, "fields, in place or as {new: old}"};
  step.argument.required = true;
  OptionDescriptor method{"method", OptionType::kChoice, "what a value is measured by"};
  method.fallback = "hampel";
  method.choices = {"hampel", "zscore", "iqr", "mad"};
  OptionDescriptor action{"action", OptionType::kChoice,
                          "drop the record; null, clip or median: the value; flag: add fields"};
  action.fallback = "drop";
  action.choices = {"drop", "null", "clip", "median", "flag"};
  OptionDescriptor n{"n", OptionType::kInteger, "how many values of the key it is judged by"};
  n.fallback = "11";
  n.least = 3;
  n.greatest = ValueWindow::kValuesMax;
  OptionDescriptor k{"k", OptionType::kNumber, "how far is too far (default 3, with iqr 1.5)"};
  step.options = {std::move(method),    std::move(action),        std::move(n),  std::move(k),
                  KeyColumns::option(), KeyColumns::max_option(), order_option()};
  step.example = "- outliers: temperature\n  method: hampel\n  action: median\n  by: device";
  step.build = build;
  return step;
}

}  // namespace streamflow
