#include "operators/row/clip.h"

#include "operators/field_pairs.h"
#include "operators/literal.h"

namespace streamflow {
namespace {

struct Range {
  Value low, high;  // null: open
};

class Clip final : public Operator {
 public:
  Clip(std::vector<FieldPair> fields, std::vector<Range> ranges)
      : fields_(std::move(fields)), ranges_(std::move(ranges)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    Batch made = slice(batch, begin, batch.count());
    FieldEdit edit(made, fields_);
    for (size_t f = 0; f < fields_.size(); ++f) {
      for (size_t i = 0; i < made.count(); ++i) clip(f, made, made.row_at(i), edit, out);
    }
    edit.apply(made);
    out.tally().passed += made.count();
    out.emit(std::move(made));
    return batch.count();
  }

 private:
  void clip(size_t f, const Batch& batch, uint32_t row, FieldEdit& edit, Emitter& out) const {
    const Column& column = edit.from(f);
    const Kind kind = column.kind(row);
    if (kind <= Kind::kNull) return;
    if (!is_number(kind)) {
      out.cell_error(batch, row, not_a_number("clip", kind));
      edit.to(f, row).set_null(row);
      return;
    }
    const Range& range = ranges_[f];
    const auto beyond = [&](const Value& bound) {
      return bound.is(Kind::kNull)
                 ? 0
                 : compare_numbers(kind, column.bits(row), bound.kind(), bound.bits());
    };
    if (beyond(range.low) < 0) edit.to(f, row).set(row, range.low);
    if (const int order = beyond(range.high); order > 0 && order != kUnordered)
      edit.to(f, row).set(row, range.high);
  }

  std::vector<FieldPair> fields_;
  std::vector<Range> ranges_;
};

std::optional<Range> read_range(BuildContext& context, const SpecValue& value) {
  const auto wrong = [&](const SpecValue& at, std::string message) {
    context.diagnostics.error("E0431", at.span, std::move(message),
                              "write [least, greatest]; null leaves one side open");
    return std::nullopt;
  };
  if (!value.is_list() || value.items.size() != 2) {
    return wrong(value, "clip takes two bounds for a field");
  }
  Value bounds[2];
  for (size_t i = 0; i < 2; ++i) {
    const SpecValue& item = value.items[i];
    bounds[i] = literal_of(item);
    if (!bounds[i].is(Kind::kNull) && !is_number(bounds[i].kind())) {
      return wrong(item, "'" + item.text + "' is no number");
    }
  }
  if (compare(bounds[0], bounds[1]) == 1)
    return wrong(value, "the least bound is above the greatest");
  if (bounds[0].is(Kind::kNull) && bounds[1].is(Kind::kNull)) {
    return wrong(value, "a range that is open on both sides changes nothing");
  }
  return Range{bounds[0], bounds[1]};
}

std::unique_ptr<Operator> build(BuildContext& context) {
  const SpecValue& written = *context.params.value("clip");
  if (!written.is_map()) {
    context.diagnostics.error("E0431", written.span, "clip takes fields and their bounds",
                              "write {field: [least, greatest]}");
    return nullptr;
  }
  std::vector<Range> ranges;
  std::vector<FieldPair> fields;
  bool good = true;
  for (const auto& [name, bounds] : written.entries) {
    good = check_numeric_field(context, name) && good;
    const auto range = read_range(context, bounds);
    good = range.has_value() && good;
    context.reads.insert(name.text);
    fields.push_back({name.text, name.text});
    if (range) ranges.push_back(*range);
  }
  if (!good) return nullptr;
  return std::make_unique<Clip>(std::move(fields), std::move(ranges));
}

}  // namespace

StepDescriptor clip_step() {
  StepDescriptor step;
  step.verb = "clip";
  step.summary = "bring numbers into a range";
  step.pandas = "clip";
  step.argument = {"clip", OptionType::kAny,
                   "fields and their bounds: {a: [lo, hi]}; null is open"};
  step.argument.required = true;
  step.example = "- clip: {humidity: [0, 100], temperature: [-40, null]}";
  step.build = build;
  return step;
}

}  // namespace streamflow
