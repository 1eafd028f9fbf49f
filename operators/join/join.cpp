#include "operators/join/join.h"

#include <algorithm>

#include "operators/expression_option.h"
#include "operators/join/asof_join.h"
#include "operators/join/interval_join.h"

namespace streamflow {
namespace {

JoinHow how_of(const std::string& word) {
  if (word == "left") return JoinHow::kLeft;
  if (word == "outer") return JoinHow::kOuter;
  if (word == "asof") return JoinHow::kAsof;
  if (word == "nearest") return JoinHow::kNearest;
  return JoinHow::kInner;
}

class Builder {
 public:
  explicit Builder(BuildContext& context)
      : context_(context),
        params_(context.params),
        right_(context.other ? *context.other : Schema()) {}

  std::unique_ptr<Operator> build() {
    plan_.how = how_of(params_.choice("how"));
    plan_.records_max = static_cast<size_t>(params_.integer("max_records"));
    plan_.suffix = params_.text("suffix");
    if (plan_.suffix.empty())
      complain("E0455", params_.span("suffix"), "an empty suffix cannot keep two fields apart", "");
    read_keys();
    read_bounds();
    read_take();
    if (!good_) return nullptr;
    plan_.left_fields = context_.input.names();
    make_output();
    read_where();
    if (!good_) return nullptr;
    if (plan_.how == JoinHow::kAsof || plan_.how == JoinHow::kNearest)
      return std::make_unique<AsofJoin>(std::move(plan_));
    return std::make_unique<IntervalJoin>(std::move(plan_));
  }

 private:
  void complain(const char* code, Span span, const std::string& message, const std::string& label) {
    context_.diagnostics.error(code, span, message, label);
    good_ = false;
  }

  // An expression over records of the other stream.
  std::unique_ptr<expr::Program> compile_right(const SpecValue& value) {
    expr::Scope scope;
    scope.schema = &right_;
    std::vector<expr::Problem> problems;
    auto program = expr::compile(value.text, scope, problems);
    report_problems(context_, value, problems);
    if (!program) {
      good_ = false;
      return nullptr;
    }
    context_.other_reads.insert(program->fields().begin(), program->fields().end());
    context_.meta.insert(program->meta().begin(), program->meta().end());
    return program;
  }

  void read_keys() {
    for (const auto& [left, right] : params_.entries("on")) {
      JoinKey key;
      key.left = compile_option(context_, *left, context_.input);
      key.right = compile_right(*right);
      if (!key.left || !key.right) {
        good_ = false;
        continue;
      }
      check_types(*right, key);
      key.name = std::string(key.left->plain_field());
      key.right_name = std::string(key.right->plain_field());
      if (key.name.empty() && is_path(left->text)) key.name = path_name(left->text);
      plan_.keys.push_back(std::move(key));
    }
  }

  // Keys that can never be equal.
  void check_types(const SpecValue& at, const JoinKey& key) {
    const auto family = [](Type type) {
      if (type == Type::kInt || type == Type::kUint || type == Type::kDouble) return Type::kNumber;
      return type == Type::kError || type == Type::kNull ? Type::kDyn : type;
    };
    const Type left = family(key.left->type()), right = family(key.right->type());
    if (left == right || left == Type::kDyn || right == Type::kDyn) return;
    complain("E0453", at.span,
             "a " + std::string(type_name(key.left->type())) + " never equals a " +
                 std::string(type_name(key.right->type())),
             "cast one of them before the join");
  }

  // A length of time, perhaps negative.
  bool read_length(const SpecValue& value, Micros& length) {
    std::string_view text = value.text;
    const bool negative = value.is_scalar() && text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto parsed = value.is_scalar() ? parse_duration(text) : std::nullopt;
    if (!parsed) {
      const bool bare =
          !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
      complain("E0452", value.span, "'" + value.text + "' is no length of time",
               bare ? "write a unit, as in " + value.text + "s" : "as in 5s, 1m30s, -250ms");
      return false;
    }
    length = negative ? -*parsed : *parsed;
    return true;
  }

  void read_bounds() {
    const bool asof = plan_.how == JoinHow::kAsof || plan_.how == JoinHow::kNearest;
    const SpecValue* within = params_.value("within");
    if (!params_.has("within") || within == nullptr) {
      plan_.least = kTimeMin;
      plan_.most = kTimeMax;
      if (!asof && !params_.has("max_records"))
        complain("E0451", params_.verb_span, "this join would keep every record for ever",
                 "write within: how far apart in time two records may be, or max_records:");
      return;
    }
    plan_.bounded = true;
    if (!within->is_list()) {
      if (!read_length(*within, plan_.most)) return;
      if (plan_.most < 0) complain("E0452", within->span, "within cannot be negative", "");
      plan_.least = -plan_.most;
      return;
    }
    if (asof) {
      complain("E0452", within->span,
               "the tolerance of '" + params_.choice("how") + "' is one length of time",
               "as in 5s");
    } else if (within->items.size() != 2) {
      complain("E0452", within->span, "within has two ends",
               "as in [-1m, 5m]: how long before and after the left record the right one may be");
    } else if (read_length(within->items[0], plan_.least) &&
               read_length(within->items[1], plan_.most) && plan_.least > plan_.most) {
      complain("E0452", within->span, "within begins after it ends",
               "write [" + within->items[1].text + ", " + within->items[0].text + "]");
    }
  }

