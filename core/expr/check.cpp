#include "core/expr/check.h"

#include <algorithm>

#include "core/diagnostic.h"
#include "core/expr/checker.h"

namespace streamflow::expr {
namespace {

// Names of types, as CEL spells them.
constexpr std::pair<std::string_view, std::string_view> kTypeNames[] = {
    {"int", "int"},
    {"uint", "uint"},
    {"double", "double"},
    {"bool", "bool"},
    {"string", "string"},
    {"bytes", "bytes"},
    {"list", "list"},
    {"map", "map"},
    {"type", "type"},
    {"null_type", "null_type"},
    {"optional_type", "optional_type"},
    {"timestamp", "google.protobuf.Timestamp"},
    {"duration", "google.protobuf.Duration"},
    {"google.protobuf.Timestamp", "google.protobuf.Timestamp"},
    {"google.protobuf.Duration", "google.protobuf.Duration"},
};
std::string_view type_named(std::string_view name) {
  for (const auto& [written, canonical] : kTypeNames)
    if (written == name) return canonical;
  return {};
}

std::string dotted_path(const Node& node) {
  if (node.kind == NodeKind::kName) return node.name;
  if (node.kind != NodeKind::kSelect || node.optional) return {};
  const std::string before = dotted_path(*node.children[0]);
  return before.empty() ? before : before + "." + node.name;
}

const Node& path_root(const Node& node) {
  return node.kind == NodeKind::kName ? node : path_root(*node.children[0]);
}

size_t slot_of(std::vector<std::string>& names, std::string name) {
  const auto known = std::find(names.begin(), names.end(), name);
  if (known != names.end()) return static_cast<size_t>(known - names.begin());
  names.push_back(std::move(name));
  return names.size() - 1;
}

std::vector<std::string> members_of(const Value& map) {
  std::vector<std::string> out;
  for (const auto& [key, value] : map.entries())
    if (key.is(Kind::kString)) out.emplace_back(key.text());
  return out;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string found = nearest(word, candidates);
  return found.empty() ? found : "did you mean '" + found + "'?";
}

}  // namespace

bool check(Tree& tree, const Scope& scope, std::vector<Problem>& problems) {
  return Checker(tree, scope, problems).run();
}

Type type_of(Kind kind) {
  switch (kind) {
    case Kind::kMissing:
    case Kind::kNull:
      return Type::kNull;
    case Kind::kBool:
      return Type::kBool;
    case Kind::kInt:
      return Type::kInt;
    case Kind::kUint:
      return Type::kUint;
    case Kind::kDouble:
      return Type::kDouble;
    case Kind::kString:
      return Type::kString;
    case Kind::kBytes:
      return Type::kBytes;
    case Kind::kTimestamp:
      return Type::kTimestamp;
    case Kind::kDuration:
      return Type::kDuration;
    case Kind::kList:
      return Type::kList;
    case Kind::kMap:
      return Type::kMap;
    case Kind::kType:
      return Type::kType;
    case Kind::kOptional:
      return Type::kOptional;
    default:
      return Type::kDyn;
  }
}

Type join(Type a, Type b) { return a == b ? a : Type::kDyn; }

StaticType type_of(const Value& value) {
  StaticType out{type_of(value.kind()), Type::kDyn, Type::kDyn};
  if (value.is(Kind::kList)) {
    for (size_t i = 0; i < value.items().size(); ++i) {
      const Type item = type_of(value.items()[i].kind());
      out.element = i == 0 ? item : join(out.element, item);
    }
  } else if (value.is(Kind::kMap)) {
    for (size_t i = 0; i < value.entries().size(); ++i) {
      const auto& [key, item] = value.entries()[i];
      out.key = i == 0 ? type_of(key.kind()) : join(out.key, type_of(key.kind()));
      out.element = i == 0 ? type_of(item.kind()) : join(out.element, type_of(item.kind()));
    }
  }
  return out;
}

void Checker::error(std::string code, size_t begin, size_t end, std::string message,
                    std::string label) {
  static constexpr std::string_view kTyping[] = {"E0301", "E0302", "E0303", "E0304",
                                                 "E0305", "E0306", "E0316"};
  const bool typing = std::find(std::begin(kTyping), std::end(kTyping), code) != std::end(kTyping);
  if (scope_.unchecked && typing) return;
  failed_ = true;
  problems_.push_back({false, std::move(code), begin, end, std::move(message), std::move(label)});
}

void Checker::warning(std::string code, size_t begin, size_t end, std::string message,
                      std::string label) {
  problems_.push_back({true, std::move(code), begin, end, std::move(message), std::move(label)});
}

bool Checker::run() {
  check(tree_.root);
  const Node& root = *tree_.root;
  if (scope_.condition && root.type != Type::kError) {
    condition(root, "this condition");
    if (!failed_ && root.is_literal() && root.type == Type::kBool)
      warning("E0320", root.begin, root.end,
              std::string("this condition is always ") + (root.value.as_bool() ? "true" : "false"));
  }
  return !failed_;
}

void Checker::check(NodePtr& node, bool wants_type) {
  switch (node->kind) {
    case NodeKind::kLiteral:
      become_literal(node, node->value);
      return;
    case NodeKind::kName:
      name(node, wants_type);
      return;
    case NodeKind::kSelect:
      select(node);
      break;
    case NodeKind::kIndex:
      index(node);
      break;
    case NodeKind::kCall:
      call(node);
      break;
    case NodeKind::kUnary:
      check_children(*node);
      unary(*node);
      break;
    case NodeKind::kBinary:
      binary(node);
      break;
    case NodeKind::kAnd:
    case NodeKind::kOr:
      check_children(*node);
      for (const NodePtr& child : node->children)
        condition(*child, node->kind == NodeKind::kAnd ? "an operand of &&" : "an operand of ||");
      node->type = Type::kBool;
      if (decided(*node)) {
        become_literal(node, Value::boolean(node->kind == NodeKind::kOr));
        return;
      }
      break;
    case NodeKind::kConditional:
      conditional(*node);
      break;
    case NodeKind::kList:
      for (NodePtr& child : node->children) check(child, wants_type);
      list(*node);
      break;
    case NodeKind::kMap:
      check_children(*node);
      map(*node);
      break;
  }
  fold(node);
}

void Checker::check_children(Node& node) {
  for (NodePtr& child : node.children) check(child);
}

// --- names ---

const Checker::Variable* Checker::variable(std::string_view name) const {
  for (auto it = variables_.rbegin(); it != variables_.rend(); ++it)
    if (it->name == name) return &*it;
  return nullptr;
}

void Checker::name(NodePtr& node, bool wants_type) {
  const Variable* local = node->rooted ? nullptr : variable(node->name);
  if (local) {
    node->resolved = Resolved::kLocal;
    node->slot = local->slot;
    node->type = local->type.type;
    node->element = local->type.element;
    node->key = local->type.key;
    node->number = local->number;
    node->data = local->data;
    node->constant = true;
    return;
  }
  for (const auto& [bound, value] : scope_.bindings)
    if (bound == node->name) {
      become_literal(node, value);
      return;
    }
  const std::string_view type = type_named(node->name);
  const bool field_first =
      scope_.schema && (scope_.schema->open || scope_.schema->find(node->name));
  if (!type.empty() && (wants_type || !field_first)) {
    become_literal(node, Value::type(std::string(type)));
    return;
  }
  if (!special_name(node)) field(*node, node->name, node->name_begin, node->name_end);
}

bool Checker::special_name(NodePtr& node) {
  const std::string& name = node->name;
  if (!scope_.schema || node->rooted || (name != "record" && name != "time" && name != "meta"))
    return false;
  node->number = true;
  if (name != "meta" && scope_.schema->find(name))
    warning("E0321", node->begin, node->end, "'" + name + "' hides the field of this name",
            "the field is record." + name);
  if (name == "time") {
    node->resolved = Resolved::kTime;
    node->type = Type::kTimestamp;
  } else if (name == "record") {
    node->resolved = Resolved::kRecord;
    node->type = Type::kMap;
    node->key = Type::kString;
    node->data = true;
    tree_.whole_record = true;
  } else {
    error("E0316", node->begin, node->end, "meta has fields, it is no value",
          "write meta.topic, meta.key…");
    node->type = Type::kError;
  }
  return true;
}

void Checker::field(Node& node, std::string name, size_t begin, size_t end) {
  node.number = node.data = true;
  if (!scope_.schema) {
    std::vector<std::string> names;
    for (const auto& [bound, value] : scope_.bindings) names.push_back(bound);
    node.type = Type::kError;
    error("E0301", begin, end, "unknown name '" + name + "'", did_you_mean(name, names));
    return;
  }
  const Field* known = scope_.schema->find(name);
  if (!known && !scope_.schema->open) {
    unknown_field(node, *scope_.schema, name, begin, end);
    return;
  }
  node.type = known ? known->type : Type::kDyn;
  if (is_numeric(node.type)) node.type = Type::kNumber;
  node.kind = NodeKind::kName;
  node.resolved = Resolved::kField;
  node.name = std::move(name);
  node.children.clear();
  node.slot = static_cast<uint32_t>(slot_of(tree_.fields, node.name));
}

void Checker::unknown_field(Node& node, const Schema& schema, const std::string& name, size_t begin,
                            size_t end) {
  node.type = Type::kError;
  if (scope_.aggregates) {
    error("E0308", begin, end, "'" + name + "' stands outside an aggregate",
          "write mean(" + name + "), last(" + name + ")… or add it to `by`");
    return;
  }
  std::string label = did_you_mean(name, schema.names());
  if (label.empty() && schema.fields.size() <= 12) {
    for (const std::string& known : schema.names()) {
      if (known.starts_with('$')) continue;
      label += (label.empty() ? "known: " : ", ") + known;
    }
  }
  error("E0301", begin, end, "unknown field '" + name + "'", std::move(label));
}

void Checker::meta_field(Node& node, std::string name) {
  node.kind = NodeKind::kName;
  node.resolved = Resolved::kMetaField;
  node.name = std::move(name);
  node.children.clear();
  node.slot = static_cast<uint32_t>(slot_of(tree_.meta, node.name));
  node.number = node.data = true;
}

// --- paths ---

// google.protobuf.Timestamp, bindings with dots in their names.
bool Checker::dotted(NodePtr& node) {
  const std::string path = dotted_path(*node);
  if (path.empty()) return false;
  const Node& root = path_root(*node);
  if (!root.rooted && variable(root.name)) return false;
  for (const auto& [bound, value] : scope_.bindings)
    if (bound == path) {
      become_literal(node, value);
      return true;
    }
  const std::string_view type = type_named(path);
  if (type.empty()) return false;
  become_literal(node, Value::type(std::string(type)));
  return true;
}

// `record` and `meta` as the written names, not hidden by a variable or binding.
static bool is_special(const Scope& scope, const Node& node, std::string_view name) {
  return scope.schema && node.kind == NodeKind::kName && !node.rooted && node.name == name &&
         std::none_of(scope.bindings.begin(), scope.bindings.end(),
                      [name](const auto& bound) { return bound.first == name; });
}

void Checker::select(NodePtr& node) {
  if (dotted(node)) return;
  const Node& operand = *node->children[0];
  const bool free = operand.kind == NodeKind::kName && !variable(operand.name) && !node->optional;
  if (free && is_special(scope_, operand, "record")) {
    field(*node, node->name, node->name_begin, node->name_end);
    return;
  }
  if (free && is_special(scope_, operand, "meta")) {
    meta_field(*node, node->name);
    return;
  }
  check(node->children[0]);
  const Node& checked = *node->children[0];
  node->number = checked.number;
  node->data = checked.data;
  node->constant = checked.constant;
  const bool chained = checked.type == Type::kOptional;
  node->nested =
      !node->optional &&
      (checked.nested || (checked.kind == NodeKind::kName && checked.resolved == Resolved::kField));
  if (checked.type == Type::kError) {
    node->type = Type::kError;
  } else if (checked.type == Type::kMap || chained) {
    node->type = checked.type == Type::kMap ? checked.element : Type::kOptional;
    if (checked.is_literal() && checked.value.is(Kind::kMap) && !node->optional &&
        member(checked.value, Value::borrowed(node->name)).is(Kind::kMissing)) {
      const std::string label = did_you_mean(node->name, members_of(checked.value));
      if (!label.empty()) warning("E0322", node->name_begin, node->name_end, "no such key", label);
    }
  } else if (!is_open(checked.type) && !(checked.type == Type::kNull && node->optional)) {
    const Function* method = find_function(node->name, true);
    const bool function =
        method && std::any_of(method->overloads.begin(), method->overloads.end(),
                              [&checked](const Overload& overload) {
                                return overload.parameters.size() == 1 &&
                                       may_accept(overload.parameters[0], checked.type, true);
                              });
    error("E0316", node->name_begin, node->name_end, with_article(checked.type) + " has no fields",
          function ? "write " + node->name + "()" : "");
    node->type = Type::kError;
  }
  if (node->optional && node->type != Type::kError) {
    node->element = node->type;
    node->type = Type::kOptional;
  }
}

void Checker::index(NodePtr& node) {
  const Node& operand = *node->children[0];
  const bool free = operand.kind == NodeKind::kName && !variable(operand.name) && !node->optional;
  const bool named = node->children[1]->is_literal() && node->children[1]->value.is(Kind::kString);
  if (free && named && is_special(scope_, operand, "record")) {
    const Node& key = *node->children[1];
    field(*node, std::string(key.value.text()), key.begin, key.end);
    return;
  }
  if (free && named && is_special(scope_, operand, "meta")) {
    meta_field(*node, std::string(node->children[1]->value.text()));
    return;
  }
  check_children(*node);
  const Node& container = *node->children[0];
  const Node& key = *node->children[1];
  node->number = container.number || key.number;
  node->data = container.data;
  node->constant = container.constant && key.constant;
  node->type = Type::kDyn;
  if (container.type == Type::kError || key.type == Type::kError) {
    node->type = Type::kError;
  } else if (container.type == Type::kList) {
    node->type = container.element;
    if (!is_numeric(key.type) && !is_open(key.type))
      error("E0316", key.begin, key.end,
            "a list is indexed by a whole number, not " + with_article(key.type));
  } else if (container.type == Type::kMap) {
    node->type = container.element;
  } else if (container.type == Type::kOptional) {
    node->type = Type::kOptional;
  } else if (!is_open(container.type)) {
    error("E0316", node->name_begin, key.end, with_article(container.type) + " has no elements",
          container.type == Type::kString ? "write text.charAt(index)" : "");
    node->type = Type::kError;
  }
  if (node->optional && node->type != Type::kError) node->type = Type::kOptional;
}

// --- lists, maps ---

void Checker::list(Node& node) {
  node.type = Type::kList;
  node.constant = true;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& item = *node.children[i];
    node.element = i == 0 ? item.type : join(node.element, item.type);
    node.number = node.number || item.number;
    node.constant = node.constant && item.constant;
  }
  if (!node.marked.empty()) node.element = Type::kDyn;
}

void Checker::map(Node& node) {
  node.type = Type::kMap;
  node.constant = true;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key = *node.children[i];
    const Node& value = *node.children[i + 1];
    node.key = i == 0 ? key.type : join(node.key, key.type);
    node.element = i == 0 ? value.type : join(node.element, value.type);
    node.number = node.number || key.number || value.number;
    node.constant = node.constant && key.constant && value.constant;
    const bool fits = key.type == Type::kString || key.type == Type::kBool ||
                      key.type == Type::kInt || key.type == Type::kUint ||
                      key.type == Type::kNumber || is_open(key.type);
    if (!fits)
      error("E0304", key.begin, key.end, "a map's key cannot be " + with_article(key.type));
  }
  if (!node.marked.empty()) node.element = Type::kDyn;
}

}  // namespace streamflow::expr
