// Calls of functions and their overloads.
#include <re2/re2.h>

#include <algorithm>

#include "core/diagnostic.h"
#include "core/expr/checker.h"
#include "core/expr/foreign.h"

namespace streamflow::expr {
namespace {

std::string argument_types(const Node& node) {
  std::string out;
  for (size_t i = node.receiver ? 1 : 0; i < node.children.size(); ++i) {
    if (i > (node.receiver ? 1u : 0u)) out += ", ";
    out += type_name(node.children[i]->type);
  }
  return out;
}

std::string signatures(const Function& function) {
  std::string out;
  for (const Overload& overload : function.overloads) {
    if (out.size() > 120) return out + "; …";
    out += (out.empty() ? "" : "; ") + overload.signature;
  }
  return out;
}

bool is_namespace(const std::string& prefix) {
  const auto& functions = function_table();
  return std::any_of(functions.begin(), functions.end(), [&prefix](const Function& function) {
    return !function.receiver && function.name.starts_with(prefix);
  });
}

std::vector<std::string> function_names() {
  std::vector<std::string> out;
  for (const Function& function : function_table()) out.push_back(function.name);
  for (const FunctionInfo& info : macro_infos()) out.push_back(info.name);
  for (const FunctionInfo& info : row_function_infos()) out.push_back(info.name);
  return out;
}

}  // namespace

void Checker::call(NodePtr& node) {
  if (macro(node)) return;
  Node& n = *node;
  if (!n.receiver && n.name == "now" && !n.children.empty() && scope_.schema) {
    n.type = Type::kError;
    error("E0303", n.name_begin, n.end, "now() takes no argument", "now() -> timestamp");
    return;
  }
  if (!n.receiver && n.name == "now" && scope_.schema) {
    n.kind = NodeKind::kName;
    n.resolved = Resolved::kNow;
    n.type = Type::kTimestamp;
    n.number = true;
    return;
  }
  const bool static_name = namespaced(n);
  n.function = find_function(n.name, n.receiver);
  n.type = Type::kError;
  if (!n.function) unknown_function(n);
  // Beside an unknown aggregate its fields would seem to stand outside of one.
  if (!n.function && scope_.aggregates) return;
  const bool types = !static_name && n.name == "type";
  for (NodePtr& child : n.children) check(child, types && child->kind == NodeKind::kName);
  for (const NodePtr& child : n.children) n.number = n.number || child->number;
  if (!n.function) return;
  resolve_overload(n);
  constant_pattern(n);
}

// math.greatest(…): the receiver is no value but part of the name.
bool Checker::namespaced(Node& node) {
  if (!node.receiver) return false;
  const Node* receiver = node.children[0].get();
  std::string prefix;
  while (receiver->kind == NodeKind::kSelect && !receiver->optional) {
    prefix = receiver->name + "." + prefix;
    receiver = receiver->children[0].get();
  }
  if (receiver->kind != NodeKind::kName || variable(receiver->name)) return false;
  const std::string full = receiver->name + "." + prefix + node.name;
  if (!find_function(full, false)) {
    // `math.foo`: still a name of a function, if `math` is no field that is known.
    const bool field = scope_.schema && scope_.schema->find(receiver->name);
    if (field || find_function(node.name, true) || !is_namespace(receiver->name + "." + prefix))
      return false;
  }
  node.name_begin = receiver->begin;
  node.name = full;
  node.receiver = false;
  node.children.erase(node.children.begin());
  return true;
}

void Checker::unknown_function(Node& node) {
  std::string label;
  const std::string shown = node.name + "()";
  if (is_aggregate(node.name) && !node.receiver) {
    label = foreign_function(node.name);
    if (node.name == "min") label = "the smaller of two: math.least(a, b)";
    if (node.name == "max") label = "the greater of two: math.greatest(a, b)";
    error("E0307", node.name_begin, node.name_end,
          shown + " is an aggregate and belongs to the select of a window", std::move(label));
    return;
  }
  if (is_row_function(node.name) && !node.receiver) {
    error("E0307", node.name_begin, node.name_end,
          shown + " looks at earlier records and belongs to derive, select or filter",
          "make a field with derive before this step");
    return;
  }
  const Function* other = find_function(node.name, !node.receiver);
  if (other && !node.receiver)
    label = "write x." + node.name + "(…)";
  else if (other)
    label = "write " + node.name + "(x)";
  else if (const std::string_view hint = foreign_function(node.name); !hint.empty())
    label = "write " + std::string(hint);
  else if (const std::string found = nearest(node.name, function_names()); !found.empty())
    label = "did you mean '" + found + "'?";
  error("E0302", node.name_begin, node.name_end, "unknown function '" + node.name + "'",
        std::move(label));
}

void Checker::resolve_overload(Node& node) {
  const Function& function = *node.function;
  bool any_error = false;
  for (const NodePtr& child : node.children) any_error |= child->type == Type::kError;
  const Overload* chosen = nullptr;
  bool several = false;
  for (const Overload& overload : function.overloads) {
    const size_t fixed = overload.parameters.size();
    const size_t count = node.children.size();
    if (overload.variadic ? count < fixed : count != fixed) continue;
    bool fits = true;
    for (size_t i = 0; i < count && fits; ++i) {
      const size_t parameter = std::min(i, fixed - 1);
      const Type type = node.children[i]->type;
      fits = may_accept(overload.parameters[parameter], type, node.number) ||
             (overload.takes_null[parameter] && type == Type::kNull);
    }
    if (!fits) continue;
    several = several || (chosen && chosen->result != overload.result);
    if (!chosen) chosen = &overload;
  }
  if (!chosen) {
    if (!any_error) wrong_arguments(node);
    return;
  }
  node.type = several ? Type::kDyn : chosen->result;
  node.element = several ? Type::kDyn : chosen->element;
}

void Checker::wrong_arguments(Node& node) {
  const Function& function = *node.function;
  const size_t first = node.receiver ? 1 : 0;
  if (!function.takes_count(node.children.size())) {
    const size_t given = node.children.size() - first;
    const std::string wrong = given == 0 ? " needs an argument"
                              : given == 1
                                  ? " does not take one argument"
                                  : " does not take " + std::to_string(given) + " arguments";
    error("E0303", node.name_begin, node.end, "'" + node.name + "'" + wrong, signatures(function));
    return;
  }
  // The caret stands under the first argument that no overload accepts, else under all.
  size_t begin = node.name_begin, end = node.end;
  std::string what = "(" + argument_types(node) + ")";
  for (size_t i = 0; i < node.children.size(); ++i) {
    const bool fits = std::any_of(
        function.overloads.begin(), function.overloads.end(), [&](const Overload& overload) {
          return i < overload.parameters.size() &&
                 may_accept(overload.parameters[i], node.children[i]->type, node.number);
        });
    if (fits) continue;
    begin = node.children[i]->begin;
    end = node.children[i]->end;
    what = with_article(node.children[i]->type);
    break;
  }
  error("E0303", begin, end, "'" + node.name + "' does not take " + what, signatures(function));
}

// Regular expressions that are written out are compiled now.
void Checker::constant_pattern(Node& node) {
  const bool takes_pattern = node.name == "matches" || node.name.starts_with("regex");
  if (!takes_pattern || node.children.size() < 2) return;
  const Node& pattern = *node.children[1];
  if (!pattern.is_literal() || !pattern.value.is(Kind::kString)) return;
  const std::string_view text = pattern.value.text();
  auto compiled =
      std::make_shared<re2::RE2>(re2::StringPiece(text.data(), text.size()), re2::RE2::Quiet);
  if (!compiled->ok())
    error("E0314", pattern.begin, pattern.end, "bad regular expression: " + compiled->error(),
          "the syntax is RE2's");
  node.pattern = std::move(compiled);
}

}  // namespace streamflow::expr
