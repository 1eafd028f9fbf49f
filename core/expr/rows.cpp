// Expressions with row functions (lag, diff, ewm…): their calls are cut out of the tree, innermost
// first, and become programs over the record and the results of the calls before them; what is left
// reads their results as fields "$0", "$1"….
#include <algorithm>
#include <array>

#include "core/expr/check.h"
#include "core/expr/compile.h"
#include "core/expr/cut.h"
#include "core/expr/parse.h"
#include "core/expr/program.h"

namespace streamflow::expr {
namespace {

enum class Takes : uint8_t { kAny, kNumber, kDifference };
enum class Gives : uint8_t { kArgument, kNumber, kDouble, kBool, kDifference };

struct RowRow {
  std::string_view name;
  bool constant;           // takes one beside its expression
  bool optional_constant;  // …that may be left out: 1
  Takes takes;
  Gives gives;
  std::string_view signature, help, example;
};

constexpr std::array kRowFunctions = {
    RowRow{"lag", true, true, Takes::kAny, Gives::kArgument, "lag(any, n = 1) -> any",
           "The value n records of the key before this one; null where there was none.",
           "temperature - lag(temperature, 2)"},
    RowRow{"previous", false, false, Takes::kAny, Gives::kArgument, "previous(any) -> any",
           "The value of the key's record before this one: lag(x).", "previous(state)"},
    RowRow{"diff", false, false, Takes::kDifference, Gives::kDifference,
           "diff(number) -> number\ndiff(timestamp) -> duration",
           "The change since the key's record before this one: x - lag(x).", "diff(energy)"},
    RowRow{"derivative", false, false, Takes::kNumber, Gives::kDouble,
           "derivative(number) -> double", "The change per second of event time.",
           "derivative(level)"},
    RowRow{"cumsum", false, false, Takes::kNumber, Gives::kNumber, "cumsum(number) -> number",
           "The sum of the key's values so far, this one included.", "cumsum(rain)"},
    RowRow{"ewm", true, false, Takes::kNumber, Gives::kDouble, "ewm(number, a) -> double",
           "The exponentially weighted mean: a * x + (1 - a) * the one before, with a above 0 and "
           "at most 1.",
           "ewm(temperature, 0.2)"},
    RowRow{"changed", false, false, Takes::kAny, Gives::kBool, "changed(any) -> bool",
           "Whether the value differs from that of the key's record before this one; true at the "
           "first.",
           "changed(state)"},
};

const RowRow* find_row_function(std::string_view name) {
  const auto found = std::find_if(kRowFunctions.begin(), kRowFunctions.end(),
                                  [name](const RowRow& row) { return row.name == name; });
  return found == kRowFunctions.end() ? nullptr : &*found;
}

bool is_row_call(const Node& node) {
  return node.kind == NodeKind::kCall && !node.receiver && find_row_function(node.name);
}

bool is_number_type(Type type) {
  return type == Type::kInt || type == Type::kUint || type == Type::kDouble ||
         type == Type::kNumber;
}

bool takes(Takes what, Type type) {
  if (type == Type::kDyn || what == Takes::kAny || is_number_type(type)) return true;
  return what == Takes::kDifference && (type == Type::kTimestamp || type == Type::kDuration);
}

Type result_type(Gives gives, Type argument) {
  const Type value = is_number_type(argument) ? Type::kNumber : argument;
  switch (gives) {
    case Gives::kArgument:
      return value;
    case Gives::kNumber:
      return Type::kNumber;
    case Gives::kDouble:
      return Type::kDouble;
    case Gives::kBool:
      return Type::kBool;
    case Gives::kDifference:
      break;
  }
  return value == Type::kTimestamp ? Type::kDuration : value;
}

class RowExtractor {
 public:
  RowExtractor(std::string_view text, const Scope& scope, std::vector<Problem>& problems)
      : text_(text), problems_(problems), scope_(scope), schema_(*scope.schema) {
    scope_.condition = false;
    scope_.schema = &schema_;
  }

  void extract(NodePtr& node) {
    variables_.walk(*node, [this](NodePtr& child) { extract(child); });
    if (is_row_call(*node)) cut(node);
  }

  bool failed() const { return failed_; }
  std::vector<RowCall>& calls() { return calls_; }
  const Schema& schema() const { return schema_; }

