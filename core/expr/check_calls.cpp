// Calls: macros, functions and their overloads.
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "core/diagnostic.h"
#include "core/expr/checker.h"

namespace streamflow::expr {
namespace {

struct MacroRow {
  std::string_view name;
  Macro macro;
  size_t variables;
  size_t least, most;  // arguments, variables included, the range not
};
constexpr std::array kMacros = {
    MacroRow{"all", Macro::kAll, 1, 2, 2},
    MacroRow{"all", Macro::kAll, 2, 3, 3},
    MacroRow{"exists", Macro::kExists, 1, 2, 2},
    MacroRow{"exists", Macro::kExists, 2, 3, 3},
    MacroRow{"exists_one", Macro::kExistsOne, 1, 2, 2},
    MacroRow{"existsOne", Macro::kExistsOne, 1, 2, 2},
    MacroRow{"exists_one", Macro::kExistsOne, 2, 3, 3},
    MacroRow{"existsOne", Macro::kExistsOne, 2, 3, 3},
    MacroRow{"map", Macro::kMap, 1, 2, 3},
    MacroRow{"filter", Macro::kFilter, 1, 2, 2},
    MacroRow{"transformList", Macro::kTransformList, 2, 3, 4},
    MacroRow{"transformMap", Macro::kTransformMap, 2, 3, 4},
    MacroRow{"transformMapEntry", Macro::kTransformMapEntry, 2, 3, 4},
    MacroRow{"sortBy", Macro::kSortBy, 1, 2, 2},
    MacroRow{"optMap", Macro::kOptMap, 1, 2, 2},
    MacroRow{"optFlatMap", Macro::kOptFlatMap, 1, 2, 2},
};

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

std::vector<std::string> function_names() {
  std::vector<std::string> out;
  for (const Function& function : function_table()) out.push_back(function.name);
  for (const MacroRow& row : kMacros) out.emplace_back(row.name);
  out.emplace_back("has");
  out.emplace_back("now");
  return out;
}

}  // namespace

std::vector<FunctionInfo> macro_infos() {
  return {
      {"has", "has(field) -> bool", "Whether the record has the field, null or not.",
       "has({'a': null}.a)", "true", false},
      {"now", "now() -> timestamp", "When the record arrived.", "", "", false},
      {"all", "list.all(x, bool) -> bool",
       "Whether it is true for all elements (keys of a map); also all(index, value, bool).",
       "[1, 2, 3].all(x, x > 0)", "true", false},
      {"exists", "list.exists(x, bool) -> bool", "Whether it is true for an element.",
       "[1, 2, 3].exists(x, x > 2)", "true", false},
      {"exists_one", "list.exists_one(x, bool) -> bool",
       "Whether it is true for exactly one element; also existsOne.",
       "[1, 2, 2].exists_one(x, x == 2)", "false", false},
      {"map", "list.map(x, any) -> list",
       "A list of a result for each element; map(x, condition, result) takes only some.",
       "[1, 2, 3].map(x, x * 2)", "[2, 4, 6]", false},
      {"filter", "list.filter(x, bool) -> list", "The elements for which it is true.",
       "[1, 2, 3].filter(x, x != 2)", "[1, 3]", false},
      {"sortBy", "list.sortBy(x, any) -> list", "The elements in the order of a key.",
       "['ccc', 'a', 'bb'].sortBy(x, size(x))", "['a', 'bb', 'ccc']", false},
      {"transformList", "list.transformList(i, x, any) -> list",
       "As map, with the index (of a map: the key); a condition may stand before the result.",
       "['a', 'b'].transformList(i, x, x + string(i))", "['a0', 'b1']", false},
      {"transformMap", "map.transformMap(key, value, any) -> map",
       "A map with the same keys and new values; a condition may stand before the result.",
       "{'a': 1}.transformMap(k, v, v + 1)", "{'a': 2}", false},
      {"transformMapEntry", "map.transformMapEntry(key, value, map) -> map",
       "A map of the entries that each entry gives.",
       "{'a': 1}.transformMapEntry(k, v, {k + '_new': v})", "{'a_new': 1}", false},
      {"cel.bind", "cel.bind(x, any, any) -> any", "The last argument with x as a name.",
       "cel.bind(x, 3, x * x)", "9", false},
      {"optMap", "optional.optMap(x, any) -> optional",
       "The result for the value, if there is one, as an optional.",
       "optional.of(2).optMap(x, x + 1).value()", "3", false},
      {"optFlatMap", "optional.optFlatMap(x, optional) -> optional",
       "The optional that the value gives, if there is one.",
       "optional.of(2).optFlatMap(x, optional.none()).hasValue()", "false", false},
  };
}

void Checker::call(NodePtr& node) {
  if (macro(node)) return;
  Node& n = *node;
  if (!n.receiver && n.name == "now" && n.children.empty() && scope_.schema) {
    n.kind = NodeKind::kName;
    n.resolved = Resolved::kNow;
    n.type = Type::kTimestamp;
    n.number = true;
    return;
  }
  const bool static_name = namespaced(n);
  n.function = find_function(n.name, n.receiver);
  const bool types = !static_name && n.name == "type";
  for (NodePtr& child : n.children) check(child, types && child->kind == NodeKind::kName);
  for (const NodePtr& child : n.children) n.number = n.number || child->number;
  n.type = Type::kError;
  if (!n.function) {
    unknown_function(n);
    return;
  }
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
  if (!find_function(full, false)) return false;
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
    label = function_hint(node.name);
    if (node.name == "min") label = "the smaller of two: math.least(a, b)";
    if (node.name == "max") label = "the greater of two: math.greatest(a, b)";
    error("E0307", node.name_begin, node.name_end,
          shown + " is an aggregate and belongs to the select of a window", std::move(label));
    return;
  }
  const Function* other = find_function(node.name, !node.receiver);
  if (other && !node.receiver)
    label = "write x." + node.name + "(…)";
  else if (other)
    label = "write " + node.name + "(x)";
  else if (const std::string_view hint = function_hint(node.name); !hint.empty())
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
    const std::string count = given == 0   ? "no argument"
                              : given == 1 ? "one argument"
                                           : std::to_string(given) + " arguments";
    error("E0303", node.name_begin, node.end, "'" + node.name + "' does not take " + count,
          signatures(function));
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
    what = "a " + std::string(type_name(node.children[i]->type));
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

// --- macros ---

bool Checker::macro(NodePtr& node) {
  Node& n = *node;
  if (!n.receiver) return n.name == "has" && n.children.size() == 1 ? has(n) : false;
  const size_t arguments = n.children.size() - 1;
  const Node& receiver = *n.children[0];
  if (n.name == "bind" && receiver.kind == NodeKind::kName && receiver.name == "cel" &&
      arguments == 3) {
    n.children.erase(n.children.begin());
    std::swap(n.children[0], n.children[1]);  // value, variable, body
    n.name = "cel.bind";
    n.receiver = false;
    n.macro = Macro::kBind;
    if (take_variables(n, 1)) finish_macro(n);
    return true;
  }
  const MacroRow* row = nullptr;
  bool known = false;
  for (const MacroRow& candidate : kMacros) {
    if (candidate.name != n.name) continue;
    known = true;
    if (arguments < candidate.least || arguments > candidate.most) continue;
    // map(x, p, e) and all(i, v, p) have one count: the second argument tells them apart.
    row = &candidate;
    break;
  }
  if (!row) {
    if (!known || find_function(n.name, true)) return false;
    n.type = Type::kError;
    error("E0315", n.name_begin, n.end, n.name + "() takes a variable and an expression",
          "write list." + n.name + "(x, …)");
    return true;
  }
  n.macro = row->macro;
  if (take_variables(n, row->variables)) finish_macro(n);
  return true;
}

// Takes the variables out of the children and gives them slots.  The range is checked before they
// exist.
bool Checker::take_variables(Node& node, size_t count) {
  check(node.children[0]);
  node.variables = static_cast<uint8_t>(count);
  std::vector<StaticType> types;
  if (node.macro == Macro::kBind) {
    const Node& value = *node.children[0];
    types = {StaticType{value.type, value.element, value.key}};
  } else {
    range_types(*node.children[0], count, types);
  }
  const Node& range = *node.children[0];
  std::vector<Variable> added;
  for (size_t i = 0; i < count; ++i) {
    const Node& variable = *node.children[1 + i];
    if (variable.kind != NodeKind::kName || variable.rooted) {
      node.type = Type::kError;
      error("E0315", variable.begin, variable.end,
            "the first argument of " + node.name + "() names a variable",
            "write " + node.name + "(x, …)");
      return false;
    }
    if (i == 1 && variable.name == added[0].name) {
      node.type = Type::kError;
      error("E0315", variable.begin, variable.end, "two variables of one name");
      return false;
    }
    const auto slot = static_cast<uint32_t>(variables_.size() + i);
    added.push_back({variable.name, slot, types[i], range.number, range.data});
  }
  node.slot = added[0].slot;
  node.children.erase(node.children.begin() + 1,
                      node.children.begin() + 1 + static_cast<ptrdiff_t>(count));
  variables_.insert(variables_.end(), added.begin(), added.end());
  tree_.locals = std::max(tree_.locals, static_cast<uint32_t>(variables_.size()));
  for (size_t i = 1; i < node.children.size(); ++i) check(node.children[i]);
  variables_.resize(variables_.size() - count);
  return true;
}

void Checker::range_types(const Node& range, size_t variables, std::vector<StaticType>& out) const {
  const bool list = range.type == Type::kList, map = range.type == Type::kMap;
  const StaticType element{list || map || range.type == Type::kOptional ? range.element
                                                                        : Type::kDyn};
  const StaticType key{map ? range.key : Type::kDyn};
  if (variables == 2) {
    out = {list ? StaticType{Type::kInt} : key, element};
  } else {
    out = {map ? key : element};
  }
}

void Checker::finish_macro(Node& node) {
  const Node& range = *node.children[0];
  const Node& result = *node.children.back();
  for (const NodePtr& child : node.children) node.number = node.number || child->number;
  const bool optional = node.macro == Macro::kOptMap || node.macro == Macro::kOptFlatMap;
  const bool lists = node.macro != Macro::kBind && !optional;
  if (node.macro == Macro::kBind) {
    node.type = result.type;
    node.element = result.element;
    node.key = result.key;
    node.data = range.data && result.data;
    return;
  }
  const bool fits =
      is_open(range.type) || (lists ? range.type == Type::kList || range.type == Type::kMap
                                    : range.type == Type::kOptional);
  if (!fits) {
    node.type = Type::kError;
    error("E0315", range.begin, range.end,
          node.name +
              (lists ? "() goes through lists and maps, not a "
                     : "() belongs to optionals, not to a ") +
              std::string(type_name(range.type)));
    return;
  }
  switch (node.macro) {
    case Macro::kAll:
    case Macro::kExists:
    case Macro::kExistsOne:
      condition(result, "the condition of " + node.name + "()");
      node.type = Type::kBool;
      return;
    case Macro::kFilter:
      condition(result, "the condition of filter()");
      node.type = Type::kList;
      node.element = range.type == Type::kMap ? range.key : range.element;
      return;
    case Macro::kSortBy:
      node.type = Type::kList;
      node.element = range.element;
      return;
    case Macro::kOptMap:
    case Macro::kOptFlatMap:
      node.type = Type::kOptional;
      node.element = node.macro == Macro::kOptMap ? result.type : result.element;
      return;
    case Macro::kTransformMap:
    case Macro::kTransformMapEntry:
      node.type = Type::kMap;
      node.key =
          range.type == Type::kMap && node.macro == Macro::kTransformMap ? range.key : Type::kDyn;
      if (node.macro == Macro::kTransformMap) node.element = result.type;
      return;
    default:
      if (node.children.size() > 2)
        condition(*node.children[1], "the condition of " + node.name + "()");
      node.type = Type::kList;
      node.element = result.type;
  }
}

// has(x), has(a.b), has(record['x'])
bool Checker::has(Node& node) {
  NodePtr& what = node.children[0];
  node.macro = Macro::kHas;
  node.type = Type::kBool;
  const bool keyed = what->kind == NodeKind::kIndex && what->children[1]->is_literal() &&
                     what->children[1]->value.is(Kind::kString);
  const bool path = what->kind == NodeKind::kName || what->kind == NodeKind::kSelect || keyed;
  const size_t begin = what->begin, end = what->end;
  if (path && !what->optional) {
    // The operand alone is looked into: `has(a.b)` must not fold or fail on b.
    const bool field = what->kind == NodeKind::kName;
    if (field && !variable(what->name)) {
      check(what);
      if (what->resolved == Resolved::kField || what->type == Type::kError) {
        node.number = true;
        return true;
      }
    } else if (!field) {
      NodePtr probe = std::move(what);
      const bool was_failed = failed_;
      probe->marked = {};
      Node& inner = *probe;
      const bool special =
          inner.children[0]->kind == NodeKind::kName &&
          (inner.children[0]->name == "record" || inner.children[0]->name == "meta");
      if (special) {
        check(probe);
      } else {
        check(inner.children[0]);
        inner.number = inner.children[0]->number;
        inner.data = inner.children[0]->data;
        inner.constant = inner.children[0]->constant;
        const Type type = inner.children[0]->type;
        if (type != Type::kMap && type != Type::kOptional && !is_open(type) &&
            failed_ == was_failed)
          error("E0316", inner.name_begin, inner.name_end,
                "a " + std::string(type_name(type)) + " has no fields");
        if (keyed) check(inner.children[1]);
      }
      node.number = probe->number;
      what = std::move(probe);
      return true;
    }
  }
  node.type = Type::kError;
  error("E0315", begin, end, "has() asks for a field",
        "write has(x), has(a.b) or has(record['x'])");
  return true;
}

}  // namespace streamflow::expr
