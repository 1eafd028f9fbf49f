#include "operators/noise/smooth.h"

#include "operators/field_pairs.h"
#include "operators/key_states.h"
#include "operators/noise/smoother.h"
#include "operators/order/time_order.h"

namespace streamflow {
namespace {

constexpr size_t kSavgolMax = 501;  // values; the weights of all shorter windows are kept
constexpr size_t kDegreeMax = 10;

struct Smoothers {
  std::vector<Smoother> fields;

  bool empty() const { return fields.empty(); }
  void save(std::string& out) const {
    save_count(fields.size(), out);
    for (const Smoother& field : fields) field.save(out);
  }
  void load(StateReader& in) {
    fields.clear();
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
      fields.emplace_back();
      fields.back().load(in);
    }
  }
};

class Smooth final : public KeyedOperator<Smoothers> {
 public:
  Smooth(KeyStates<Smoothers> states, std::vector<FieldPair> fields, SmoothPlan plan)
      : KeyedOperator(std::move(states)), fields_(std::move(fields)), plan_(std::move(plan)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    states_.find(batch, begin);
    Batch made = slice(batch, begin, batch.count());
    FieldEdit edit(made, fields_);
    auto passed = std::make_shared<Selection>();
    for (size_t i = begin; i < batch.count(); ++i) {
      Smoothers* smoothers = states_.at(batch, i, out);
      if (smoothers == nullptr) continue;
      smoothers->fields.resize(fields_.size());
      const uint32_t row = batch.row_at(i);
      for (size_t f = 0; f < fields_.size(); ++f)
        smooth(smoothers->fields[f], f, batch, row, edit, out);
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
  void smooth(Smoother& smoother, size_t f, const Batch& batch, uint32_t row, FieldEdit& edit,
              Emitter& out) const {
    const Column& column = edit.from(f);
    const Kind kind = column.kind(row);
    if (kind <= Kind::kNull) return;
    if (!is_finite_number(column, row)) {
      out.cell_error(batch, row, not_a_number("smooth", kind));
      edit.to(f, row).set_null(row);
      return;
    }
    edit.to(f, row).set_real(row, smoother.add(plan_, column.number(row), (*batch.time)[row]));
  }

  std::vector<FieldPair> fields_;
  SmoothPlan plan_;
};

// Options that only some methods have.
bool check_options(BuildContext& context, const SmoothPlan& plan) {
  const Params& params = context.params;
  const std::string method = params.choice("method");
  const auto belongs = [&](std::string_view option, bool fits, std::string_view where) {
    if (fits || !params.has(option)) return true;
    context.diagnostics.error(
        "E0433", params.span(option),
        "'method: " + method + "' has no use for '" + std::string(option) + "'",
        "it goes with " + std::string(where));
    return false;
  };
  using enum SmoothMethod;
  const bool windowed = plan.method != kEwm && plan.method != kKalman;
  bool good = belongs("alpha", plan.method == kEwm, "`method: ewm`");
  good = belongs("half_life", plan.method == kEwm, "`method: ewm`") && good;
  if (params.has("alpha") && params.has("half_life")) {
    context.diagnostics.error("E0433", params.span("half_life"),
                              "weights are by number, `alpha:`, or by time, `half_life:`",
                              "leave out one of them");
    good = false;
  }
  good = belongs("n", windowed, "`method: mean`, `median` or `savgol`") && good;
  good = belongs("degree", plan.method == kSavgol, "`method: savgol`") && good;
  good = belongs("process_noise", plan.method == kKalman, "`method: kalman`") && good;
  return belongs("measurement_noise", plan.method == kKalman, "`method: kalman`") && good;
}

bool read_numbers(BuildContext& context, SmoothPlan& plan) {
  const Params& params = context.params;
  const auto wrong = [&](std::string_view option, std::string message) {
    context.diagnostics.error("E0435", params.span(option), std::move(message));
    return false;
  };
  plan.alpha = params.number("alpha");
  plan.half_life = params.duration("half_life");
  if (params.has("half_life") && plan.half_life <= 0)
    return wrong("half_life", "'half_life' is more than nothing");
  plan.n = static_cast<size_t>(params.integer("n"));
  plan.degree = static_cast<size_t>(params.integer("degree"));
  plan.process_noise = params.number("process_noise");
  plan.measurement_noise = params.number("measurement_noise");
  if (!(plan.alpha > 0)) return wrong("alpha", "'alpha' is more than 0 and at most 1");
  if (!(plan.measurement_noise > 0))
    return wrong("measurement_noise", "'measurement_noise' is more than 0");
  if (plan.method != SmoothMethod::kSavgol) return true;
  if (plan.n > kSavgolMax) return wrong("n", "'n' of savgol is at most 501");
  if (plan.degree >= plan.n)
    return wrong(params.has("degree") ? "degree" : "n", "'degree' is less than 'n'");
  for (size_t m = 1; m <= plan.n; ++m) plan.weights.push_back(savgol_weights(m, plan.degree));
  return true;
}

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  SmoothPlan plan;
  plan.method = smooth_method(params.choice("method"));
  auto fields = read_field_pairs(context, "smooth", FieldValues::kNumbers);
  if (!fields || !check_options(context, plan) || !read_numbers(context, plan)) return nullptr;
  std::string signature = params.choice("method") + " " + std::to_string(plan.n);
  if (plan.half_life != 0) signature += " by time";
  for (const FieldPair& field : *fields) {
    signature += "\n" + field.from;
    context.output.set(field.to, Type::kDouble);
  }
  auto states = read_key_states<Smoothers>(context, signature);
  if (!states) return nullptr;
  note_keys(context, states->ids().columns());
  return in_order(
      params, std::make_unique<Smooth>(std::move(*states), std::move(*fields), std::move(plan)));
}

OptionDescriptor number(std::string name, OptionType type, std::string help, std::string fallback,
                        double least, std::optional<double> greatest = {}) {
  OptionDescriptor option{std::move(name), type, std::move(help)};
  option.fallback = std::move(fallback);
  option.least = least;
  option.greatest = greatest;
  return option;
}

}  // namespace

StepDescriptor smooth_step() {
  StepDescriptor step;
  step.verb = "smooth";
  step.summary = "smooth numbers, each by those before it";
  step.pandas = "ewm().mean(), rolling(n).mean()";
  step.argument = {"smooth", OptionType::kFields, "fields, in place or as {new: old}"};
  step.argument.required = true;
  OptionDescriptor method{"method", OptionType::kChoice, "how; each record gets its value at once"};
  method.fallback = "ewm";
  method.choices = {"ewm", "mean", "median", "savgol", "kalman"};
  using enum OptionType;
  step.options = {std::move(method),
                  number("alpha", kNumber, "ewm: the weight of the newest value", "0.3", 0, 1),
                  {"half_life", kDuration, "ewm: the age of values with half the newest's weight"},
                  number("n", kInteger, "mean, median, savgol: how many values", "5", 1,
                         ValueWindow::kValuesMax),
                  number("degree", kInteger, "savgol: of the polynomial", "2", 0, kDegreeMax),
                  number("process_noise", kNumber,
                         "kalman: how much the level wanders, variance a second", "0.01", 0),
                  number("measurement_noise", kNumber,
                         "kalman: variance of one value around the level", "1", 0),
                  KeyColumns::option(),
                  KeyColumns::max_option(),
                  order_option()};
  step.example = "- smooth: {calm: temperature}\n  method: ewm\n  alpha: 0.2\n  by: device";
  step.build = build;
  return step;
}

}  // namespace streamflow