 private:
  void problem(size_t begin, size_t end, std::string message, std::string label = {}) {
    failed_ = true;
    problems_.push_back({false, "E0317", begin, end, std::move(message), std::move(label)});
  }

  void cut(NodePtr& node) {
    const std::string printed = print(*node);
    for (size_t i = 0; i < printed_.size(); ++i)
      if (printed_[i] == printed) return replace_by_result(node, i);
    const RowRow& row = *find_row_function(node->name);
    if (const Node* used = variables_.used_in(*node)) {
      problem(used->begin, used->end,
              std::string(row.name) + "() looks at records, not at '" + used->name + "' of a macro",
              "it may stand before the macro");
      return;
    }
    RowCall call;
    call.function = row.name;
    if (!take_arguments(row, *node, call)) return;
    const Type type = result_type(row.gives, call.arguments[0]->type());
    calls_.push_back(std::move(call));
    printed_.push_back(printed);
    const size_t index = calls_.size() - 1;
    schema_.set("$" + std::to_string(index), type);
    scope_.results = calls_.size();
    replace_by_result(node, index);
  }

  bool take_arguments(const RowRow& row, Node& node, RowCall& call) {
    const size_t given = node.children.size();
    const size_t most = row.constant ? 2 : 1;
    if (given > most || given < (row.optional_constant ? 1 : most)) {
      problem(node.name_begin, node.end,
              std::string(row.name) + "() does not take " + std::to_string(given) +
                  (given == 1 ? " argument" : " arguments"),
              std::string(row.signature));
      return false;
    }
    if (row.constant && !take_constant(row, given > 1 ? node.children[1].get() : nullptr, call))
      return false;
    auto program = compile_tree(text_, clone(*node.children[0]), scope_, problems_);
    failed_ = failed_ || !program;
    if (!program) return false;
    if (!takes(row.takes, program->type())) {
      problem(node.children[0]->begin, node.children[0]->end,
              std::string(row.name) + "() does not take " + with_article(program->type()),
              std::string(row.signature));
      return false;
    }
    call.arguments.push_back(std::move(program));
    return true;
  }

  bool take_constant(const RowRow& row, const Node* node, RowCall& call) {
    if (!node) {
      call.constants.push_back(Value::integer(1));
      return true;
    }
    const bool number = node->is_literal() && is_number(node->value.kind());
    const double value = number ? node->value.to_double() : 0;
    const bool count = row.name == "lag";
    const bool good = count ? number && !node->value.is(Kind::kDouble) && value >= 1 &&
                                  value <= static_cast<double>(kLagMax)
                            : value > 0 && value <= 1;
    if (!good) {
      problem(node->begin, node->end,
              count ? "the n of lag() is a whole number from 1 to " + std::to_string(kLagMax)
                    : "the a of ewm() is a number above 0 and at most 1",
              std::string(row.signature));
      return false;
    }
    call.constants.push_back(count ? Value::integer(static_cast<int64_t>(node->value.bits()))
                                   : Value::real(value));
    return true;
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  Scope scope_;
  Schema schema_;  // the record's, and the results so far
  MacroVariables variables_;
  std::vector<RowCall> calls_;
  std::vector<std::string> printed_;
  bool failed_ = false;
};

}  // namespace

bool is_row_function(std::string_view name) { return find_row_function(name) != nullptr; }

std::vector<FunctionInfo> row_function_infos() {
  std::vector<FunctionInfo> out;
  for (const RowRow& row : kRowFunctions) {
    FunctionInfo info{std::string(row.name),
                      std::string(row.signature),
                      std::string(row.help),
                      std::string(row.example),
                      "",
                      false};
    info.row = true;
    out.push_back(std::move(info));
  }
  return out;
}

std::unique_ptr<RowProgram> compile_row(std::string_view text, const Scope& scope,
                                        std::vector<Problem>& problems) {
  NodePtr root = parse(text, problems);
  if (!root) return nullptr;
  RowExtractor extractor(text, scope, problems);
  extractor.extract(root);
  if (extractor.failed()) return nullptr;
  auto out = std::make_unique<RowProgram>();
  Scope outer = scope;
  outer.schema = &extractor.schema();
  outer.results = extractor.calls().size();
  out->outer = compile_tree(text, std::move(root), outer, problems);
  if (!out->outer) return nullptr;
  out->calls = std::move(extractor.calls());
  return out;
}

}  // namespace streamflow::expr