  void read_take() {
    plan_.take_all = !params_.has("take");
    for (const auto& [name, value] : params_.entries("take")) {
      TakenField field;
      field.program = compile_right(*value);
      if (!field.program) continue;
      const std::string plain(field.program->plain_field());
      field.name = name != value                           ? name->text
                   : plain.empty() && is_path(value->text) ? path_name(value->text)
                                                           : plain;
      if (field.name.empty())
        complain("E0404", value->span, "a field that is computed needs a name",
                 "write {name: expression}");
      const auto same = [&](const TakenField& other) { return other.name == field.name; };
      if (std::any_of(plan_.take.begin(), plan_.take.end(), same))
        complain("E0405", name->span, "'" + field.name + "' is given twice", "");
      plan_.take.push_back(std::move(field));
    }
  }

  bool is_right_key(std::string_view name) const {
    return std::any_of(plan_.keys.begin(), plan_.keys.end(),
                       [name](const JoinKey& key) { return key.right_name == name; });
  }

  // What the right record adds, under the names that a joined record gives them.
  void make_output() {
    Schema& output = context_.output;
    std::vector<Field> added;
    if (plan_.take_all) {
      for (const Field& field : right_.fields)
        if (!is_right_key(field.name)) added.push_back(field);
      output.open = output.open || right_.open;
    } else {
      for (const TakenField& field : plan_.take)
        added.push_back({field.name, field.program->type()});
    }
    if (plan_.how == JoinHow::kOuter)
      for (const JoinKey& key : plan_.keys)
        if (!key.name.empty() && !output.find(key.name)) output.set(key.name, Type::kDyn);
    for (const Field& field : added) {
      plan_.right_fields.push_back(field.name);
      std::string name = field.name;
      while (output.find(name) != nullptr) name += plan_.suffix;
      // The left record may have a field of that name too, of any type.
      output.set(name, context_.input.open ? Type::kDyn : field.type);
    }
    output.keys.clear();
    for (const JoinKey& key : plan_.keys)
      if (!key.left->plain_field().empty()) output.keys.push_back(key.name);
  }

  void read_where() {
    if (!params_.has("where")) return;
    const SpecValue& value = *params_.value("where");
    std::set<std::string> reads, meta;
    expr::Scope scope;
    scope.schema = &context_.output;
    scope.condition = true;
    std::vector<expr::Problem> problems;
    plan_.where = expr::compile(value.text, scope, problems);
    report_problems(context_, value, problems);
    if (!plan_.where) {
      good_ = false;
      return;
    }
    for (const std::string& field : plan_.where->fields()) {
      context_.reads.insert(field);
      std::string_view right = field;
      context_.other_reads.insert(field);
      while (right.ends_with(plan_.suffix)) {
        right.remove_suffix(plan_.suffix.size());
        context_.other_reads.insert(std::string(right));
      }
    }
    context_.meta.insert(plan_.where->meta().begin(), plan_.where->meta().end());
  }

  BuildContext& context_;
  const Params& params_;
  const Schema right_;
  JoinPlan plan_;
  bool good_ = true;
};

}  // namespace

StepDescriptor join_step() {
  StepDescriptor step;
  step.verb = "join";
  step.summary =
      "each record with those of another stream that have the same key and are near in time";
  step.pandas = "merge, merge_asof";
  step.argument = {.name = "join",
                   .type = OptionType::kStream,
                   .help = "the other stream, the right one",
                   .required = true};
  step.options = {
      {.name = "on",
       .type = OptionType::kKeys,
       .help =
           "what must be equal: a field, a list of them, or {left: right}; a null equals nothing"},
      {.name = "how",
       .type = OptionType::kChoice,
       .help =
           "pairs only; with all left records; with all of both; the latest right one; the nearest",
       .fallback = "inner",
       .choices = {"inner", "left", "outer", "asof", "nearest"}},
      {.name = "within",
       .type = OptionType::kAny,
       .help = "how far apart their times may be, as in 5m, or [-1m, 5m]: the right before and "
               "after the left"},
      {.name = "where", .type = OptionType::kExpression, .help = "keep pairs for which it is true"},
      {.name = "take",
       .type = OptionType::kExpressions,
       .help = "fields of the right record to add, or {new: field}; without it all but the keys"},
      {.name = "suffix",
       .type = OptionType::kText,
       .help = "what is put behind the name of a right field that the left record has too",
       .fallback = "_right"},
      {.name = "max_records",
       .type = OptionType::kInteger,
       .help = "most records held of each stream; one beyond it fails, or without within the "
               "oldest is forgotten",
       .fallback = "1000000",
       .least = 1}};
  step.example = "- join: humidity\n  on: device\n  how: asof\n  within: 5s";
  step.build = [](BuildContext& context) { return Builder(context).build(); };
  return step;
}

}  // namespace streamflow
