// Expressions over aggregates: the calls of aggregates are cut out of the tree and become programs
// of their own over the input record; what is left reads their results as fields "$0", "$1"….
#include <algorithm>
#include <array>

#include "core/diagnostic.h"
#include "core/expr/check.h"
#include "core/expr/compile.h"
#include "core/expr/cut.h"
#include "core/expr/functions.h"
#include "core/expr/parse.h"
#include "core/expr/program.h"

namespace streamflow::expr {
namespace {

enum class Takes : uint8_t { kAny, kNumber, kBool };
enum class Gives : uint8_t { kNumber, kArgument, kBool, kList, kCount };

// One row an aggregate.  `constants`: how many literal arguments may follow the expressions.
struct AggregateRow {
  std::string_view name;
  size_t least, most;  // expressions
  size_t constants_least, constants_most;
  Takes takes;
  Gives gives;
  std::string_view signature, help, example;
  bool available;
};

constexpr std::array kAggregates = {
    AggregateRow{"count", 0, 1, 0, 0, Takes::kAny, Gives::kCount, "count() or count(any) -> number",
                 "The number of records, or of those where the value is not null.",
                 "count(temperature)", true},
    AggregateRow{"sum", 1, 1, 0, 0, Takes::kNumber, Gives::kNumber, "sum(number) -> number",
                 "The sum; exact for whole numbers.", "sum(price)", true},
    AggregateRow{"mean", 1, 1, 0, 0, Takes::kNumber, Gives::kNumber, "mean(number) -> number",
                 "The arithmetic mean.", "mean(temperature)", true},
    AggregateRow{"min", 1, 1, 0, 0, Takes::kAny, Gives::kArgument, "min(any) -> any",
                 "The least value.", "min(temperature)", true},
    AggregateRow{"max", 1, 1, 0, 0, Takes::kAny, Gives::kArgument, "max(any) -> any",
                 "The greatest value.", "max(temperature) - min(temperature)", true},
    AggregateRow{"first", 1, 1, 0, 0, Takes::kAny, Gives::kArgument, "first(any) -> any",
                 "The earliest value that is not null.", "first(state)", true},
    AggregateRow{"last", 1, 1, 0, 0, Takes::kAny, Gives::kArgument, "last(any) -> any",
                 "The latest value that is not null.", "last(state)", true},
    AggregateRow{
        "std", 1, 1, 0, 1, Takes::kNumber, Gives::kNumber, "std(number, ddof = 1) -> number",
        "The standard deviation; null for fewer than ddof + 1 values.", "std(temperature)", true},
    AggregateRow{"var", 1, 1, 0, 1, Takes::kNumber, Gives::kNumber,
                 "var(number, ddof = 1) -> number",
                 "The variance; null for fewer than ddof + 1 values.", "var(temperature, 0)", true},
    AggregateRow{"median", 1, 1, 0, 0, Takes::kNumber, Gives::kNumber, "median(number) -> number",
                 "The median, exact.", "median(temperature)", true},
    AggregateRow{"quantile", 1, 1, 1, 1, Takes::kNumber, Gives::kNumber,
                 "quantile(number, q) -> number", "The q-quantile, exact, linear between neighbours.",
                 "quantile(latency, 0.99)", true},
    AggregateRow{"count_distinct", 1, 1, 0, 0, Takes::kAny, Gives::kCount,
                 "count_distinct(any) -> number", "The number of different values.",
                 "count_distinct(device)", true},
    AggregateRow{"top", 1, 1, 1, 1, Takes::kAny, Gives::kList, "top(any, k) -> list",
                 "The k greatest values, descending.", "top(temperature, 3)", true},
    AggregateRow{"mode", 1, 1, 1, 1, Takes::kAny, Gives::kList, "mode(any, k) -> list",
                 "The k most frequent values.", "mode(state, 1)", true},
    AggregateRow{"list", 1, 1, 0, 0, Takes::kAny, Gives::kList, "list(any) -> list", "All values that are not null, by time.",
                 "list(temperature)", true},
    AggregateRow{"histogram", 1, 1, 1, 100, Takes::kNumber, Gives::kList,
                 "histogram(number, width) or histogram(number, edge, edge, …) -> list",
                 "Counts of values by bin: [{start, end, count}, …].",
                 "histogram(temperature, 10)", true},
    AggregateRow{"corr", 2, 2, 0, 0, Takes::kNumber, Gives::kNumber,
                 "corr(number, number) -> number", "Pearson's correlation.",
                 "corr(temperature, humidity)", true},
    AggregateRow{"slope", 1, 1, 0, 0, Takes::kNumber, Gives::kNumber, "slope(number) -> number",
                 "The slope over event time, per second.", "slope(level)", true},
    AggregateRow{"argmin", 2, 2, 0, 0, Takes::kAny, Gives::kArgument, "argmin(any, any) -> any",
                 "The first argument where the second is least.", "argmin(device, temperature)",
                 true},
    AggregateRow{"argmax", 2, 2, 0, 0, Takes::kAny, Gives::kArgument, "argmax(any, any) -> any",
                 "The first argument where the second is greatest.", "argmax(device, temperature)",
                 true},
    AggregateRow{"any", 1, 1, 0, 0, Takes::kBool, Gives::kBool, "any(bool) -> bool",
                 "Whether it is true for one record.", "any(temperature > 30)", true},
    AggregateRow{"all", 1, 1, 0, 0, Takes::kBool, Gives::kBool, "all(bool) -> bool",
                 "Whether it is true for all records.", "all(temperature > 30)", true},
    AggregateRow{"approx_quantile", 1, 1, 1, 1, Takes::kNumber, Gives::kNumber,
                 "approx_quantile(number, q) -> number", "A quantile in fixed memory, within 1 %.",
                 "approx_quantile(latency, 0.99)", true},
    AggregateRow{"approx_count_distinct", 1, 1, 0, 0, Takes::kAny, Gives::kCount,
                 "approx_count_distinct(any) -> number", "Different values in fixed memory; standard error 0.81 %.",
                 "approx_count_distinct(user)", true},
};

const AggregateRow* find_aggregate(std::string_view name) {
  const auto found = std::find_if(kAggregates.begin(), kAggregates.end(),
                                  [name](const AggregateRow& row) { return row.name == name; });
  return found == kAggregates.end() ? nullptr : &*found;
}

bool is_aggregate_call(const Node& node) {
  return node.kind == NodeKind::kCall && !node.receiver && find_aggregate(node.name);
}

// count().where(price < 10000)
bool is_filtered_call(const Node& node) {
  return node.kind == NodeKind::kCall && node.receiver && node.name == "where" &&
         is_aggregate_call(*node.children[0]);
}

bool same_kind(Type type, Takes takes) {
  if (type == Type::kDyn || takes == Takes::kAny) return true;
  if (takes == Takes::kBool) return type == Type::kBool;
  return type == Type::kInt || type == Type::kUint || type == Type::kDouble ||
         type == Type::kNumber;
}

class Extractor {
 public:
  Extractor(std::string_view text, const Scope& scope, std::vector<Problem>& problems)
      : text_(text), problems_(problems), inner_(scope) {
    inner_.aggregates = false;
    inner_.outside = nullptr;
    inner_.condition = false;
    if (scope.outside) results_ = *scope.outside;
    if (!scope.outside) results_.open = false;
  }

