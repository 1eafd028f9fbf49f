// Macros: their variables, and the types of what they give.
#include <algorithm>
#include <array>

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

const MacroRow* find_macro(std::string_view name, size_t arguments) {
  const auto found =
      std::find_if(kMacros.begin(), kMacros.end(), [name, arguments](const MacroRow& row) {
        return row.name == name && arguments >= row.least && arguments <= row.most;
      });
  return found == kMacros.end() ? nullptr : &*found;
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

MacroShape macro_shape(const Node& node) {
  if (node.kind != NodeKind::kCall || !node.receiver) return {};
  const size_t arguments = node.children.size() - 1;
  const Node& receiver = *node.children[0];
  if (node.name == "bind" && receiver.kind == NodeKind::kName && receiver.name == "cel")
    return {arguments == 3 ? 1u : 0u, 3};
  const MacroRow* row = find_macro(node.name, arguments);
  return row ? MacroShape{row->variables, row->variables + 1} : MacroShape{};
}

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
  const MacroRow* row = find_macro(n.name, arguments);
  const bool known = std::any_of(kMacros.begin(), kMacros.end(), [&n](const MacroRow& candidate) {
    return candidate.name == n.name;
  });
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
  const std::vector<StaticType> types = variable_types(node, count);
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
    if (variable.name == "__result__") {  // the name of what other implementations gather in
      node.type = Type::kError;
      error("E0315", variable.begin, variable.end, "a variable cannot have this name");
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

// The variables of cel.bind and optMap are the value itself; of the others elements, keys, indexes.
std::vector<StaticType> Checker::variable_types(const Node& node, size_t variables) {
  const Node& range = *node.children[0];
  if (node.macro == Macro::kBind) return {{range.type, range.element, range.key}};
  const bool list = range.type == Type::kList, map = range.type == Type::kMap;
  const bool held = list || map || range.type == Type::kOptional;
  const StaticType element{held ? range.element : Type::kDyn};
  const StaticType key{map ? range.key : Type::kDyn};
  if (variables == 2) return {list ? StaticType{Type::kInt} : key, element};
  return {map ? key : element};
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
    error(
        "E0315", range.begin, range.end,
        node.name +
            (lists ? "() goes through lists and maps, not " : "() belongs to optionals, not to ") +
            with_article(range.type));
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

// has(x), has(a.b), has(record['x']): the last name is looked for, not evaluated.
bool Checker::has(Node& node) {
  NodePtr& what = node.children[0];
  const bool keyed = scope_.schema && what->kind == NodeKind::kIndex &&
                     what->children[1]->is_literal() && what->children[1]->value.is(Kind::kString);
  const bool field = what->kind == NodeKind::kName && !variable(what->name);
  node.macro = Macro::kHas;
  node.type = Type::kBool;
  if (what->optional || !(keyed || field || what->kind == NodeKind::kSelect)) {
    node.type = Type::kError;
    error("E0315", what->begin, what->end, "has() asks for a field",
          "write has(x), has(a.b) or has(record['x'])");
    return true;
  }
  if (field) {
    const size_t begin = what->begin, end = what->end;
    check(what);
    if (what->resolved != Resolved::kField && what->type != Type::kError)
      error("E0315", begin, end, "has() asks for a field", "has(record.x), has(a.b)");
  } else {
    has_member(what);
  }
  node.number = what->number;
  return true;
}

void Checker::has_member(NodePtr& what) {
  NodePtr& operand = what->children[0];
  const bool special = operand->kind == NodeKind::kName && !variable(operand->name) &&
                       (operand->name == "record" || operand->name == "meta");
  if (special && scope_.schema) {
    check(what);  // a field, a meta field
    return;
  }
  check(operand);
  what->number = operand->number;
  what->data = operand->data;
  what->constant = operand->constant;
  const Type type = operand->type;
  if (type != Type::kMap && type != Type::kOptional && !is_open(type))
    error("E0316", what->name_begin, what->name_end, with_article(type) + " has no fields");
  if (what->kind == NodeKind::kIndex) check(what->children[1]);
}

}  // namespace streamflow::expr