  // Replaces the aggregates of a tree by names of their results.
  void extract(NodePtr& node) {
    if (is_filtered_call(*node)) {
      if (node->children.size() != 2)
        problem("E0309", node->name_begin, node->end, "where() takes one condition");
      else
        cut(node, *node->children[0], node->children[1].get());
      return;
    }
    if (is_aggregate_call(*node)) {
      cut(node, *node, nullptr);
      return;
    }
    variables_.walk(*node, [this](NodePtr& child) { extract(child); });
  }

  bool failed() const { return failed_; }
  std::vector<AggregateCall>& calls() { return calls_; }
  const Schema& results() const { return results_; }

 private:
  void problem(std::string code, size_t begin, size_t end, std::string message,
               std::string label = {}) {
    failed_ = true;
    problems_.push_back({false, std::move(code), begin, end, std::move(message), std::move(label)});
  }

  void cut(NodePtr& whole, Node& call, Node* where) {
    const std::string printed = print(*whole);
    for (size_t i = 0; i < printed_.size(); ++i)
      if (printed_[i] == printed) return replace_by_result(whole, i);
    const AggregateRow& row = *find_aggregate(call.name);
    if (const Node* used = variables_.used_in(*whole)) {
      problem(
          "E0309", used->begin, used->end,
          std::string(row.name) + "() looks at records, not at '" + used->name + "' of a macro");
      return;
    }
    AggregateCall out;
    out.function = call.name;
    Type type = Type::kDyn;
    if (!take_arguments(row, call, out, type)) return;
    if (where) {
      Scope condition = inner_;
      condition.condition = true;
      out.where = compile_part(clone(*where), condition);
      if (!out.where) return;
    }
    calls_.push_back(std::move(out));
    printed_.push_back(printed);
    Field result{"$" + std::to_string(calls_.size() - 1), type};
    results_.fields.push_back(std::move(result));
    replace_by_result(whole, calls_.size() - 1);
  }

  std::unique_ptr<Program> compile_part(NodePtr node, const Scope& scope) {
    if (const Node* nested = find_nested(*node)) {
      problem("E0309", nested->begin, nested->end, "an aggregate inside an aggregate",
              "a second window can aggregate the results of a first");
      return nullptr;
    }
    std::unique_ptr<Program> program = compile_tree(text_, std::move(node), scope, problems_);
    if (!program) failed_ = true;
    return program;
  }

  static const Node* find_nested(const Node& node) {
    if (is_aggregate_call(node)) return &node;
    for (const NodePtr& child : node.children)
      if (const Node* found = find_nested(*child)) return found;
    return nullptr;
  }

  bool take_arguments(const AggregateRow& row, Node& call, AggregateCall& out, Type& type) {
    const size_t given = call.children.size();
    if (!row.available) {
      problem("E0309", call.name_begin, call.name_end,
              std::string(row.name) + "() is not available in this version");
      return false;
    }
    if (given < row.least + row.constants_least || given > row.most + row.constants_most) {
      std::string label(row.signature);
      if (given == 2 && row.name == "min") label = "the smaller of two: math.least(a, b)";
      if (given == 2 && row.name == "max") label = "the greater of two: math.greatest(a, b)";
      problem("E0309", call.name_begin, call.end,
              std::string(row.name) + "() does not take " + std::to_string(given) +
                  (given == 1 ? " argument" : " arguments"),
              std::move(label));
      return false;
    }
    const size_t expressions = std::min(given, row.most);
    for (size_t i = expressions; i < given; ++i)
      if (!take_constant(row, *call.children[i], out)) return false;
    bool good = true;
    for (size_t i = 0; i < expressions; ++i)
      good = take_expression(row, *call.children[i], out) && good;
    if (!good) return false;
    type = result_type(row, out);
    return true;
  }

  bool take_constant(const AggregateRow& row, const Node& node, AggregateCall& out) {
    const bool negative = node.kind == NodeKind::kUnary && node.op == Op::kNegate &&
                          node.children[0]->is_literal() &&
                          node.children[0]->value.is(Kind::kDouble);
    const Value value = negative           ? Value::real(-node.children[0]->value.as_double())
                        : node.is_literal() ? node.value
                                            : Value();
    if (!is_number(value.kind())) {
      problem("E0309", node.begin, node.end,
              "this argument of " + std::string(row.name) + "() must be written out as a number",
              std::string(row.signature));
      return false;
    }
    if (const std::string_view wrong = wrong_constant(row, value, out); !wrong.empty()) {
      problem("E0309", node.begin, node.end, std::string(wrong));
      return false;
    }
    out.constants.push_back(value);
    return true;
  }

  // What is wrong with the next constant of a call, or nothing.
  static std::string_view wrong_constant(const AggregateRow& row, const Value& value,
                                         const AggregateCall& call) {
    const double number = value.to_double();
    const bool whole = value.is(Kind::kInt);
    if ((row.name == "std" || row.name == "var") && !(whole && number >= 0)) return "ddof is 0, 1…";
    if (row.name.ends_with("quantile") && !(number >= 0 && number <= 1)) return "q is 0 to 1";
    if ((row.name == "top" || row.name == "mode") && !(whole && number >= 1 && number <= 10'000)) {
      return "k is a whole number, 1 to 10000";
    }
    if (row.name == "histogram" && !call.constants.empty() &&
        !(number > call.constants.back().to_double())) {
      return "the edges of a histogram ascend";
    }
    return {};
  }

  bool take_expression(const AggregateRow& row, const Node& node, AggregateCall& out) {
    std::unique_ptr<Program> program = compile_part(clone(node), inner_);
    if (!program) return false;
    if (!same_kind(program->type(), row.takes)) {
      problem("E0309", node.begin, node.end,
              std::string(row.name) + "() does not take " + with_article(program->type()),
              std::string(row.signature));
      return false;
    }
    out.arguments.push_back(std::move(program));
    return true;
  }

  static Type result_type(const AggregateRow& row, const AggregateCall& call) {
    switch (row.gives) {
      case Gives::kNumber:
      case Gives::kCount:
        return Type::kNumber;
      case Gives::kBool:
        return Type::kBool;
      case Gives::kList:
        return Type::kList;
      case Gives::kArgument:
        break;
    }
    const Type type = call.arguments[0]->type();
    const bool number = type == Type::kInt || type == Type::kUint || type == Type::kDouble;
    return number ? Type::kNumber : type;
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  Scope inner_;
  Schema results_;
  std::vector<AggregateCall> calls_;
  std::vector<std::string> printed_;
  MacroVariables variables_;
  bool failed_ = false;
};

}  // namespace

bool is_aggregate(std::string_view name) { return find_aggregate(name) != nullptr; }

std::vector<FunctionInfo> aggregate_infos() {
  std::vector<FunctionInfo> out;
  for (const AggregateRow& row : kAggregates)
    if (row.available)
      out.push_back({std::string(row.name), std::string(row.signature), std::string(row.help),
                     std::string(row.example), "", true});
  return out;
}

std::unique_ptr<AggregateProgram> compile_aggregate(std::string_view text, const Scope& scope,
                                                    std::vector<Problem>& problems) {
  NodePtr root = parse(text, problems);
  if (!root) return nullptr;
  Extractor extractor(text, scope, problems);
  extractor.extract(root);
  if (extractor.failed()) return nullptr;
  auto out = std::make_unique<AggregateProgram>();
  const bool plain = root->kind == NodeKind::kName && root->name == "$0";
  if (!plain) {
    Scope outer = scope;
    outer.schema = &extractor.results();
    outer.aggregates = true;
    out->outer = compile_tree(text, std::move(root), outer, problems);
    if (!out->outer) return nullptr;
  }
  out->calls = std::move(extractor.calls());
  return out;
}

}  // namespace streamflow::expr
